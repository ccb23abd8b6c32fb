package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const secretive = `-- ashlar.yaml --
ashlar: 1
name: secretive
accounts: {signup: open}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      hidden: {type: text, optional: true, unique: true, read: "false"}
    access: {read: true, create: true, update: true}
`

// dump is a sink that writes down everything that a record holds, private fields too.
type dump struct {
	mu   sync.Mutex
	text strings.Builder
}

// Take implements telemetry.Sink.
func (d *dump) Take(r *telemetry.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write(reflect.ValueOf(r), 0)
	if r.Err != nil && r.Problem != "malformed" { // the message of a malformed request repeats the client's text, and no sink keeps it
		d.text.WriteString(r.Err.Error())
	}
}

func (d *dump) write(v reflect.Value, depth int) {
	switch {
	case depth > 12, v.Kind() == reflect.Struct && v.Type() == reflect.TypeFor[time.Time](): // a time points at the zone of the process
	case v.Kind() == reflect.String:
		d.text.WriteString(v.String() + "\n")
	case v.Kind() == reflect.Pointer && !v.IsNil():
		d.write(v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			d.write(v.Field(i), depth+1)
		}
	case v.Kind() == reflect.Slice, v.Kind() == reflect.Array:
		for i := range v.Len() {
			d.write(v.Index(i), depth+1)
		}
	}
}

// TestLeak_NoOutputForOperatorsHasASecret plants secrets in requests and settings, and looks for them in everything that
// operators read. A new kind of output is one more source.
func TestLeak_NoOutputForOperatorsHasASecret(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { leaksNothing(t, "") })
	t.Run("postgres", func(t *testing.T) { leaksNothing(t, pgtest.URL(t)) })
}

