package postgres

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Read implements store.DB. The snapshot is an implicit transaction, which lasts until the sync at its end: see
// Config.reading.
func (db *DB) Read(ctx context.Context, f func(store.Reader) error) error {
	turn := admit.TurnOf(ctx) // to compute
	turn.Pause()
	defer turn.Resume()
	if err := db.readers.enter(); err != nil {
		return err
	}
	defer db.readers.leave()
	wait, err := db.readers.wait(ctx)
	if err != nil {
		return err
	}
	defer db.readers.done(wait)
	r := &reader{db: db, ctx: ctx, deadline: time.Now().Add(db.cfg.ReadTimeout)}
	if err := r.connect(); err != nil {
		return err
	}
	defer r.end() // a panic of f goes on to the caller, whose goroutine this is
	if err := f(r); err != nil {
		return err
	}
	return r.guard.settle(r.Query)
}

// Guard implements store.Reader.
func (r *reader) Guard(step store.Step) {
	if err := r.guard.settle(r.Query); err == nil {
		r.guard = newGuard(step)
	}
}

// Readers implements store.DB.
func (db *DB) Readers() (all, quick int) { return db.cfg.Readers, db.cfg.Readers }

// reader is a Read under way.
type reader struct {
	db       *DB
	ctx      context.Context // of the caller
	deadline time.Time
	c        *conn    // nil if the connection was lost and there is no other
	s        *session // nil until a statement needs it
	started  bool     // a statement was answered; all others must see the same snapshot
	last     bool     // FinalStatement was called
	begun    bool     // BEGIN was sent, behind a pooler
	guard    guard
	over     bool
	err      error
}

// FinalStatement implements store.Reader. The snapshot ends with the next statement, which saves a round trip.
func (r *reader) FinalStatement() { r.last = true }

// Outside implements store.Reader. A trigger moves the generation when another program changes rows: see
// sqlgen.ChangeTrigger.
func (*reader) Outside() (n int64, known bool) { return 0, true }

func (r *reader) connect() error {
	c, err := r.db.readers.take(r.ctx, r.deadline)
	if err != nil {
		return cmp.Or(r.ctx.Err(), err)
	}
	r.c = c
	r.c.notes = telemetry.StatementsOf(r.ctx)
	r.begun = false
	return nil
}

func (r *reader) end() {
	if r.s != nil {
		r.s.undo()
		r.s.end()
		r.s = nil
	}
	if r.c != nil {
		r.db.readers.give(r.c)
		r.c = nil
	}
}

var errAfterLast = errors.New("a statement came after the last of a read")

// freshTries is how many dead connections a Read may find before it gives up. After a restart of the server all connections
// of a pool are dead.
const freshTries = 20

// Query implements store.Reader.
func (r *reader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	switch {
	case r.err != nil:
		return r.err
	case r.guard.refused != nil:
		return r.guard.refused
	case r.over:
		return engine.Internal(errAfterLast)
	}
	r.over = r.last
	var rowErr error
	each := func(v value.Row) error {
		r.started = true
		rowErr = row(v)
		return rowErr
	}
	for try := 1; ; try++ {
		err := r.run(sql, args, each)
		if r.guard.refused != nil {
			return r.guard.refused
		}
		if err == nil || (rowErr != nil && errors.Is(err, rowErr)) {
			r.started = true
			return err
		}
		if !r.canStartAnew(err, try) {
			r.err = r.translate(err)
			return r.err
		}
		if err := r.restart(); err != nil {
			r.err = err
			return err
		}
	}
}

// run runs a statement, without a session if it is the only one and is prepared.
func (r *reader) run(sql string, args []value.Value, each func(value.Row) error) error {
	if r.last && r.s == nil && !r.db.readers.pooled {
		switch st, guard := r.c.statements.get(sql), r.c.guardOf(&r.guard); {
		case st != nil && !r.guard.waits:
			return r.c.query(st, args, each)
		case st != nil && guard != nil:
			return r.c.queryGuarded(&r.guard, guard, st, args, each)
		}
	}
	if r.s == nil {
		r.s = newSession(r.c, r.db.readers.pooled)
	}
	r.s.last = r.last
	_, err := r.s.query(sql, args, r.envelope(), each)
	return err
}

