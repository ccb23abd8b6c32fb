package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const codedModel = `
ashlar: 1
name: coded
tables:
  posts:
    key: int
    fields: {text: {type: text}}
    access: {read: true, write: true}
    cache: {public: 60s}
  notes:
    key: int
    fields: {text: {type: text}}
    access: {read: true, write: true}
`

// codedSite is two servers of one database with 40 rows in each table. Only one of them keeps answers.
type codedSite struct {
	t                testing.TB
	keeping, without http.Handler
	rows             *record.DB
	model            *model.Model
}

func newCodedSite(t testing.TB, bytes int64) *codedSite {
	t.Helper()
	db, rules := modeltest.SQLite(sqlite.Config{}).Open(t, codedModel)
	key := []byte("0123456789abcdef")
	s := &codedSite{t: t, model: rules.Model, rows: record.New(db, rules, record.Config{Answers: bytes, TagKey: key})}
	handler := func(rows *record.DB) http.Handler {
		receiver, err := web.NewReceiver(web.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return receiver.Handler(web.NewMux(New(rows, rules.Model).Routes()...))
	}
	s.keeping, s.without = handler(s.rows), handler(record.New(db, rules, record.Config{TagKey: key}))
	for _, table := range []string{"posts", "notes"} {
		for i := range 40 {
			s.write(table, fmt.Sprintf(`{"id":%d,"text":%q}`, i+1, strings.Repeat("word ", i)))
		}
	}
	return s
}

func (s *codedSite) write(table, row string) {
	s.t.Helper()
	members, err := value.DecodeObject([]byte(row))
	if err == nil {
		_, err = s.rows.Create(context.Background(), caller.System("test"), s.model.Table(table), members)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func ask(handler http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// etagOf returns the tag of an answer. Header.Get looks for Etag.
func etagOf(w *httptest.ResponseRecorder) string {
	for name, values := range w.Header() {
		if name == web.ETagHeader {
			return values[0]
		}
	}
	return ""
}

func decoded(t testing.TB, coding string, body []byte) []byte {
	t.Helper()
	var plain []byte
	var err error
	switch coding {
	case "gzip":
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			plain, err = io.ReadAll(z)
		}
	case "zstd":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(nil); err == nil {
			defer z.Close()
			plain, err = z.DecodeAll(body, nil)
		}
	default:
		plain = body
	}
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return plain
}

// An answer from the cache has the status, the headers and the bytes of one that is read and compressed anew. That holds in each
// content coding, for HEAD and conditional requests, and for public answers, while rows change.
func TestKeptFormsEqualFreshOnes(t *testing.T) {
	s := newCodedSite(t, 1<<20)
	paths := []string{
		"/api/posts?limit=40", "/api/posts?limit=40&sort=-text", "/api/posts?limit=1", "/api/notes?limit=40", "/api/notes?limit=30&total=true",
		"/api/notes?limit=40&fields=id",
	}
	codings := []string{"", "identity", "gzip", "zstd", "gzip, zstd", "gzip;q=0, zstd", "br"}
	random := rand.New(rand.NewSource(1))
	tags, statuses, coded := []string{`"other"`}, map[int]int{}, map[string]int{}
	for i := range 3000 {
		if i%60 == 59 {
			s.write([]string{"posts", "notes"}[random.Intn(2)], fmt.Sprintf(`{"id":%d,"text":"%d"}`, 100+i, i))
		}
		method, path := []string{"GET", "GET", "HEAD"}[random.Intn(3)], paths[random.Intn(len(paths))]
		headers := []string{"Accept-Encoding", codings[random.Intn(len(codings))]}
		if random.Intn(3) == 0 {
			headers = append(headers, "If-None-Match", tags[random.Intn(len(tags))])
		}
		want, got := ask(s.without, method, path, headers...), ask(s.keeping, method, path, headers...)
		what := fmt.Sprintf("%s %s with %q", method, path, headers)
		if got.Code != want.Code || !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
			t.Fatalf("%s: %d with %d bytes, want %d with %d", what, got.Code, got.Body.Len(), want.Code, want.Body.Len())
		}
		for _, name := range []string{"Vary", "Cache-Control", "Content-Type", "Content-Encoding", "Content-Length"} {
			if g, w := got.Header()[name], want.Header()[name]; fmt.Sprint(g) != fmt.Sprint(w) {
				t.Fatalf("%s: %s is %q, want %q", what, name, g, w)
			}
		}
		if etagOf(got) != etagOf(want) {
			t.Fatalf("%s: the tag is %s, want %s", what, etagOf(got), etagOf(want))
		}
		statuses[got.Code]++
		tag, coding := etagOf(got), got.Header().Get("Content-Encoding")
		if random.Intn(10) == 0 {
			tags = append(tags, tag)
		}
		if got.Code != http.StatusOK {
			continue
		}
		coded[coding]++
		if _, ending, _ := strings.Cut(strings.Trim(tag, `"`), "-"); ending != coding {
			t.Fatalf("%s: the tag of a body in %q is %s", what, coding, tag)
		}
		if method == "GET" {
			if plain := ask(s.without, "GET", path).Body.Bytes(); !bytes.Equal(decoded(t, coding, got.Body.Bytes()), plain) {
				t.Fatalf("%s: the body is not the plain one", what)
			}
		}
	}
	if statuses[200] < 1000 || statuses[304] < 100 || coded["gzip"] < 100 || coded["zstd"] < 100 || coded[""] < 100 {
		t.Errorf("it proves little: %v, %v", statuses, coded)
	}
}

// A form is compressed once, when the answer comes from the cache for the first time, and it counts in the size of the cache.
func TestKeptFormsAreMadeOnceAndCounted(t *testing.T) {
	s := newCodedSite(t, 1<<20)
	size := func(coding string) (kept, sent int) {
		sent = ask(s.keeping, "GET", "/api/notes?limit=40", "Accept-Encoding", coding).Body.Len()
		return int(s.rows.KeptBytes()), sent
	}
	first, _ := size("gzip")
	if plain, _ := size(""); plain != first {
		t.Errorf("%d bytes after a plain hit, want the %d of the answer", plain, first)
	}
	second, gzipped := size("gzip")
	if second != first+gzipped {
		t.Errorf("%d bytes after a hit with gzip, want %d and %d", second, first, gzipped)
	}
	third, zstded := size("zstd")
	if third != second+zstded {
		t.Errorf("%d bytes after a hit with zstd, want %d and %d", third, second, zstded)
	}
	for _, coding := range []string{"gzip", "zstd", ""} {
		if kept, _ := size(coding); kept != third {
			t.Errorf("%d bytes after one more hit with %q, want %d", kept, coding, third)
		}
	}
}

// Many different answers with their forms stay within the bound, and clients who ask at the same time get the same bytes.
func TestExhaustion_KeptForms(t *testing.T) {
	const most = 2 << 20 // the least that a server has
	s := newCodedSite(t, most)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 1200 {
				path := "/api/notes?limit=40&filter=id!=" + strconv.Itoa(1000+i/2)
				for _, coding := range []string{"gzip", "zstd", "zstd"} {
					w := ask(s.keeping, "GET", path, "Accept-Encoding", coding)
					if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != coding {
						t.Errorf("%s in %s: %d in %q", path, coding, w.Code, w.Header().Get("Content-Encoding"))
						return
					}
				}
			}
		})
	}
	all.Wait()
	if n := s.rows.KeptBytes(); n > most || n < most/4 {
		t.Errorf("%d bytes are kept, want at most %d and not much less", n, most)
	}
}

// BenchmarkKeptAnswer is a hit of 40 rows, 6 kB, without the network.
func BenchmarkKeptAnswer(b *testing.B) {
	s := newCodedSite(b, 1<<20)
	const path = "/api/notes?limit=40"
	for _, coding := range []string{"", "gzip", "zstd"} {
		b.Run("coding "+coding, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask(s.keeping, "GET", path, "Accept-Encoding", coding)
			}
		})
	}
	b.Run("304", func(b *testing.B) {
		tag := etagOf(ask(s.keeping, "GET", path))
		b.ReportAllocs()
		for b.Loop() {
			ask(s.keeping, "GET", path, "If-None-Match", tag)
		}
	})
}
