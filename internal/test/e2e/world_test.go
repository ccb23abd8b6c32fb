package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
)

// A world is a served app, with the state of its script.
type world struct {
	base   string // http://127.0.0.1:4711
	data   string // data folder
	now    atomic.Int64
	client *http.Client
	vars   map[string]string
	first  map[string]string // first answers by label
	tokens map[string]string // by caller
}

// start is the time at the beginning of every script.
const start = "2026-01-31T12:00:00Z"

// serve starts a server for an app with these files, on the database of cfg. The server runs until the test ends.
func serve(t *testing.T, cfg app.Config, files []txtar.File) *world {
	t.Helper()
	began, err := time.Parse(time.RFC3339, start)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range files {
		path := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, file.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{
		data: app.DefaultData(dir), vars: map[string]string{}, first: map[string]string{}, tokens: map[string]string{},
		client: &http.Client{
			Transport:     &http.Transport{DisableCompression: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	w.now.Store(began.UnixMicro())
	ctx, cancel := context.WithCancel(context.Background())
	cfg.Now, cfg.Version = w.time, "v0.0.0-test"
	server, err := loadAndOpen(ctx, dir, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, server.Close()))
	}
	w.base = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln) }()
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

// token returns a token for a caller of the script, signed with the server's own key.
func (w *world) token(t *testing.T, script script, name string) string {
	t.Helper()
	if token := w.tokens[name]; token != "" {
		return token
	}
	who, ok := script.callers[name]
	if !ok {
		t.Fatalf("the script declares no caller %s", name)
	}
	keys, err := token.Open(filepath.Join(w.data, "signing-key.pem"))
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

func loadAndOpen(ctx context.Context, dir string, cfg app.Config) (*app.App, error) {
	loaded, err := app.Load(dir)
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, loaded, cfg)
}
