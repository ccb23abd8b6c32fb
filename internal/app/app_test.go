package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const notes = `
-- ashlar.yaml --
ashlar: 1
name: notes
roles: [editor]
tables:
  notes:
    key: int
    fields: {text: {type: text, max: 20}}
    access: {read: true, create: true}
`

func TestFaultsTouchNothing(t *testing.T) {
	for name, files := range map[string]string{
		"structure":   strings.Replace(notes, "type: text", "type: txet", 1),
		"expression":  strings.Replace(notes, "read: true", "read: nope == 1", 1),
		"broken yaml": "-- ashlar.yaml --\nashlar: [1\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := app(t, files)
			_, err := loadAndOpen(t.Context(), dir, Config{})
			if faults, ok := errors.AsType[model.Faults](err); !ok || len(faults) == 0 {
				t.Errorf("Open = %v, want model.Faults", err)
			}
			untouched(t, dir)
		})
	}
}

// Faults of the structure and of expressions are said together, in the order of the file.
func TestAllFaultsAtOnce(t *testing.T) {
	dir := app(t, strings.NewReplacer("max: 20", "max: -1", "create: true", "create: nope").Replace(notes))
	_, err := Load(dir)
	faults, ok := errors.AsType[model.Faults](err)
	if !ok || len(faults) != 2 || faults[0].Pos.Line != 7 || faults[1].Pos.Line != 8 {
		t.Errorf("Load = %v, want the faults of lines 7 and 8", err)
	}
}

// The templates of mails are judged with the model, and each fault has its file and line.
func TestFaultsOfMailTemplates(t *testing.T) {
	source := strings.Replace(notes, "tables:", "accounts: {url: https://app.example.com, mail: {from: no-reply@example.com, folder: mail}}\ntables:", 1)
	for _, tt := range []struct{ name, files, want string }{
		{"no folder", "", "ashlar.yaml:4:85: there is no folder mail of mail templates"},
		{"sound", "-- mail/known.de.txt --\nHallo\n\n{{.Name}}\n", ""},
		{"a fault", "-- mail/known.de.txt --\nHallo\n\n{{.Nmae}}\n", "mail/known.de.txt:3:3: executing"},
		{"with another", "-- mail/known.de.txt --\nHallo\n\n{{.Nmae}}\n", "mail/known.de.txt:3:3: executing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			model := source
			if tt.name == "with another" {
				model = strings.Replace(source, "max: 20", "max: -1", 1)
			}
			_, err := Load(app(t, model+tt.files))
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Load = %v, want %q", err, tt.want)
			}
			if tt.name == "with another" && !strings.Contains(err.Error(), "ashlar.yaml:") {
				t.Errorf("Load = %v, want the fault of the model too", err)
			}
		})
	}
}

func TestNoApp(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	yml := app(t, "-- ashlar.yml --\n")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ dir, want string }{
		{filepath.Join(dir, "nothing"), "there is no folder"},
		{file, "name the folder that holds ashlar.yaml, here " + dir},
		{dir, "begin with these lines"},
		{yml, "rename ashlar.yml"},
	} {
		if _, err := loadAndOpen(t.Context(), tt.dir, Config{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Open(%s) = %v, want it to hold %q", tt.dir, err, tt.want)
		}
	}
}

// The model in the advice must load.
func TestAdviceIsAModel(t *testing.T) {
	_, text, _ := strings.Cut(missingAdvice(t.TempDir()), "\n\n")
	if _, err := Load(app(t, "-- ashlar.yaml --\n"+text+"\n")); err != nil {
		t.Error(err)
	}
}

func TestBadOriginTouchesNothing(t *testing.T) {
	dir := app(t, notes)
	if _, err := loadAndOpen(t.Context(), dir, Config{CORS: []string{"example.com"}}); err == nil {
		t.Error("Open accepted example.com as an origin")
	}
	untouched(t, dir)
}

func TestSecondServerIsRefused(t *testing.T) {
	dir := app(t, notes)
	opened(t, dir, Config{})
	_, err := loadAndOpen(t.Context(), dir, Config{})
	if _, ok := errors.AsType[*sqlite.InUseError](err); !ok {
		t.Errorf("the second Open = %v, want an InUseError", err)
	}
}

// A server about to end gives way to the next.
func TestLockIsWaitedFor(t *testing.T) {
	dir := app(t, notes)
	first := opened(t, dir, Config{})
	time.AfterFunc(200*time.Millisecond, func() { first.Close() })
	opened(t, dir, Config{})
}

