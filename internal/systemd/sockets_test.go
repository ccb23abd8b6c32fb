package systemd_test

import (
	"os"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/systemd"
)

func TestSocketsOfAnotherProcessAreNotTaken(t *testing.T) {
	for _, env := range []map[string]string{
		{},
		{"LISTEN_FDS": "1"},
		{"LISTEN_FDS": "1", "LISTEN_PID": "78"},
		{"LISTEN_PID": "77"},
		{"LISTEN_FDS": "0", "LISTEN_PID": "77"},
	} {
		if found, err := systemd.Sockets(environ(env), 77); err != nil || len(found) > 0 {
			t.Errorf("with %v: %v, %v; want none", env, found, err)
		}
	}
}

func TestBadSocketsAreExplained(t *testing.T) {
	for _, count := range []string{"x", "-1", "65", "1.5"} {
		if _, err := systemd.Sockets(environ(map[string]string{"LISTEN_FDS": count, "LISTEN_PID": "77"}), os.Getpid()+1); err != nil {
			t.Errorf("LISTEN_FDS=%s of another process: %v", count, err)
		}
		if _, err := systemd.Sockets(environ(map[string]string{"LISTEN_FDS": count, "LISTEN_PID": "77"}), 77); err == nil {
			t.Errorf("LISTEN_FDS=%s is taken", count)
		}
	}
}
