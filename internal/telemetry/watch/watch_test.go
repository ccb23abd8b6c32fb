package watch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// quiet is a database that does nothing.
type quiet struct{ address atomic.Value }

func (q *quiet) Server(context.Context) (store.Server, error) {
	address, _ := q.address.Load().(string)
	return store.Server{Address: address}, nil
}

func (*quiet) Locks(context.Context) ([]store.Lock, error)           { return nil, nil }
func (*quiet) Stats() store.Stats                                    { return store.Stats{} }
func (*quiet) Plan(context.Context, string) (plan string, err error) { return "SCAN t0", nil }

// timeline keeps events.
type timeline struct {
	mu   sync.Mutex
	list []archive.Event
}

func (l *timeline) put(e archive.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

// take returns the texts since the last call.
func (l *timeline) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := texts(l.list)
	l.list = nil
	return all
}

// TestNextProcessTellsWhatChanged: a process compares settings, the server of the database and migrations with the last process,
// which a kill may have ended.
func TestNextProcessTellsWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, db := filepath.Join(t.TempDir(), "watch"), &quiet{}
		db.address.Store("a:5432")
		var done atomic.Pointer[[]Migration]
		begin := func(readers string) (*timeline, func()) {
			events := &timeline{}
			w := New(Config{
				Put: events.put, Store: db, File: file, Settings: []Setting{{Name: "--readers", Value: readers}},
				Migrations: func(_ context.Context, after int64) (list []Migration, err error) {
					for _, one := range *done.Load() {
						if one.ID > after {
							list = append(list, one)
						}
					}
					return list, nil
				},
				Begun: time.Now(),
			})
			ctx, cancel := context.WithCancel(context.Background())
			w.Look(ctx)
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			time.Sleep(time.Second)
			synctest.Wait()
			return events, func() { cancel(); <-ended }
		}
		want := func(when string, events *timeline, texts ...string) {
			t.Helper()
			if got := events.take(); got != strings.Join(texts, "\n") {
				t.Errorf("%s:\n%s\nwant\n%s", when, got, strings.Join(texts, "\n"))
			}
		}
		first := []Migration{{ID: 1, At: time.Now().Add(-time.Hour)}, {ID: 2, At: time.Now(), By: "alice", Took: time.Second, Changes: []string{"add field notes.tag"}}}
		done.Store(&first)
		events, stop := begin("8")
		want("the first process", events, "migration: The tables were changed in 1 s by alice: add field notes.tag.")
		stop()
		want("at its stop", events, "stop: The server stops.")
		events, stop = begin("8")
		want("without a change", events)
		more := append(slices.Clone(first), Migration{ID: 3, At: time.Now(), By: "bob", Failed: true, Changes: []string{"a", "b", "c", "d", "e", "f"}})
		done.Store(&more)
		time.Sleep(lookEvery)
		synctest.Wait()
		want("after a migration by another program", events, "migration: A change of the tables failed and was taken back in less than 1 ms by bob: a; b; c; d; and 2 more.")
		time.Sleep(saveEvery)
		synctest.Wait()
		db.address.Store("b:5432")
		killed := time.Now() // nothing of the last process is saved any more
		defer stop()
		events, stop = begin("1")
		want("after a kill", events, "stop: The last server ended without a stop: it was killed, or it crashed. It was alive at "+killed.UTC().Add(-lookEvery-time.Second).Format("15:04:05 UTC")+".",
			"setting: The setting --readers was changed from 8 to 1.", "database: The database is on another server: b:5432, before a:5432.")
		stop()
	})
}

func TestRecordsTellOfRefusalsAndJobs(t *testing.T) {
	events := &timeline{}
	w := New(Config{Put: events.put, Store: &quiet{}, Steady: func() time.Duration { return 5 * time.Second }})
	for range 30 {
		w.Take(&telemetry.Record{Work: telemetry.WorkRequest, Limit: "reads", Status: 503})
		w.Take(&telemetry.Record{Work: telemetry.WorkRequest, Status: 429, Route: "POST /auth/sign-in"})
		w.Take(&telemetry.Record{Work: telemetry.WorkRequest, Status: 200})
		w.Take(&telemetry.Record{Work: telemetry.WorkJob, Job: "mail purge", Idle: true})
	}
	for range 3 {
		w.Take(&telemetry.Record{Work: telemetry.WorkJob, Job: "mail", Err: context.DeadlineExceeded})
	}
	w.Look(t.Context())
	want := "limit: The limit of POST /auth/sign-in refused 30 requests in less than 1 ms.\nlimit: The limit reads refused 30 requests in less than 1 ms.\n" +
		"job: The job mail failed 3 times in a row: context deadline exceeded."
	if got := events.take(); got != want {
		t.Errorf("the events are\n%s\nwant\n%s", got, want)
	}
}

func TestLookAtCertificateJudgesAsAClientDoes(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	ends := server.Certificate().NotAfter
	found, ok := LookAtCertificate(t.Context(), server.URL, roots, time.Now)
	if !ok || !found.Ends.Equal(ends) || found.Refused != nil {
		t.Errorf("a good certificate = %+v, %t", found, ok)
	}
	found, ok = LookAtCertificate(t.Context(), server.URL, roots, func() time.Time { return ends.Add(time.Hour) })
	if !ok || !found.Ends.Equal(ends) || found.Refused != nil {
		t.Errorf("an expired certificate = %+v, %t", found, ok)
	}
	found, ok = LookAtCertificate(t.Context(), server.URL, nil, time.Now)
	if !ok || !found.Ends.Equal(ends) || found.Refused == nil {
		t.Errorf("a certificate of an unknown authority = %+v, %t", found, ok)
	}
	for _, address := range []string{"http://a.example", "https://127.0.0.1:1", "::"} {
		if found, ok := LookAtCertificate(t.Context(), address, roots, time.Now); ok {
			t.Errorf("the certificate of %s = %+v", address, found)
		}
	}
}
