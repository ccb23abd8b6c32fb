// Package e2e looks at a server from outside: each script of testdata is an app and a conversation with it over HTTP.
package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/ashlar-dev/ashlar/internal/auth"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/server"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// engine is where the rows of an app are; every script is run on every engine.
type engine struct {
	name     string
	database func(t *testing.T) (address, direct string) // "" for the data folder
}

func engines() []engine {
	return []engine{
		{"sqlite", func(*testing.T) (address, direct string) { return "", "" }},
		{"postgresql", func(t *testing.T) (address, direct string) { return pgtest.URL(t), "" }},
		{"pgbouncer", func(t *testing.T) (address, direct string) { return pgtest.Pooled(t) }},
	}
}

func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts (%v)", err)
	}
	for _, e := range engines() {
		for _, path := range paths {
			t.Run(e.name+"/"+strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
				t.Parallel()
				s := readScript(t, path)
				world := serve(t, e, s.app)
				for _, st := range s.steps {
					world.run(t, filepath.Base(path), s, st)
				}
			})
		}
	}
}

// world is a served app, and what its script has learned so far.
type world struct {
	base   string // http://127.0.0.1:4711
	data   string // the data folder
	now    atomic.Int64
	client *http.Client
	vars   map[string]string
	first  map[string]string // answers by label
	tokens map[string]string
}

// start is the time at which every script begins.
const start = "2026-01-31T12:00:00Z"

func serve(t *testing.T, e engine, app []txtar.File) *world {
	t.Helper()
	began, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range app {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{
		data: server.DefaultData(dir), vars: map[string]string{}, first: map[string]string{}, tokens: map[string]string{},
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	w.now.Store(began.UnixMicro())
	ctx, cancel := context.WithCancel(context.Background())
	address, direct := e.database(t)
	s, err := server.Open(ctx, dir, server.Config{Database: address, Direct: direct, Now: w.time, Version: "v0.0.0-test"})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, s.Close()))
	}
	w.base = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return w
}

func (w *world) time() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

// token signs a token as the server itself would.
func (w *world) token(t *testing.T, s script, name string) string {
	t.Helper()
	if token := w.tokens[name]; token != "" {
		return token
	}
	who, ok := s.callers[name]
	if !ok {
		t.Fatalf("the script declares no caller %s", name)
	}
	keys, err := auth.Open(filepath.Join(w.data, "signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Sign(caller.Identity{ID: who.id, Email: who.email, Roles: who.roles}, time.Hour, w.time())
	if err != nil {
		t.Fatal(err)
	}
	w.tokens[name] = token
	return token
}
