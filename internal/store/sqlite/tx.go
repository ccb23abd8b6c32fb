package sqlite

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// tx is a transaction as one function sees it.
type tx struct {
	w       *writer
	touched []string
	over    bool
	refused error // of its guard
}

// usable returns why no statement may run, or nil.
func (t *tx) usable() error {
	if t.over {
		return engine.UsedAfterReturn()
	}
	return t.refused
}

// Guard implements store.Reader. It runs the step at once.
func (t *tx) Guard(step store.Step) {
	if t.usable() == nil {
		t.refused = t.w.conn.runStep(&step)
	}
}

// Query implements store.Reader.
func (t *tx) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if err := t.usable(); err != nil {
		return err
	}
	return t.w.conn.query(sql, args, row)
}

// Exec implements store.Tx.
func (t *tx) Exec(sql string, args []value.Value) (int64, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	return t.w.conn.exec(sql, args)
}

// ExecDeferred implements store.Tx. SQLite checks every statement at its end.
func (t *tx) ExecDeferred(sql string, args []value.Value) (int64, error) { return t.Exec(sql, args) }

// ExecThenQuery implements store.Tx.
func (t *tx) ExecThenQuery(change, read store.Statement, row func(value.Row) error) error {
	return store.ExecThenQuery(t, change, read, row)
}

// FinalStatement implements store.Reader. A transaction ends after its function, not with a statement.
func (*tx) FinalStatement() {}

// Dialect implements store.Reader.
func (*tx) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

// Generation implements store.Reader. For a table that this transaction has touched, it returns a number that nobody ever
// gets again: nobody else may rely on rows that are not committed yet.
func (t *tx) Generation(table string) (int64, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	if t.w.isTouched(table, t.touched) {
		t.w.unrepeated--
		return t.w.unrepeated, nil
	}
	return t.w.conn.generation(table)
}

// Revision implements store.Tx.
func (t *tx) Revision() (int64, error) {
	if err := t.usable(); err != nil {
		return 0, err
	}
	w := t.w
	if n, ok := w.reserved.Take(); ok {
		return n, nil
	}
	if n, ok := w.spare.Take(); ok {
		return n, nil
	}
	if err := w.reserve(); err != nil {
		return 0, err
	}
	n, _ := w.reserved.Take()
	return n, nil
}

const nextCount = `INSERT INTO ashlar_counters (name, value) VALUES ('next:' || ?1, 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value`

// NextID implements store.Tx.
func (t *tx) NextID(counter string) (int64, error) {
	return t.one(nextCount, []value.Value{value.OfText(counter)})
}

const skipCounts = `UPDATE ashlar_counters SET value = max(value, ?2) WHERE name = 'next:' || ?1`

// Skip implements store.Tx.
func (t *tx) Skip(counter string, _, past int64) error {
	_, err := t.Exec(skipCounts, []value.Value{value.OfText(counter), value.OfInt(past)})
	return err
}

func (t *tx) one(sql string, args []value.Value) (n int64, err error) {
	err = t.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	if err == nil && n == 0 {
		err = engine.Internal(errors.New("the counter is not there: " + sql))
	}
	return n, err
}

// MarkChanged implements store.Tx.
func (t *tx) MarkChanged(tables ...string) { t.touched = engine.AddTables(t.touched, tables...) }
