package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocksNameTheProcessThatHoldsTheWriteLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	if locks, err := db.Locks(t.Context()); err != nil || len(locks) > 0 {
		t.Errorf("Locks = %+v, %v; nobody else has the database", locks, err)
	}
	c := startChild(t, "holds", path)
	c.line(t)
	locks, err := db.Locks(t.Context())
	if want := fmt.Sprintf("(process %d)", c.cmd.Process.Pid); err != nil || len(locks) != 1 || !strings.HasSuffix(locks[0].Holder, want) {
		t.Errorf("Locks = %+v, %v; want one with %s", locks, err, want)
	}
	if _, err := db.Server(context.Background()); err != nil {
		t.Errorf("Server = %v", err)
	}
}

func TestHolderIn(t *testing.T) {
	for _, tt := range []struct {
		line string
		pid  int
		ok   bool
	}{
		{"3: POSIX  ADVISORY  WRITE 4711 fd:01:1048602 120 120", 4711, true},
		{"3: POSIX  ADVISORY  WRITE 4711 fd:01:1048602 120 127", 4711, true},
		{"3: POSIX  ADVISORY  WRITE -1 fd:01:1048602 120 120", -1, true},
		{"3: POSIX  ADVISORY  READ 4711 fd:01:1048602 120 120", 0, false},
		{"3: POSIX  ADVISORY  WRITE 4711 fd:01:1048602 123 123", 4711, false},
		{"3: POSIX  ADVISORY  WRITE 4711 fd:01:9 120 120", 0, false},
		{"3: -> POSIX  ADVISORY  WRITE 4711 fd:01:1048602 120 120", 0, false},
		{"3: FLOCK  ADVISORY  WRITE 4711 fd:01:1048602 0 EOF", 4711, false},
		{"", 0, false},
	} {
		if pid, ok := holderIn(tt.line, 1048602); ok != tt.ok || (ok && pid != tt.pid) {
			t.Errorf("holderIn(%q) = %d, %t, want %d, %t", tt.line, pid, ok, tt.pid, tt.ok)
		}
	}
}
