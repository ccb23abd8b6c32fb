package web

import (
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// goroutineLabels returns the labels of the goroutines whose stack has a function, as the goroutine profile shows them.
func goroutineLabels(t *testing.T, function string) string {
	t.Helper()
	var text, found strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(text.String(), "\n\n") {
		if _, labels, ok := strings.Cut(part, "# labels: "); ok && strings.Contains(part, function) {
			labels, _, _ = strings.Cut(labels, "\n")
			found.WriteString(labels)
		}
	}
	return found.String()
}

func TestGoroutineOfARequestHasItsLabels(t *testing.T) {
	var onGoroutine string
	inContext := map[string]string{}
	look := func(r *http.Request) {
		onGoroutine = goroutineLabels(t, "TestGoroutineOfARequestHasItsLabels")
		clear(inContext)
		pprof.ForLabels(r.Context(), func(name, value string) bool {
			inContext[name] = value
			return true
		})
	}
	identify := func(r *http.Request) (caller.Caller, error) {
		switch r.Header.Get("Authorization") {
		case "key":
			return caller.Key(caller.Identity{ID: "u1", Proof: caller.Proof{Kind: caller.ProofKey, ID: "k1"}}), nil
		case "bad":
			return caller.Caller{}, errs.New(errs.Unauthenticated, "who")
		}
		return caller.Caller{}, nil
	}
	add := func(m *Mux) {
		handle(m, "GET /api/{table}", func(_ http.ResponseWriter, r *http.Request) error {
			SetTable(r, r.PathValue("table"), "list")
			look(r)
			return nil
		})
		handle(m, "GET /plain", func(_ http.ResponseWriter, r *http.Request) error {
			look(r)
			return nil
		})
	}
	s := newSite(t, Config{Labels: profile.NewLabeler(), Identify: identify}, add)
	for _, tt := range []struct{ path, authorization, want string }{
		{"/api/posts", "", `{"operation":"list", "route":"GET /api/{table}", "table":"posts"}`},
		{"/api/posts", "key", `{"key":"k1", "operation":"list", "route":"GET /api/{table}", "table":"posts"}`},
		{"/plain", "key", `{"key":"k1", "route":"GET /plain"}`},
		{"/plain", "", `{"route":"GET /plain"}`}, // nothing is left of the request before on this connection
	} {
		s.do(t, "GET", tt.path, "Authorization", tt.authorization)
		if onGoroutine != tt.want {
			t.Errorf("GET %s %s: the goroutine has %s, want %s", tt.path, tt.authorization, onGoroutine, tt.want)
		}
		for name, value := range inContext {
			if pair := `"` + name + `":"` + value + `"`; !strings.Contains(tt.want, pair) {
				t.Errorf("GET %s %s: the context has %s, want %s", tt.path, tt.authorization, pair, tt.want)
			}
		}
		if strings.Count(tt.want, `":"`) != len(inContext) {
			t.Errorf("GET %s %s: the context has %v, want %s", tt.path, tt.authorization, inContext, tt.want)
		}
	}

	for _, refused := range []struct{ path, authorization string }{{"/none", ""}, {"/plain", "bad"}} {
		s.do(t, "GET", "/plain")
		s.do(t, "GET", refused.path, "Authorization", refused.authorization)
		if labels := goroutineLabels(t, "net/http.(*conn).serve"); strings.Contains(labels, "route") {
			t.Errorf("after %v the connection still has the labels %s", refused, labels)
		}
	}

	s = newSite(t, Config{Identify: identify}, add)
	s.do(t, "GET", "/api/posts")
	if strings.Contains(onGoroutine, "route") || len(inContext) > 0 {
		t.Errorf("without a Labeler the request has labels: %s, %v", onGoroutine, inContext)
	}
}
