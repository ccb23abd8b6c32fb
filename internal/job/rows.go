package job

import (
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A RowsKind says what a statement about the jobs of rows does.
type RowsKind uint8

// The statements about the jobs of rows that sqlgen.Generator.Starts finds. They are run in this order.
const (
	ForgetRows  RowsKind = iota // forgets jobs with a text of once whose time is over
	ReleaseRows                 // lets running timers go, so that there may be another one
	RemoveRows                  // removes timers that do not run
	AddRows                     // adds a job for each row
	AddOrdered                  // likewise, a message with an order
	AddOnce                     // likewise, unless there is one with that text of once
	AddTimers                   // adds or moves the timer of each row that has a time
)

// The inputs of a statement of RowsStatement, after the ones of the query.
const (
	inPrefix = iota // of ids
	inNow
	inUntil
	inBy
	inTrace
)

var inputKinds = [...]value.Kind{value.Text, value.Timestamp, value.Timestamp, value.Text, value.Text}

// RowsStatement returns a statement about the jobs of rows that a query finds. It has the inputs of the query, then the ones of
// RowsInputs. What is the same for all jobs of spec is part of its text. The key, the row and RunAt come from the query.
// Insert.Once is the beginning of each text of once. For AddOrdered, Args is the bare word of the operation.
func (q *Queue) RowsStatement(kind RowsKind, rows *sqlgen.Statement, spec *Insert) *sqlgen.Statement {
	w := &rowsWriter{constants: constantsOf(q.db.Dialect(), spec), dialect: q.db.Dialect(), rows: rows, out: *rows, placeholders: map[int]string{}}
	w.out.Args = append([]sqlgen.Arg{}, rows.Args...)
	w.out.SQL = w.statement(kind)
	w.out.Inputs, w.out.Tables = rows.Inputs+len(inputKinds), nil
	return &w.out
}

// A rowsWriter writes one statement.
type rowsWriter struct {
	constants
	dialect      sqlgen.Dialect
	rows         *sqlgen.Statement
	out          sqlgen.Statement
	placeholders map[int]string
}

func (w *rowsWriter) in(i int) string {
	p, ok := w.placeholders[i]
	if !ok {
		w.out.Args = append(w.out.Args, sqlgen.Arg{From: sqlgen.FromInput, Index: w.rows.Inputs + i})
		p = w.dialect.Placeholder(len(w.out.Args), inputKinds[i])
		w.placeholders[i] = p
	}
	return p
}

const (
	ofOnce     = ` WHERE once IN (SELECT `
	forgetRows = `UPDATE ashlar_jobs SET once = NULL` + ofOnce
	removeRows = `DELETE FROM ashlar_jobs` + ofOnce
	insertRows = `INSERT INTO ashlar_jobs (id, queue, name, state, key, lane, rank, run_at, turn_at, tries, once, once_until,
row_table, row_id, args, enqueued_by, trace, created_at, updated_at, attempt, _rev) SELECT `
	moveTimers = ` ON CONFLICT (once) WHERE once IS NOT NULL DO UPDATE SET state = excluded.state, run_at = excluded.run_at, turn_at = excluded.turn_at, args = excluded.args,
key = excluded.key, lane = excluded.lane, attempt = 0, errors = NULL, updated_at = excluded.updated_at
WHERE ashlar_jobs.state IN ('scheduled', 'waiting') AND CAST(ashlar_jobs.args AS text) <> CAST(excluded.args AS text)`
)

// statement mentions an input only where it needs it: PostgreSQL refuses a parameter without a place.
func (w *rowsWriter) statement(kind RowsKind) string {
	from := ` FROM (` + w.rows.SQL + `) AS f`
	switch kind {
	case ForgetRows:
		return forgetRows + w.once() + from + `) AND once_until <= ` + w.in(inNow) + ` AND state IN ('done', 'dead', 'cancelled')`
	case ReleaseRows:
		return forgetRows + w.once() + from + `) AND state = 'running'`
	case RemoveRows:
		return removeRows + w.once() + from + `) AND state IN ('scheduled', 'waiting')`
	}
	state, runAt, turnAt := `'waiting'`, w.in(inNow), w.null(value.Timestamp)
	once, until, where, conflict := w.null(value.Text), w.null(value.Timestamp), ` WHERE true`, ``
	switch kind {
	case AddOnce:
		once, until, conflict = w.once(), w.in(inUntil), unlessThere
	case AddTimers:
		later := `CASE WHEN f.at > ` + w.in(inNow) + ` THEN `
		state, runAt, turnAt = later+`'scheduled' ELSE 'waiting' END`, `f.at`, later+`f.at END`
		once, where, conflict = w.once(), ` WHERE f.at IS NOT NULL`, moveTimers
	}
	columns := []string{
		w.newID(), w.queue, w.name, state, `f.key`, `f.key`, w.rank, runAt, turnAt, w.tries, once, until,
		w.table, `f.row_id`, w.argsOf(kind), w.in(inBy), w.in(inTrace), w.in(inNow), w.in(inNow), `0`, `0`,
	}
	return insertRows + strings.Join(columns, ", ") + from + where + conflict
}

func (w *rowsWriter) once() string { return w.prefix + ` || f.once` }

// argsOf returns the arguments of a job as JSON.
func (w *rowsWriter) argsOf(kind RowsKind) (args string) {
	switch kind {
	case AddOrdered:
		args = w.orderedArgs()
	case AddTimers:
		args = w.timerArgs()
	default:
		args = w.args
	}
	if w.dialect == sqlgen.Postgres {
		args += `::json`
	}
	return args
}

func (w *rowsWriter) null(as value.Kind) string { return w.dialect.Null(as) }

// newID returns the id of a job: a UUID of version 7, whose first 15 characters are an input.
func (w *rowsWriter) newID() string {
	if w.dialect == sqlgen.Postgres {
		return `(` + w.in(inPrefix) + ` || substr(gen_random_uuid()::text, 16))::uuid`
	}
	return w.in(inPrefix) + ` || lower(substr(hex(randomblob(2)), 2) || '-' || substr('89AB', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))`
}

// orderedArgs returns the arguments of a message. PostgreSQL writes spaces into JSON that it builds.
func (w *rowsWriter) orderedArgs() string {
	plain := `'{"op":"' || ` + w.args + ` || '"}'`
	if w.dialect == sqlgen.Postgres {
		return `(CASE WHEN f.ord IS NULL THEN ` + plain + ` ELSE '{"op":"' || ` + w.args + ` || '","order":' || to_json(f.ord)::text || '}' END)`
	}
	return `CASE WHEN f.ord IS NULL THEN ` + plain + ` ELSE json_object('op', ` + w.args + `, 'order', f.ord) END`
}

// timerArgs returns the arguments of a timer, which tell its time apart from the time of a further attempt.
func (w *rowsWriter) timerArgs() string {
	at := `CAST(f.at AS TEXT)`
	if w.dialect == sqlgen.Postgres {
		at = `((extract(epoch FROM f.at) * 1000000)::bigint)::text`
	}
	return `('{"at":' || ` + at + ` || '}')`
}

// RowsInputs appends the inputs of the jobs of rows to the inputs of a query.
func (q *Queue) RowsInputs(inputs []value.Value, onceFor time.Duration, by, trace string) []value.Value {
	now, until := q.now(), value.Value{}
	if onceFor > 0 {
		until = stamp(now.Add(onceFor))
	}
	return append(inputs, value.OfText(newID(now)[:len("00000000-0000-7")]), stamp(now), until, optional(by), optional(trace))
}

// Expect wakes the loops of a queue once a write that may add jobs has been committed. at is zero for jobs that run at once. Any
// other time stands for jobs of any time.
func (q *Queue) Expect(queue string, at time.Time) { q.expect(Insert{Queue: queue, RunAt: at}) }

// TableName is the table that writes with jobs change.
const TableName = jobsTable

// Now returns the time by the clock of the database, about.
func (q *Queue) Now() time.Time { return q.now() }
