package console

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func TestLogLinesNameTheOperator(t *testing.T) {
	w := newWorld(t, source)
	var lines bytes.Buffer
	receiver, err := web.NewReceiver(web.Config{Logger: slog.New(slog.NewJSONHandler(&lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = receiver.Handler(web.NewMux(w.console.Routes()...))
	v := w.operator("viewer")
	want := "operator:" + w.idOf(account.KindOperator, "viewer@example.com")
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/console/sign-in", "anonymous"},
		{"GET", "/console/users", want},
		{"GET", "/console/users/none", want},
		{"POST", "/console/operators", want}, // refused
		{"POST", "/console/sign-out", want},
		{"GET", "/console/users", "anonymous"},
	} {
		lines.Reset()
		a := v.send(tt.method, tt.path, nil)
		var line struct{ Caller string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		if line.Caller != tt.want {
			t.Errorf("the line of %s %s (%d) has the caller %q, want %q", tt.method, tt.path, a.Code, line.Caller, tt.want)
		}
	}
}
