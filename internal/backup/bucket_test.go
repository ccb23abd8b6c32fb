package backup

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// flaky is a server that speaks S3, and fails at one call.
type flaky struct {
	server http.Handler

	mu     sync.Mutex
	calls  int
	failAt int // the number of the call; 0: none
	always bool
	fault  fault
	failed int
}

// A fault answers a call wrongly.
type fault func(w http.ResponseWriter, r *http.Request, server http.Handler)

func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls++
	fails := f.calls == f.failAt || f.always
	if fails {
		f.failed++
	}
	fault := f.fault
	f.mu.Unlock()
	if fails {
		fault(w, r, f.server)
		return
	}
	f.server.ServeHTTP(w, r)
}

func (f *flaky) begin(failAt int, always bool, how fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.failAt, f.always, f.fault, f.failed = 0, failAt, always, how, 0
}

func (f *flaky) seen() (calls, failed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls, f.failed
}

var faults = map[string]fault{
	"answers 500": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusInternalServerError)
	},
	"hangs": func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not learn that the client has gone
		<-r.Context().Done()
	},
	"does it and answers 500": func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(httptest.NewRecorder(), r)
		w.WriteHeader(http.StatusInternalServerError)
	},
	"closes the connection": func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) },
	"says that it did it": func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		if r.Method != http.MethodPut {
			server.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	},
	"loses the object after it was read": func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		server.ServeHTTP(w, r)
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".part") {
			remove := r.Clone(r.Context())
			remove.Method, remove.Body = http.MethodDelete, http.NoBody
			server.ServeHTTP(httptest.NewRecorder(), remove)
		}
	},
	"returns other bytes": func(w http.ResponseWriter, r *http.Request, server http.Handler) {
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".part") {
			body[len(body)/2] ^= 1
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	},
}

// startBucket starts a server with a bucket, and returns its target.
func startBucket(t testing.TB) (*flaky, target.Target) {
	t.Helper()
	memory := s3mem.New()
	if err := memory.CreateBucket("careers"); err != nil {
		t.Fatal(err)
	}
	f := &flaky{server: gofakes3.New(memory, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	to, err := target.Open("s3://careers/daily?timeout=1s&endpoint="+server.URL, testKeys)
	if err != nil {
		t.Fatal(err)
	}
	return f, to
}

func testKeys(name string) string {
	return map[string]string{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "very secret"}[name]
}

// A bucket that fails at any one call loses nothing of a backup. Take tries again and reports it.
func TestFlakyBucket(t *testing.T) {
	effort.SkipRaced(t)
	w := newWorld(t, 1000)
	f, to := startBucket(t)
	o := Options{retries: retries{6, time.Millisecond}, partSize: 8 << 10}
	if err := target.Probe(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	f.begin(0, false, nil)
	m := take(t, w, to, o)
	calls, _ := f.seen()
	if len(m.Parts) < 2 || calls < 2*len(m.Parts)+4 {
		t.Fatalf("a backup of %d parts made %d calls", len(m.Parts), calls)
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			for at := 1; at <= calls; at++ {
				if name == "hangs" && at%3 != 0 && !effort.Nightly() { // each costs the timeout
					continue
				}
				var said bytes.Buffer
				o.Log = slog.New(slog.NewTextHandler(&said, nil))
				f.begin(at, false, fault)
				m, err := Take(t.Context(), w.source, to, o)
				if err != nil {
					t.Fatalf("call %d: Take() = %v", at, err)
				}
				now, _ := f.seen()
				f.begin(0, false, nil)
				retriedByHTTP := name == "closes the connection" // of a request that net/http may repeat
				if now > calls && !retriedByHTTP && !strings.Contains(said.String(), "a target of backups") {
					t.Errorf("call %d: %d calls instead of %d were not reported: %s", at, now, calls, &said)
				}
				if strings.Contains(said.String(), "very secret") {
					t.Errorf("call %d: the log has the key: %s", at, &said)
				}
				if _, err := Verify(t.Context(), to, m.ID, nil, nil); err != nil {
					t.Errorf("call %d: Verify() = %v", at, err)
				}
				if err := Remove(t.Context(), to, m.ID); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A bucket that is broken for good ends the backup within its bounds. No half backup is listed.
func TestBrokenBucket(t *testing.T) {
	w := newWorld(t, 100)
	f, to := startBucket(t)
	m := take(t, w, to, Options{})
	for _, name := range []string{"answers 500", "says that it did it", "loses the object after it was read"} {
		f.begin(0, true, faults[name])
		_, err := Take(t.Context(), w.source, to, Options{retries: retries{3, time.Millisecond}, partSize: 4 << 10})
		_, failed := f.seen()
		f.begin(0, false, nil)
		if err == nil || failed > 60 {
			t.Errorf("%s: Take() = %v after %d failures", name, err, failed)
		}
		all, err := List(t.Context(), to)
		if err != nil || len(all) != 1 || all[0].ID != m.ID {
			t.Errorf("%s: List() = %v, %v, want the one whole backup", name, all, err)
		}
	}
	data := filepath.Join(t.TempDir(), "new")
	if _, err := Restore(t.Context(), to, "", into(data), nil, nil); err != nil {
		t.Errorf("Restore() = %v", err)
	}
}

// A bucket says what is wrong with its address, its keys or its name.
func TestBucketAddresses(t *testing.T) {
	none := func(string) string { return "" }
	for _, tt := range []struct {
		address string
		getenv  func(string) string
		want    string
	}{
		{"", testKeys, "a place for backups is missing"},
		{"s3://careers", none, "set AWS_ACCESS_KEY_ID"},
		{"s3:///daily", testKeys, "names no bucket"},
		{"s3://id:hush@careers", testKeys, "holds a user or a password"},
		{"s3://careers?endpoint=ftp://x", testKeys, "the endpoint of the bucket cannot be read"},
		{"s3://careers?endpoint=https://x/path", testKeys, "the endpoint of the bucket cannot be read"},
		{"s3://careers?bucket=x", testKeys, "unknown part bucket"},
		{"s3://careers?timeout=1", testKeys, "the timeout of the bucket"},
		{"gs://careers", testKeys, "gs://"},
	} {
		_, err := target.Open(tt.address, tt.getenv)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("Open(%q) = %v, want %q", tt.address, err, tt.want)
		}
	}
	f, to := startBucket(t)
	if text := fmt.Sprint(to); strings.Contains(text, "secret") || !strings.Contains(text, "s3://careers/daily/") {
		t.Errorf("String() = %q", text)
	}
	f.begin(0, true, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<Error><Code>SignatureDoesNotMatch</Code></Error>`)
	})
	if err := target.Probe(t.Context(), to); err == nil || !strings.Contains(err.Error(), "refuses the keys") {
		t.Errorf("Probe() = %v", err)
	}
}
