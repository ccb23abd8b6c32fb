package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The bars of what a busy node writes. What it adds to the log of the database includes the rows of hours. It is 0.7 MB a day.
// The bar leaves room for a checkpoint during the test, after which PostgreSQL adds images of whole pages.
const (
	logBytesPerDay = 4_000_000
	bytesOfStep    = 700
	bytesOfHour    = 700

	sampledSteps = 60
)

func TestWritesAreBounded(t *testing.T) {
	open := modeltest.Postgres(postgres.Config{Serializable: true}).Processes(t)
	db := open()
	rules := modeltest.Rules(t, "ashlar: 1\nname: app\n")
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, open: open, now: began}
	a := w.start("web-1:8080")
	points := a.cfg.Points
	a.cfg.Points = func() []telemetry.Point {
		all := points()
		for i := range 16 {
			all = append(all, telemetry.Point{Series: fmt.Sprintf(`http_server_request_duration_seconds_bucket{le="0.%03d"}`, i), Value: a.requests, Counter: true})
		}
		return append(all, telemetry.Point{Series: "process_cpu_seconds_total", Value: a.requests / 7777, Counter: true}, telemetry.Point{Series: "go_memstats_heap_alloc_bytes", Value: 34567890})
	}
	before := number(t, db, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`)
	for range sampledSteps {
		a.serve(123456, 12)
		w.pass(step, a)
	}
	written := number(t, db, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`) - before
	size := number(t, db, `SELECT sum(pg_column_size(t))::bigint FROM ashlar_telemetry AS t`)
	before += written
	w.now = w.now.Add(keepStep + time.Hour)
	for more := true; more; {
		var err error
		if more, err = a.rollHour(t.Context(), w.now); err != nil {
			t.Fatal(err)
		}
	}
	rolled := number(t, db, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`) - before
	hours := number(t, db, `SELECT avg(pg_column_size(t))::bigint FROM ashlar_telemetry AS t`)
	day := (written + rolled) * int64(24*time.Hour/step) / sampledSteps
	t.Logf("log: %d bytes a day; a step has %d bytes, an hour %d", day, size/sampledSteps, hours)
	if day > logBytesPerDay || size/sampledSteps > bytesOfStep || hours > bytesOfHour {
		t.Errorf("a node adds %d bytes to the log in a day, a step has %d bytes, an hour %d", day, size/sampledSteps, hours)
	}
}

func number(t *testing.T, db store.DB, sql string) (n int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(sql, nil, func(row value.Row) error {
			n = row.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
