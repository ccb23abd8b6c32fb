package start

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Tables is the fragment of system tables of this package. ashlar_timers has a row for each job with timers. It says for which
// definition rows got their timers, since when, and how far that has come.
func Tables(*model.Model) []*model.Table {
	return []*model.Table{system.NewTable("ashlar_timers", model.Text, // the id is the name of the job
		system.Text("definition"), system.Timestamp("began"), system.Optional(system.Text("last_row")), system.Bool("complete"),
	)}
}

const (
	batch      = 500 // rows or jobs that one transaction of a fill changes
	batchPause = 5 * time.Millisecond
	batchTime  = 30 * time.Second
	retryPause = 5 * time.Second

	tendEvery   = 10 * time.Minute // between two signs of a node that it has its timers
	forgetAfter = time.Hour        // without a sign of any node, the timers of an unknown job go
)

const (
	selectMarks = `SELECT id, definition, complete, updated_at FROM ashlar_timers ORDER BY id`
	touchMark   = `UPDATE ashlar_timers SET updated_at = $1 WHERE id = $2` // SQLite counts $1 by its first place
	insertMark  = `INSERT INTO ashlar_timers (id, definition, began, complete, created_at, updated_at, _rev) VALUES ($1, $2, $3, $4, $3, $3, 0)
ON CONFLICT (id) DO UPDATE SET definition = excluded.definition, began = excluded.began, last_row = NULL, complete = excluded.complete, updated_at = excluded.updated_at
WHERE ashlar_timers.definition <> excluded.definition`
	selectMark   = `SELECT definition, began, last_row, complete FROM ashlar_timers WHERE id = $1`
	updateMark   = `UPDATE ashlar_timers SET last_row = $1, complete = $2 WHERE id = $3` // SQLite counts $1 by its first place
	deleteMark   = `DELETE FROM ashlar_timers WHERE id = $1`
	removeTimers = `DELETE FROM ashlar_jobs WHERE id IN (SELECT id FROM ashlar_jobs
WHERE once >= $1 AND once < $2 AND state IN ('scheduled', 'waiting') ORDER BY once LIMIT $3)`
)