// query runs a prepared statement outside of any session.
func (c *conn) query(st *statement, args []value.Value, each func(value.Row) error) error {
	params, err := c.binder.bind(st, args)
	if err != nil {
		return engine.Internal(err)
	}
	began, rows := c.clock(), 0
	defer func() { c.note(st.sql, began, rows) }()
	rr := c.raw.ExecStatement(context.Background(), st.desc, params, binary, binary)
	defer rr.Close() // reads what is left after an error of each
	c.row.types = st.results
	for ; rr.NextRow(); rows++ {
		c.row.values, c.row.scratch = rr.Values(), c.row.scratch[:0]
		if err := each(&c.row); err != nil {
			return err
		}
	}
	_, err = rr.Close()
	return err
}

// envelope returns what is sent with a statement: nothing, or behind a pooler the beginning and the end of the transaction.
func (r *reader) envelope() (env envelope) {
	opening := r.c.opening
	env.guard = &r.guard
	if len(opening) > 0 && !r.begun {
		r.begun = true
		env.before = opening
	}
	if len(opening) > 0 && r.last {
		env.after = []string{commit}
	}
	return env
}

// translate takes a write for a defect. For a writer the same error means that the server is a standby.
func (r *reader) translate(err error) error {
	if classOf(err) == standby {
		return engine.Internal(err)
	}
	return translate(r.ctx, err)
}

// canStartAnew reports whether another connection may help, and nothing has been read yet.
func (r *reader) canStartAnew(err error, try int) bool {
	f := classOf(err)
	return !r.started && try < freshTries && (f == lost || f == outdated) && r.ctx.Err() == nil && time.Now().Before(r.deadline)
}

func (r *reader) restart() error {
	discard(r.c)
	r.guard.again()
	r.end()
	return r.connect()
}

// discard closes a connection, so that the pool makes another.
func discard(c *conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_ = c.raw.Close(ctx) // nobody needs its last error
	if c.tally != nil {
		c.tally.lost.Add(1)
	}
}

// The generation of a table moves with every commit that touched it, though each writer counts for itself (see stripeOf).
// Snapshots follow each other, so a later one sees no smaller part of any count.
const selectGeneration = `SELECT coalesce(sum(generation), 0)::bigint FROM ashlar_generations WHERE "table" = $1`

// selectVersion selects what Version returns. Counts only grow, so their sum is equal only if each of them is. They become
// smaller if an older copy of the database takes its place: another server has another start, and another table of
// generations another file.
const selectVersion = `SELECT coalesce(sum(generation), 0)::bigint, pg_relation_filenode('ashlar_generations')::bigint,
(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint FROM ashlar_generations WHERE "table" `

// versionsOf has selectVersion for each small number of tables. PostgreSQL plans a statement with ANY of a parameter anew each
// time. That took 30 of its 62 µs.
var versionsOf = func() (all [17]string) {
	for n := range all {
		var list strings.Builder
		for i := range n {
			list.WriteString(", $" + strconv.Itoa(i+1))
		}
		all[n] = selectVersion + "IN (" + strings.TrimPrefix(list.String(), ", ") + ")"
	}
	all[0] = selectVersion + "= ANY($1::text[])"
	return all
}()

func versionOf(tables []string) (sql string, args []value.Value) {
	if len(tables) >= len(versionsOf) || len(tables) == 0 {
		return versionsOf[0], []value.Value{value.OfList(tables)}
	}
	args = make([]value.Value, len(tables))
	for i, table := range tables {
		args[i] = value.OfText(table)
	}
	return versionsOf[len(tables)], args
}

// Version implements store.Reader.
func (r *reader) Version(dst []int64, tables []string) (version []int64, known bool, err error) {
	sql, args := versionOf(tables)
	err = r.Query(sql, args, func(row value.Row) error {
		version, known = append(dst, row.Int(0), row.Int(1), row.Int(2)), true
		return nil
	})
	return version, known, err
}

// Version implements store.Reader.
func (*tx) Version([]int64, []string) (version []int64, known bool, err error) {
	return nil, false, nil
}

// State implements store.Reader.
func (*reader) State() (state store.State, known bool) { return state, false }

// State implements store.Reader.
func (*tx) State() (state store.State, known bool) { return state, false }

// Written implements store.DB.
func (db *DB) Written(table string) int64 { return db.written.Of(table) }

// State implements store.DB.
func (*DB) State() (state store.State, known bool) { return state, false }

// Generation implements store.Reader.
func (r *reader) Generation(table string) (n int64, err error) {
	err = r.Query(selectGeneration, []value.Value{value.OfText(table)}, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
