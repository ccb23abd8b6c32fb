package job

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Filter picks jobs. A field without a value picks all.
type Filter struct {
	Queue, Name, State string
	Table, Row         string    // the row that a job is about
	From, To           time.Time // when it was added: From <= t < To
	Arg, Value         string    // member of the arguments, and its value as text
	Text               string    // part of the arguments as JSON
	Until              time.Time // picks jobs that have not changed since
}

// States returns the states of jobs, in the order of a job's life.
func States() []string { return []string{scheduled, waiting, running, done, dead, cancelled} }

// UnfinishedStates returns the states of jobs that have not ended.
func UnfinishedStates() []string { return []string{scheduled, waiting, running} }

// A Found is a job in a list.
type Found struct {
	ID, Queue, Name, State string
	Key                    string
	Attempt, Tries         int
	Priority               int
	Table, Row             string
	Args                   string // JSON, clipped at 200 characters
	LastError              string
	By                     string
	RunAt, AddedAt         time.Time
	FinishedAt             time.Time // zero: it has not ended
	UpdatedAt              time.Time
}

// A Page is a part of a list.
type Page struct {
	Jobs []Found
	Next string    // cursor of the page behind this one; "" after the last one
	Cut  bool      // the time was over before the page was full
	Seen time.Time // for Filter.Until: what changes after it was changed by somebody else
}

// The bounds of one search. A search that finds little reads many rows, so it ends with its time, and Page.Cut says so.
const (
	findTime   = 2 * time.Second
	firstChunk = 1000  // rows of the first statement
	largeChunk = 20000 // rows of the further ones
)

// Find returns jobs, at most limit. The order depends on the state: the next ones to start come first if they wait or are
// scheduled, and the last ones to end come first if they have ended. Without a state the newest come first.
func (q *Queue) Find(ctx context.Context, f Filter, cursor string, limit int) (p Page, err error) {
	defer errs.Wrap(&err, "job.Find")
	if err := f.check(); err != nil {
		return p, err
	}
	from, err := parsePlace(cursor)
	if err != nil {
		return p, err
	}
	p.Seen = q.now()
	s := &search{queue: q, filter: f, at: from, until: time.Now().Add(q.cfg.find)}
	keys, err := s.next(ctx, limit)
	if err != nil {
		return p, err
	}
	ids := make([]string, len(keys))
	for i := range keys {
		ids[i] = keys[i].ID
	}
	if p.Jobs, err = q.List(ctx, ids); err != nil {
		return p, err
	}
	if !s.ended {
		p.Next, p.Cut = s.at.text(), len(keys) < limit
	}
	return p, nil
}

// mostText bounds the texts of a filter, in characters.
const mostText = 500

func (f *Filter) check() error {
	for _, text := range [...]string{f.Queue, f.Name, f.State, f.Table, f.Row, f.Arg, f.Value, f.Text} {
		if len(text) > mostText {
			return errs.New(errs.Malformed, "the filter has a text of more than %d characters", mostText)
		}
	}
	if f.Arg != "" && strings.Trim(f.Arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return errs.New(errs.Malformed, "an argument has a name of letters, digits and underscores")
	}
	if f.State != "" && !isState(f.State) {
		return errs.New(errs.Malformed, "a job is scheduled, waiting, running, done, dead or cancelled")
	}
	return nil
}

func isState(text string) bool {
	for _, state := range States() {
		if state == text {
			return true
		}
	}
	return false
}

// conditions returns what a filter asks of a row j.
func (f *Filter) conditions(b *binder) string {
	var all []string
	equal := func(column, text string) {
		if text != "" {
			all = append(all, "j."+column+" = "+b.arg(value.OfText(text)))
		}
	}
	equal("queue", f.Queue)
	equal("name", f.Name)
	equal("state", f.State)
	equal("row_table", f.Table)
	equal("row_id", f.Row)
	if !f.From.IsZero() {
		all = append(all, "j.created_at >= "+b.arg(stamp(f.From)))
	}
	if !f.To.IsZero() {
		all = append(all, "j.created_at < "+b.arg(stamp(f.To)))
	}
	if !f.Until.IsZero() {
		all = append(all, "j.updated_at <= "+b.arg(stamp(f.Until)))
	}
	if f.Arg != "" {
		all = append(all, b.member(f.Arg)+" = "+b.arg(value.OfText(f.Value)))
	}
	if f.Text != "" {
		all = append(all, b.contains(f.Text))
	}
	if all == nil {
		return "1 = 1"
	}
	return strings.Join(all, " AND ")
}

// readsArgs reports whether the filter is about arguments, which may be large.
func (f *Filter) readsArgs() bool { return f.Arg != "" || f.Text != "" }

// A binder numbers the parameters of a statement.
type binder struct {
	dialect sqlgen.Dialect
	args    []value.Value
}

func (b *binder) arg(v value.Value) string {
	b.args = append(b.args, v)
	if b.dialect == sqlgen.Postgres {
		return "$" + strconv.Itoa(len(b.args))
	}
	return "?" + strconv.Itoa(len(b.args))
}

