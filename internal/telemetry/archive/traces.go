package archive

import (
	"context"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Trace is one kept trace. Its body is the form of package trace, which the archive does not read.
type Trace struct {
	ID       telemetry.TraceID
	Name     string // of its first span
	Start    time.Time
	Duration time.Duration
	Failed   bool
	Body     []byte
}

// maxTrace bounds the body of a trace. A larger one is dropped.
const maxTrace = 256 << 10

const insertTrace = `INSERT INTO traces (key, trace, name, took, failed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`

// PutTrace keeps a trace. It does not wait until it is written. The body belongs to the archive from then on.
func (a *Archive) PutTrace(t Trace) {
	if len(t.Body) > maxTrace {
		a.queue.dropped.Add(1)
		return
	}
	a.queue.addJob(job{size: len(t.Body) + len(t.Name), run: func(tx *transaction) error {
		key := keyAt(t.Start.Add(t.Duration))
		for { // two traces may end in the same microsecond
			used, err := numberOf(tx.conn, `SELECT count(*) FROM traces WHERE key = ?1`, key)
			if err != nil {
				return err
			}
			if used == 0 {
				break
			}
			key++
		}
		return tx.run(insertTrace, key, t.ID[:], errs.Clip(t.Name, maxText), t.Duration.Microseconds(), t.Failed, t.Body)
	}})
}

const (
	selectTrace  = `SELECT key, trace, name, took, failed, body FROM traces WHERE trace = ?1 ORDER BY key DESC LIMIT 1`
	selectTraces = `SELECT key, trace, name, took, failed, x'' FROM traces WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3`
)

// Trace returns a kept trace. The newest counts if a client gave the same id to several.
func (a *Archive) Trace(ctx context.Context, id telemetry.TraceID) (t Trace, err error) {
	defer errs.Wrap(&err, "archive.Trace")
	err = a.read(ctx, func(conn *lite.Conn) error {
		found := false
		err := query(conn, selectTrace, func(row *lite.Stmt) error {
			t, found = scanTrace(row), true
			return nil
		}, id[:])
		if err == nil && !found {
			err = errs.New(errs.NotFound, "this trace is not kept")
		}
		return err
	})
	return t, err
}

// Traces returns the newest traces that ended between two times, without their bodies.
func (a *Archive) Traces(ctx context.Context, from, to time.Time, limit int) (list []Trace, err error) {
	defer errs.Wrap(&err, "archive.Traces")
	err = a.read(ctx, func(conn *lite.Conn) error {
		return query(conn, selectTraces, func(row *lite.Stmt) error {
			list = append(list, scanTrace(row))
			return nil
		}, keyAt(from), keyAt(to), min(max(limit, 1), maxPage))
	})
	return list, err
}

func scanTrace(row *lite.Stmt) (t Trace) {
	row.ColumnBytes(1, t.ID[:])
	t.Name, t.Failed = row.ColumnText(2), row.ColumnBool(4)
	t.Duration = time.Duration(row.ColumnInt64(3)) * time.Microsecond
	t.Start = timeOf(row.ColumnInt64(0)).Add(-t.Duration)
	t.Body = blob(row, 5, nil)
	return t
}