func leaksNothing(t *testing.T, database string) {
	const mark = "plantedsecret"
	next := 0
	plant := func() string { next++; return fmt.Sprintf("%s%02d", mark, next) }

	var json, text, terminal log
	handlers := fanOut{
		telemetry.NewLogger(&json, "json", slog.LevelDebug).Handler(), telemetry.NewLogger(&text, "text", slog.LevelDebug).Handler(),
		telemetry.NewTerminalLogger(&terminal, true, slog.LevelDebug).Handler(),
	}
	dir := app(t, secretive)
	data := filepath.Join(dir, "data")
	smtp, err := mail.ParseServer("smtp://user:" + plant() + "@127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	exported := &wire{}
	collector := httptest.NewServer(exported)
	defer collector.Close()
	server := opened(t, dir, Config{
		Data: data, Database: database, SMTP: smtp, URL: "https://notes.example.com", Logger: slog.New(handlers), Telemetry: AutoTelemetry, Profile: true,
		Traces: Export{URL: collector.URL + "/v1/traces", Headers: telemetry.Secret("x-key=" + plant()), Ratio: 1},
	})
	records := &dump{}
	server.sinks = append(server.sinks, records)
	run := start(t, server)
	var profiles, goroutines bytes.Buffer
	if err := server.Profile.StartCPUProfile(&profiles); err != nil {
		t.Fatal(err)
	}

	var problems strings.Builder
	call := func(method, path, body string, header http.Header) {
		r, err := http.NewRequestWithContext(t.Context(), method, run.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if header != nil {
			r.Header = header
		}
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode >= 400 {
			problems.Write(answer)
		}
	}
	password, hidden := plant(), plant()
	for _, tt := range []struct{ method, path, body string }{
		{"POST", "/auth/sign-up", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, password+" a long one")},
		{"POST", "/auth/sign-in", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, password+" a long one")},
		{"POST", "/auth/sign-in", fmt.Sprintf(`{"email": "ada@example.com", "password": %q}`, plant())},
		{"POST", "/auth/verify", fmt.Sprintf(`{"code": %q}`, plant())},
		{"POST", "/auth/password/reset/confirm", fmt.Sprintf(`{"code": %q, "password": %q}`, plant(), plant())},
		{"POST", "/auth/refresh", fmt.Sprintf(`{"refresh_token": %q}`, plant())},
		{"GET", "/account/reset?code=" + plant(), ""},
		{"GET", "/api/notes?access_token=" + plant(), ""},
		{"POST", "/api/notes", fmt.Sprintf(`{"title": "a", "hidden": %q}`, hidden)},
		{"POST", "/api/notes", fmt.Sprintf(`{"title": "b", "hidden": %q}`, hidden)},
		{"POST", "/api/notes", fmt.Sprintf(`{"title": 1, "hidden": {"x": %q}}`, plant())},
		{"POST", "/api/notes", fmt.Sprintf(`{"title": %q`, plant())},
		{"GET", "/api/notes?filter=title+%3D%3D+arg.t&arg.t=" + plant(), ""},
		{"GET", "/api/notes?filter=" + url.QueryEscape("title == '"+plant()+"' || title.contains(r\""+plant()+"\")"), ""},
		{"GET", "/api/notes?total=true&filter=title+%3D%3D+arg.t&args=" + url.QueryEscape(`{"t": "`+plant()+`"}`), ""},
	} {
		call(tt.method, tt.path, tt.body, nil)
	}
	for _, header := range []http.Header{
		{"Authorization": {"Bearer " + plant()}},
		{"Authorization": {"Bearer ak_" + plant()}},
		{"Authorization": {"Basic " + plant()}},
		{"Cookie": {"session=" + plant()}},
		{"X-Request-Id": {plant() + " with a space"}},
		{"Traceparent": {plant()}, "Tracestate": {"a=" + plant()}, "Baggage": {"a=" + plant()}},
		{"User-Agent": {plant()}, "Referer": {"https://x.example/?t=" + plant()}},
	} {
		call(http.MethodGet, "/api/notes", "", header)
	}
	if err := pprof.Lookup("goroutine").WriteTo(&goroutines, 1); err != nil { // idle connections have the labels of their last request
		t.Fatal(err)
	}
	server.Profile.StopCPUProfile()
	server.flushRecords()
	metrics := httptest.NewRecorder()
	server.metrics.Handler().ServeHTTP(metrics, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	read := func(pattern string) string {
		var all strings.Builder
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			bytes, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(bytes)
		}
		return all.String()
	}
	for _, source := range []struct{ name, text, holds string }{
		{"the log in JSON", json.String(), `"shape":"list notes filter(title == ? || title.contains(?))"`},
		{"the log as text", text.String(), "method=GET"},
		{"the log on a terminal", terminal.String(), "/api/notes"},
		{"the records", records.text.String(), "list notes"},
		{"the problem documents", problems.String(), "/problems/"},
		{"the metrics", metrics.Body.String(), "http_server_request"},
		{"the labels of goroutines", goroutines.String(), `"route":"GET /api/{table}"`},
		{"the profiles", unpacked(t, profiles.Bytes()), "nanoseconds"},
		{"the traces as sent to a collector", exported.String(), "list notes"},
		{"the telemetry database", read(filepath.Join(data, archive.FileName+"*")), "SQLite"},
	} {
		if !strings.Contains(source.text, source.holds) {
			t.Errorf("%s is not what this test takes it for: it lacks %q", source.name, source.holds)
		}
		for _, found := range regexp.MustCompile(`.{0,80}`+mark+`.{0,20}`).FindAllString(source.text, 3) {
			t.Errorf("%s has a secret: %q", source.name, found)
		}
	}
}

// wire is a collector that writes down what it gets.
type wire struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *wire) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = io.Copy(&w.text, r.Body)
}

func (w *wire) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func unpacked(t *testing.T, file []byte) string {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fanOut hands each line of the log to several handlers.
type fanOut []slog.Handler

// Enabled implements slog.Handler.
func (f fanOut) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (f fanOut) Handle(ctx context.Context, r slog.Record) (err error) {
	for _, h := range f {
		err = errors.Join(err, h.Handle(ctx, r.Clone()))
	}
	return err
}

// WithAttrs implements slog.Handler.
func (f fanOut) WithAttrs(attrs []slog.Attr) slog.Handler {
	var all fanOut
	for _, h := range f {
		all = append(all, h.WithAttrs(attrs))
	}
	return all
}

// WithGroup implements slog.Handler.
func (f fanOut) WithGroup(name string) slog.Handler {
	var all fanOut
	for _, h := range f {
		all = append(all, h.WithGroup(name))
	}
	return all
}
