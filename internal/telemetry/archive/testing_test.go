package archive

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// noon is when the clocks of tests begin.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is an archive with its clock and its log.
type rig struct {
	*Archive
	clock *clock
	log   *logBuffer
}

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) count(words string) int { return strings.Count(l.String(), words) }

func openTest(t testing.TB, cfg Config) *rig {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), FileName), cfg)
}

func openAt(t testing.TB, path string, cfg Config) *rig {
	t.Helper()
	r := &rig{clock: &clock{now: noon}, log: &logBuffer{}}
	if cfg.Now == nil {
		cfg.Now = r.clock.Now
	}
	if cfg.Process == (telemetry.Process{}) {
		cfg.Process = telemetry.Process{Node: "one", Build: "v1", Revision: "abc", Started: noon}
	}
	cfg.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	cfg.Size = max(cfg.Size, cfg.least)
	r.Archive = Open(path, cfg)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// request returns a healthy record that ends now.
func (r *rig) request(id int) *telemetry.Record {
	return &telemetry.Record{
		Work: telemetry.WorkRequest, ID: fmt.Sprintf("R%08d", id), Start: r.clock.Now().Add(-3 * time.Millisecond), Duration: 3 * time.Millisecond,
		Method: "GET", Path: "/api/posts", Route: "GET /api/posts", Status: 200, Remote: "192.0.2.7:4711", Bytes: 900, Caller: "user:1", CallerKind: "user",
		Table: "posts", Operation: "list", Shape: "list posts sort(-id)", Rows: 20,
	}
}

// failing returns a record that failed.
func (r *rig) failing(id int, cause string) *telemetry.Record {
	record := r.request(id)
	record.Status, record.Problem, record.Err = 500, errs.Internal, errors.New(cause)
	return record
}

// all returns all records of a filter.
func (r *rig) all(t testing.TB, f Filter) (list []Record) {
	t.Helper()
	for before := int64(0); ; {
		page, err := r.Records(t.Context(), f, before, maxPage)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, page.Records...)
		if before = page.Next; before == 0 {
			return list
		}
	}
}

func ids(list []Record) (ids []string) {
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

// flush is short for Flush.
func (r *rig) flush() { r.Flush() }