// A stopping server answers the request in flight, and no new one.
func TestGracefulStop(t *testing.T) {
	entered, release := make(chan bool), make(chan bool)
	dir := app(t, notes)
	server := opened(t, dir, Config{})
	server.routes = append(server.routes, web.Route{Pattern: "GET /slow", Handler: func(w http.ResponseWriter, r *http.Request) error {
		entered <- true
		<-release
		if err := r.Context().Err(); err != nil { // a stop must not end the context
			return err
		}
		return web.JSON(w, http.StatusOK, []byte(`"done"`))
	}})
	run := start(t, server)
	got := make(chan answer, 1)
	go func() { got <- get(t, run.base+"/slow") }()
	<-entered
	run.stop()
	for server.stopping.Load() == false {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-run.served:
		t.Fatalf("Serve returned while a request was at work: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	release <- true
	if a := <-got; a.status != http.StatusOK || a.body != `"done"` {
		t.Errorf("the request in flight was answered %d %s", a.status, a.body)
	}
	if err := run.wait(); err != nil {
		t.Errorf("Serve = %v", err)
	}
	opened(t, dir, Config{}) // the lock is free
}

// serviceFunc is a service made of its Run.
type serviceFunc func(ctx context.Context) error

func (f serviceFunc) Run(ctx context.Context) error { return f(ctx) }

// TestServicesOutliveRequests stops a server while a request is at work: the services stop after its answer, the last one
// first, and while the database is still open.
func TestServicesOutliveRequests(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	var mu sync.Mutex
	var events []string
	note := func(event string) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, event)
	}
	started := make(chan bool, 2)
	for _, name := range []string{"first", "second"} {
		server.services = append(server.services, service{name, serviceFunc(func(ctx context.Context) error {
			started <- true
			<-ctx.Done()
			if err := server.Store.Read(context.Background(), func(store.Reader) error { return nil }); err != nil {
				t.Errorf("the database of service %s: %v", name, err)
			}
			note(name)
			return ctx.Err()
		})})
	}
	entered, release := make(chan bool), make(chan bool)
	server.routes = append(server.routes, web.Route{Pattern: "GET /slow", Handler: func(w http.ResponseWriter, _ *http.Request) error {
		entered <- true
		<-release
		note("request")
		return web.JSON(w, http.StatusOK, []byte(`"done"`))
	}})
	run := start(t, server)
	<-started
	<-started
	got := make(chan answer, 1)
	go func() { got <- get(t, run.base+"/slow") }()
	<-entered
	run.stop()
	close(release)
	if a := <-got; a.status != http.StatusOK {
		t.Errorf("the request was answered %d", a.status)
	}
	if err := run.wait(); err != nil {
		t.Errorf("Serve = %v", err)
	}
	if got := strings.Join(events, " "); got != "request second first" {
		t.Errorf("ended: %s", got)
	}
}

func TestStopNamesTheServiceThatStays(t *testing.T) {
	server := opened(t, app(t, notes), Config{Grace: 20 * time.Millisecond})
	started, release := make(chan bool), make(chan bool)
	// It is the only service: the others would have no time left, and write their files while the folder is removed.
	server.services = []service{{"stuck", serviceFunc(func(context.Context) error {
		close(started)
		<-release
		return nil
	})}}
	run := start(t, server)
	<-started
	run.stop()
	if err := run.wait(); err == nil || !strings.Contains(err.Error(), "service stuck still runs") {
		t.Errorf("Serve = %v", err)
	}
	close(release)
}

func TestStopCutsAfterItsTime(t *testing.T) {
	entered := make(chan bool)
	server := opened(t, app(t, notes), Config{Grace: 20 * time.Millisecond})
	server.routes = append(server.routes, web.Route{Pattern: "GET /stuck", Handler: func(_ http.ResponseWriter, r *http.Request) error {
		entered <- true
		<-r.Context().Done()
		return r.Context().Err()
	}})
	run := start(t, server)
	go func() {
		if res, err := http.Get(run.base + "/stuck"); err == nil {
			res.Body.Close()
		}
	}()
	<-entered
	run.stop()
	if err := run.wait(); err == nil || !strings.Contains(err.Error(), "1 requests were cut") {
		t.Errorf("Serve = %v, want it to say that a request was cut", err)
	}
}

func TestReadiness(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	run := start(t, server)
	if a := get(t, run.base+"/readyz"); a.status != http.StatusOK {
		t.Errorf("/readyz = %d %s", a.status, a.body)
	}
	server.stopping.Store(true)
	if a := get(t, run.base+"/readyz"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("/readyz of a server that stops = %d %s", a.status, a.body)
	}
	server.stopping.Store(false)
	if err := server.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if a := get(t, run.base+"/readyz"); a.status != http.StatusServiceUnavailable {
		t.Errorf("/readyz without a database = %d %s", a.status, a.body)
	}
	if a := get(t, run.base+"/healthz"); a.status != http.StatusOK {
		t.Errorf("/healthz without a database = %d %s", a.status, a.body)
	}
	server.Store = nil // the test closed it
}

func TestPanic(t *testing.T) {
	var logged log
	server := opened(t, app(t, notes), Config{Logger: logged.logger()})
	server.routes = append(server.routes, web.Route{Pattern: "GET /panic", Handler: func(http.ResponseWriter, *http.Request) error { panic("a secret") }})
	run := start(t, server)
	got := get(t, run.base+"/panic")
	id := got.header.Get("X-Request-Id")
	if got.status != http.StatusInternalServerError || id == "" || !strings.Contains(got.body, `"request_id":"`+id+`"`) || strings.Contains(got.body, "secret") {
		t.Errorf("a panic was answered %d %s", got.status, got.body)
	}
	server.flushRecords()
	line := logged.line(t, id)
	if stack, _ := line["stack"].(string); !strings.Contains(stack, "app_test.go") || line["level"] != "ERROR" {
		t.Errorf("the log says %v, want the stack", line)
	}
	if a := get(t, run.base+"/api/notes"); a.status != http.StatusOK {
		t.Errorf("the next request was answered %d %s", a.status, a.body)
	}
}

func TestOneLinePerRequest(t *testing.T) {
	var logged log
	server := opened(t, app(t, notes), Config{Logger: logged.logger()})
	run := start(t, server)
	res, err := http.Post(run.base+"/api/notes?x=secret", "application/json", strings.NewReader(`{"text": "secret"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	server.flushRecords()
	line := logged.line(t, res.Header.Get("X-Request-Id"))
	for key, want := range map[string]any{"msg": "request", "method": "POST", "path": "/api/notes", "status": 400.0, "table": "notes", "caller": "anonymous", "kind": "malformed"} {
		if line[key] != want {
			t.Errorf("the log says %s=%v, want %v", key, line[key], want)
		}
	}
	if strings.Contains(logged.text.String(), "secret") {
		t.Errorf("the log holds data:\n%s", logged.text.String())
	}
}
