package app

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
)

// A server whose Redis is away starts, warns without the password, and counts by itself.
func TestServerWithoutItsRedis(t *testing.T) {
	address, err := redisledger.ParseAddress("redis://:hunter2@127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	server := opened(t, app(t, sharedApp), Config{Limits: address, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if text := log.String(); !strings.Contains(text, "limits are not shared") || !strings.Contains(text, "127.0.0.1:1") || strings.Contains(text, "hunter2") {
		t.Errorf("the log says %s", text)
	}
	run := start(t, server)
	passed := 0
	for range 150 {
		if get(t, run.base+"/api/notes").status == http.StatusOK {
			passed++
		}
	}
	if passed != 100 {
		t.Errorf("%d requests passed, want 100", passed)
	}
}
