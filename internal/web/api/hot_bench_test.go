package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Whole requests without the network. Compare with benchstat: go test -bench . -count 10 ./internal/web/api

const benchModel = `
ashlar: 1
name: bench
tables:
  notes:
    fields:
      title:    {type: text, max: 200}
      body:     {type: text}
      status:   {type: enum, values: [draft, open, closed, archived]}
      views:    {type: int}
      author:   {ref: users}
    indexes: [[author, created_at], [status, created_at]]
    access: {read: author_id == auth.id, write: author_id == auth.id}
`

// bench is the whole chain of handlers, and a token.
type bench struct {
	handler http.Handler
	token   string
	author  string
	ids     []string
}

func newBench(b *testing.B) *bench {
	b.Helper()
	fail := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	db, rules := modeltest.SQLite(sqlite.Config{}).Open(b, benchModel)
	m := rules.Model
	keys, err := token.Open(filepath.Join(b.TempDir(), "key.pem"))
	fail(err)
	verifier := token.NewVerifier(keys, token.Config{})
	receiver, err := web.NewReceiver(web.Config{Logger: telemetry.NewLogger(io.Discard, "json", slog.LevelInfo), Identify: web.Bearer(verifier.Verify)})
	fail(err)
	rows := record.New(db, rules, record.Config{})
	s := &bench{handler: receiver.Handler(web.NewMux(New(rows, m).Routes()...))}
	user, err := rows.Create(context.Background(), caller.System("bench"), m.Table("users"), nil)
	fail(err)
	s.author = user.ID.Text
	s.token, err = keys.Sign(caller.Identity{ID: s.author}, time.Hour, time.Now())
	fail(err)
	for i := range 500 {
		location := s.send(b, "POST", "/api/notes", s.note(i), http.StatusCreated)
		s.ids = append(s.ids, strings.TrimPrefix(location, "/api/notes/"))
	}
	return s
}

func (s *bench) note(i int) string {
	return fmt.Sprintf(`{"title":"Note %d","body":%q,"status":%q,"views":%d,"author_id":%q}`,
		i, strings.Repeat("word ", 60), []string{"open", "closed"}[i%2], i, s.author)
}

// send sends a request and returns the Location of its answer.
func (s *bench) send(b *testing.B, method, path, body string, want int) string {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != want {
		b.Helper()
		b.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return w.Header().Get("Location")
}

func BenchmarkRequest(b *testing.B) {
	s := newBench(b)
	list := "/api/notes?filter=status+%3D%3D+arg.s&arg.s=open&sort=-created_at&limit=30"
	for _, bb := range []struct {
		name, method string
		path         func(i int) string
		body         string
		want         int
	}{
		{"get", "GET", func(i int) string { return "/api/notes/" + s.ids[i%len(s.ids)] }, "", 200},
		{"list", "GET", func(int) string { return list }, "", 200},
		{"list with total", "GET", func(int) string { return list + "&total=true" }, "", 200},
		{"list with expand", "GET", func(int) string { return list + "&expand=author" }, "", 200},
		{"patch", "PATCH", func(i int) string { return "/api/notes/" + s.ids[i%len(s.ids)] }, `{"title":"Changed","views":7}`, 200},
		{"create", "POST", func(int) string { return "/api/notes" }, s.note(1), 201},
		{"refused", "GET", func(int) string { return "/api/notes/" + rand.Text() }, "", 404},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.send(b, bb.method, bb.path(i), bb.body, bb.want)
			}
		})
	}
}

// BenchmarkETag hashes a row of 500 bytes.
func BenchmarkETag(b *testing.B) {
	row := record.Row{JSON: make([]byte, 500), Revision: 1 << 20}
	b.ReportAllocs()
	for b.Loop() {
		etag(row, "")
	}
}