// Run gives timers to the rows that were there before their job was in the model. It works in batches, and goes on where it was
// interrupted. Then it tends the timers until ctx ends.
func (s *Starter) Run(ctx context.Context) error {
	work := s.Fill
	for {
		pause, err := tendEvery, work(ctx)
		if err == nil {
			work = s.Tend
		} else if ctx.Err() == nil {
			s.log.Warn("timers of existing rows are not complete yet", "error", err)
			pause = retryPause
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

// Tend tells other nodes that this one has its timers, and removes the timers of jobs that no node has. During a deployment some
// nodes have an older model. A node cannot tell whose model is newer, so it waits for forgetAfter without a sign of another node.
// Until then the timers of an unknown job do no harm: a node puts off what it has no handler for.
func (s *Starter) Tend(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "start.Tend")
	_, err = s.tend(ctx)
	return err
}

// tend does the work of Tend, and returns the definitions of complete fills.
func (s *Starter) tend(ctx context.Context) (known map[string]string, err error) {
	var gone, own []string
	err = s.db.Read(ctx, func(r store.Reader) error {
		known, gone, own = map[string]string{}, nil, nil
		return r.Query(selectMarks, nil, func(row value.Row) error {
			name := string(row.Bytes(0))
			switch seen := time.UnixMicro(row.Int(3)); {
			case s.timer(name) != nil:
				own = append(own, name)
			case s.db.Dialect() == sqlgen.SQLite || s.queue.Now().Sub(seen) > forgetAfter: // SQLite has one node
				gone = append(gone, name)
			}
			if row.Int(2) == 1 {
				known[name] = string(row.Bytes(1))
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for _, name := range gone {
		if err := s.remove(ctx, name); err != nil {
			return nil, err
		}
	}
	if len(own) == 0 {
		return known, nil
	}
	return known, s.write(ctx, func(tx store.Tx) error {
		for _, name := range own {
			if _, err := tx.Exec(touchMark, []value.Value{value.OfTimestamp(s.queue.Now().UnixMicro()), value.OfText(name)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Fill gives timers to rows, and tends the timers that are there.
func (s *Starter) Fill(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "start.Fill")
	known, err := s.tend(ctx)
	if err != nil {
		return err
	}
	for _, t := range s.timers {
		if known[t.job.Name] == t.definition() {
			continue
		}
		if err := s.fill(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// definition names the times of a timer: rows need timers again if it changes.
func (t *timer) definition() string {
	sum := sha256.Sum256([]byte(t.start.Table.Name + "\n" + t.job.At.Text))
	return hex.EncodeToString(sum[:])
}

// write runs f in a transaction in which no rule decides.
func (s *Starter) write(ctx context.Context, f func(tx store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, batchTime)
	defer cancel()
	return s.db.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		tx.MarkChanged(jobTables...)
		return f(tx)
	})
}

// remove removes the timers of a job.
func (s *Starter) remove(ctx context.Context, name string) error {
	from := onceOfTimer(name)
	until := from[:len(from)-1] + ";" // follows the colon
	for n := int64(batch); n == batch; {
		err := s.write(ctx, func(tx store.Tx) (err error) {
			n, err = tx.Exec(removeTimers, []value.Value{value.OfText(from), value.OfText(until), value.OfInt(batch)})
			return err
		})
		if err != nil {
			return err
		}
		if err := sleep(ctx, batchPause); err != nil {
			return err
		}
	}
	return s.write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(deleteMark, []value.Value{value.OfText(name)})
		return err
	})
}

// fill gives timers to the rows of a table.
func (s *Starter) fill(ctx context.Context, t *timer) error {
	err := s.write(ctx, func(tx store.Tx) error {
		now := value.OfTimestamp(s.queue.Now().UnixMicro())
		_, err := tx.Exec(insertMark, []value.Value{value.OfText(t.job.Name), value.OfText(t.definition()), now, value.OfBool(false)})
		return err
	})
	for complete := false; err == nil && !complete; {
		err = s.write(ctx, func(tx store.Tx) (err error) {
			complete, err = s.fillPage(tx, t)
			return err
		})
		if err == nil && !complete {
			err = sleep(ctx, batchPause)
		}
	}
	s.queue.Expect(t.insert.Queue, s.queue.Now())
	return err
}

// A mark is how far a fill has come.
type mark struct {
	definition string
	began      int64
	last       string
	first      bool // no page was filled
	complete   bool
}

func readMark(tx store.Tx, name string) (m mark, err error) {
	sql := selectMark
	if tx.Dialect() == sqlgen.Postgres {
		sql += ` FOR UPDATE`
	}
	err = tx.Query(sql, []value.Value{value.OfText(name)}, func(row value.Row) error {
		m = mark{definition: string(row.Bytes(0)), began: row.Int(1), first: row.Null(2), complete: row.Int(3) == 1}
		if !m.first {
			m.last = string(row.Bytes(2))
		}
		return nil
	})
	return m, err
}

// fillPage gives timers to the next rows by id. It locks them, so that a write that changes the time of one of them comes
// before or after. A timer whose time was over when the fill began is not added.
func (s *Starter) fillPage(tx store.Tx, t *timer) (complete bool, err error) {
	m, err := readMark(tx, t.job.Name)
	if err != nil || m.complete || m.definition != t.definition() {
		return true, err // another node has done it, or has another model
	}
	after, ok := value.Value{}, true
	if !m.first {
		if after, ok = idOf(t.start.Table, m.last); !ok {
			return false, errs.New(errs.Internal, "the row %s of %s is no id", m.last, t.start.Table.Name)
		}
	}
	b := s.binding()
	extra := t.job.Name
	if m.first {
		extra += " first"
	}
	page, err := s.statements.Get(b, kindPage, extra, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.PageOf(t.start.Table, m.first)
	})
	if err != nil {
		return false, err
	}
	inputs := []value.Value{after, value.OfInt(batch), value.OfTimestamp(m.began)}
	rows, last := 0, m.last
	err = b.Query(tx, page, inputs, func(row value.Row) error {
		rows++
		last = string(row.Bytes(0))
		return nil
	})
	if err != nil {
		return false, err
	}
	if rows > 0 {
		found := query{sqlgen.StartRows{Which: sqlgen.Paged, First: m.first}, inputs}
		if err := s.addPage(tx, t, found, extra); err != nil {
			return false, err
		}
	}
	complete = rows < batch
	mark := value.OfText(last)
	if last == "" {
		mark = value.Value{}
	}
	changed, err := tx.Exec(updateMark, []value.Value{mark, value.OfBool(complete), value.OfText(t.job.Name)})
	if err == nil && changed == 0 {
		err = errs.New(errs.Internal, "the mark of %s is gone", t.job.Name)
	}
	return complete, err
}

func (s *Starter) addPage(tx store.Tx, t *timer, found query, extra string) error {
	b := s.binding()
	stmt, err := s.statements.Get(b, byte(job.AddTimers), extra+" page", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return rowsStatement(s.queue, gen, t.entry, job.AddTimers, found)
	})
	if err != nil {
		return err
	}
	inputs := s.queue.RowsInputs(found.inputs, t.insert.OnceFor, b.Caller().String(), "")
	return b.Exec(tx, stmt, inputs)
}
