// Package attack attacks a server over HTTP, in the same ways as real attacks on other products. The name of a test begins
// with its class of bugs:
//   - Access: a rule is missing, bypassed or too weak
//   - Escalation, Forgery, Replay: a client passes as another caller
//   - Exhaustion: a cheap request costs the server much
//   - Exposure: a surface is open that should not be there
//   - Injection: text from a client changes its meaning
//   - Leak: a secret is written where others read it
//   - Oracle: answers or their times reveal hidden values
package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const notesModel = `
ashlar: 1
name: attacked
roles: [editor]
tables:
  users:
    fields:
      reset_token: {type: text, max: 80, optional: true, read: "false"}
      recovery:    {type: text, max: 80, optional: true, secret: true}
    access: {read: true, update: id == auth.id}
  notes:
    key: int
    fields:
      title:  {type: text, max: 100}
      owner:  {ref: users, reverse: notes}
      hidden: {type: bool, default: false}
      salary: {type: int, optional: true, read: owner_id == auth.id}
      boss:   {ref: users, optional: true, reverse: reports, read: owner_id == auth.id}
      extra:  {type: json, optional: true}
    access:
      read: "!hidden || owner_id == auth.id"
      create: owner_id == auth.id
      update: {from: "true", to: owner_id == auth.id}
      delete: "true"
  comments:
    key: int
    fields:
      note: {ref: notes, reverse: comments, on_delete: cascade}
      text: {type: text, max: 100}
      private: {type: bool, default: false}
    access: {read: "!private", create: has(auth.id)}
  pages:
    key: text
    fields: {body: {type: text, max: 100, optional: true}}
    access: {read: true, create: has(auth.id)}
  vaults:
    fields: {code: {type: text, max: 20}}
`

const (
	annID = "00000000-0000-7000-8000-00000000000a"
	bobID = "00000000-0000-7000-8000-00000000000b"
)

// A target is a server under attack.
type target struct {
	t     *testing.T
	dir   string
	base  string
	addr  string
	log   lines
	now   atomic.Int64 // microseconds
	stop  func()
	plain *http.Client
}

// lines keeps the log of a server.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// secretKey is the secret key of all servers. Tags of lists depend on it, and the tests compare the answers of two servers.
const secretKey = `-----BEGIN ASHLAR SECRET KEY-----
MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
-----END ASHLAR SECRET KEY-----
`

// start serves an app with a model and a seed. seed holds the files of the seed folder by name.
func start(t *testing.T, model string, cfg app.Config, seed map[string]string) *target {
	t.Helper()
	server := &target{t: t, dir: t.TempDir()}
	server.now.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixMicro())
	server.write("ashlar.yaml", model)
	for name, text := range seed {
		server.write("seed/"+name, text)
	}
	server.write(".ashlar/secret-key.pem", secretKey)
	cfg.Answers = app.DefaultAnswers
	cfg.Now = func() time.Time { return time.UnixMicro(server.now.Load()) }
	cfg.Logger = telemetry.NewLogger(&server.log, "json", slog.LevelDebug)
	server.plain = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	server.serve(cfg)
	return server
}

func (s *target) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *target) serve(cfg app.Config) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	srv, err := loadAndOpen(ctx, s.dir, cfg)
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		s.t.Fatal(errors.Join(err, srv.Close()))
	}
	s.addr = ln.Addr().String()
	s.base = "http://" + s.addr
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	s.stop = sync.OnceFunc(func() {
		s.plain.CloseIdleConnections()
		cancel()
		if err := <-served; err != nil {
			s.t.Errorf("Serve: %v", err)
		}
	})
	s.t.Cleanup(s.stop)
}

// token returns a token for a user, signed with the server's own key.
func (s *target) token(id string, roles ...string) string {
	s.t.Helper()
	keys, err := token.Open(filepath.Join(app.DefaultData(s.dir), "signing-key.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := keys.Sign(caller.Identity{ID: id, Roles: roles}, time.Hour, time.UnixMicro(s.now.Load()))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// An answer is the server's answer to a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// String returns the whole answer except its date and the id of the request. A client can compare all of it.
func (a answer) String() string {
	header := a.header.Clone()
	id := header.Get("X-Request-Id")
	header.Del("X-Request-Id")
	header.Del("Date")
	return fmt.Sprintf("%d %v %s", a.status, header, strings.ReplaceAll(a.body, id, "ID"))
}

// ask sends a request with a token, or without one if token is "". It sends the target unchanged, with its escapes and
// dots. header holds pairs of name and value.
func (s *target) ask(method, target, token, body string, header ...string) answer {
	s.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.base, reader)
	if err != nil {
		s.t.Fatal(err)
	}
	req.URL = &url.URL{Scheme: "http", Host: s.addr, Opaque: target}
	if path, query, ok := strings.Cut(target, "?"); ok {
		req.URL.Opaque, req.URL.RawQuery = path, query
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := s.plain.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return answer{res.StatusCode, res.Header, string(data)}
}

// must is like ask, and fails the test if the status is another one.
func (s *target) must(status int, method, target, token, body string, header ...string) answer {
	s.t.Helper()
	got := s.ask(method, target, token, body, header...)
	if got.status != status {
		s.t.Fatalf("%s %s %s: %d %s, want %d", method, target, body, got.status, got.body, status)
	}
	return got
}

const users = `{"id":"` + annID + `","email":"ann@example.com","reset_token":"ann-token"}
{"id":"` + bobID + `","email":"bob@example.com"}
`

// attacked serves the model with two users. bob attacks ann.
func attacked(t *testing.T) (s *target, ann, bob string) {
	t.Helper()
	s = start(t, notesModel, app.Config{}, map[string]string{"users.ndjson": users})
	return s, s.token(annID), s.token(bobID)
}

func loadAndOpen(ctx context.Context, dir string, cfg app.Config) (*app.App, error) {
	loaded, err := app.Load(dir)
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, loaded, cfg)
}