// member returns the expression for a member of the arguments, as text. Both engines write true and numbers alike.
func (b *binder) member(name string) string {
	if b.dialect == sqlgen.Postgres {
		return "j.args ->> " + b.arg(value.OfText(name)) + "::text"
	}
	path := b.arg(value.OfText(`$."` + name + `"`))
	return "CASE json_type(j.args, " + path + ") WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(json_extract(j.args, " + path + ") AS TEXT) END"
}

func (b *binder) contains(text string) string {
	if b.dialect == sqlgen.Postgres {
		return "strpos(j.args::text, " + b.arg(value.OfText(text)) + ") > 0"
	}
	return "instr(j.args, " + b.arg(value.OfText(text)) + ") > 0"
}

// ids returns the condition for rows with some ids.
func (b *binder) ids(ids []string) string {
	list := b.arg(value.OfList(ids))
	if b.dialect == sqlgen.Postgres {
		return "id = ANY(" + list + "::text[]::uuid[])"
	}
	return "id IN (SELECT value FROM json_each(" + list + "))"
}

const foundColumns = `id, queue, name, state, key, attempt, tries, rank, row_table, row_id, errors, enqueued_by, run_at, created_at, finished_at, updated_at`

// List returns jobs in the order of the ids. Jobs that are gone are left out.
func (q *Queue) List(ctx context.Context, ids []string) (all []Found, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	b := &binder{dialect: q.db.Dialect()}
	args := "substr(args, 1, 200)"
	if b.dialect == sqlgen.Postgres {
		args = "left(args::text, 200)"
	}
	sql := "SELECT " + foundColumns + ", " + args + " FROM ashlar_jobs WHERE " + b.ids(ids)
	known := map[string]Found{}
	err = q.read(ctx, func(r store.Reader) error {
		clear(known)
		return r.Query(sql, b.args, func(row value.Row) error {
			found := foundOf(row)
			found.Args = textOf(row, 16)
			known[found.ID] = found
			return nil
		})
	})
	for _, id := range ids {
		if found, ok := known[id]; ok {
			all = append(all, found)
		}
	}
	return all, err
}

// foundOf reads foundColumns.
func foundOf(row value.Row) Found {
	found := Found{
		ID: textOf(row, 0), Queue: textOf(row, 1), Name: textOf(row, 2), State: textOf(row, 3), Key: textOf(row, 4),
		Attempt: int(row.Int(5)), Tries: int(row.Int(6)), Priority: MaxPriority - int(row.Int(7)), Table: textOf(row, 8), Row: textOf(row, 9),
		By: textOf(row, 11), RunAt: timeOf(row, 12), AddedAt: timeOf(row, 13), FinishedAt: timeOf(row, 14), UpdatedAt: timeOf(row, 15),
	}
	if all := failuresOf(bytesOf(row, 10)); len(all) > 0 {
		found.LastError = all[len(all)-1].Error
	}
	return found
}

// timeOf returns a time, or the zero time for null.
func timeOf(row value.Row, col int) time.Time {
	if row.Null(col) {
		return time.Time{}
	}
	return time.UnixMicro(row.Int(col)).UTC()
}

// A Detail is all about one job.
type Detail struct {
	Found
	Args, Result string // JSON, or ""
	Trace, Node  string
	Failures     []Failure // of the last attempts, the oldest first
	LeaseUntil   time.Time // of a running job
}

// Get returns a job, or an error of the kind errs.NotFound.
func (q *Queue) Get(ctx context.Context, id string) (d Detail, err error) {
	key, ok := value.ParseUUID(id)
	if !ok {
		return d, NoJob(id)
	}
	b := &binder{dialect: q.db.Dialect()}
	sql := "SELECT " + foundColumns + ", args, result, trace, node, turn_at FROM ashlar_jobs WHERE id = " + b.arg(value.OfUUID(key))
	err = q.read(ctx, func(r store.Reader) error {
		d = Detail{}
		return r.Query(sql, b.args, func(row value.Row) error {
			d = Detail{Found: foundOf(row), Args: textOf(row, 16), Result: textOf(row, 17), Trace: textOf(row, 18), Node: textOf(row, 19), Failures: failuresOf(bytesOf(row, 10))}
			if d.State == running {
				d.LeaseUntil = timeOf(row, 20)
			}
			return nil
		})
	})
	if err == nil && d.ID == "" {
		err = NoJob(id)
	}
	return d, err
}

// FirstSince returns the first job of a name that was added from a time on, or nil. It looks at the first largeChunk jobs only:
// a clock adds its job when it is due.
func (q *Queue) FirstSince(ctx context.Context, name string, at time.Time) (found *Found, err error) {
	b := &binder{dialect: q.db.Dialect()}
	inner := "SELECT id, name, created_at FROM ashlar_jobs WHERE id >= " + b.arg(value.OfUUID(firstID(at.Add(-idSlack)))) +
		" ORDER BY id LIMIT " + b.arg(value.OfInt(largeChunk))
	sql := "SELECT id FROM (" + inner + ") AS j WHERE name = " + b.arg(value.OfText(name)) + " AND created_at >= " + b.arg(stamp(at)) + " ORDER BY id LIMIT 1"
	var ids []string
	err = q.read(ctx, func(r store.Reader) error {
		ids = nil
		return r.Query(sql, b.args, func(row value.Row) error {
			ids = append(ids, textOf(row, 0))
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	all, err := q.List(ctx, ids)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}
