package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// session is the protocol's pipeline on one connection, as long as a Read or a transaction lasts. Statements that belong
// together go out in one packet.
type session struct {
	c    *conn
	p    *pgconn.Pipeline
	sync bool // each statement ends with a sync; otherwise all are one implicit transaction
	last bool // the next statement is the last of an implicit transaction, and takes the sync along

	current *result // result whose rows are being given out
	failed  error   // error that ended the implicit transaction or the connection
}

// newSession begins a session. The watch of the connection cuts its work short.
func newSession(c *conn, sync bool) *session {
	return &session{c: c, p: c.raw.StartPipeline(context.Background()), sync: sync}
}

// end reads what is left, ends an implicit transaction and frees the connection. If that fails, the connection is closed.
func (s *session) end() {
	if !s.syncs() && !s.c.raw.IsClosed() {
		_ = s.p.Sync()
	}
	_ = s.p.Close() // repeats a reported error, or has closed the connection
}

// undo rolls back a transaction that BEGIN began and nothing has ended. If that fails, the pool closes the connection.
func (s *session) undo() {
	if s.sync && s.current == nil && !s.c.raw.IsClosed() && s.c.raw.TxStatus() != 'I' {
		_ = s.run(rollback)
	}
}

func (s *session) syncs() bool { return s.sync || s.last }

// binary is the format of every parameter and column.
var binary = []int16{1}

// envelope is what is sent in one packet with a statement, before and after it.
type envelope struct {
	before []string
	guard  *guard // if it waits, its step comes right before the statement
	after  []string
}

// query runs a statement and gives each row to each. The error comes from the driver or from each, or is errGuard.
func (s *session) query(sql string, args []value.Value, with envelope, each func(value.Row) error) (changed int64, err error) {
	if s.failed != nil {
		return 0, s.failed
	}
	began := s.c.clock()
	outer := s.current
	if outer != nil {
		if err := outer.suspend(); err != nil {
			return 0, err
		}
	}
	guard, guardParams, before, err := s.prepareGuard(with)
	if err != nil {
		return 0, err
	}
	st, before, err := s.prepare(sql, before)
	if err != nil {
		return 0, err
	}
	params, err := s.c.binder.bind(st, args)
	if err != nil {
		return 0, engine.Internal(err)
	}
	s.send(before...)
	if guard != nil {
		s.sendQuery(guard, guardParams)
	}
	if st.once { // the server has just parsed it
		s.p.SendQueryPrepared("", params, binary, binary)
	} else {
		s.sendQuery(st, params)
	}
	s.send(with.after...)
	if err := s.push(); err != nil {
		return 0, s.fail(err)
	}
	if err := s.skip(len(before)); err != nil {
		return 0, err
	}
	if guard != nil {
		rows, err := s.receiveGuard(guard, with.guard)
		if err != nil {
			return 0, err
		}
		began = s.c.note(guard.sql, began, rows)
		if with.guard.refused != nil {
			_, _ = s.receive(st, len(with.after), outer, func(value.Row) error { return errGuard }) // it may have failed too
			return 0, errGuard
		}
	}
	return s.receiveNoted(st, began, len(with.after), outer, each)
}

// receiveNoted is receive of a statement that began at a time, and notes the statement.
func (s *session) receiveNoted(st *statement, began time.Time, after int, outer *result, each func(value.Row) error) (int64, error) {
	rows := 0
	changed, err := s.receive(st, after, outer, func(row value.Row) error {
		rows++
		return each(row)
	})
	s.c.note(st.sql, began, max(rows, int(changed)))
	return changed, err
}

// pair runs a statement without rows and one with rows in one packet. Both are prepared.
func (s *session) pair(before []string, change, read *statement, changeArgs, readArgs []value.Value, each func(value.Row) error) error {
	if s.failed != nil {
		return s.failed
	}
	began := s.c.clock()
	s.send(before...)
	for _, q := range []struct {
		st   *statement
		args []value.Value
	}{{change, changeArgs}, {read, readArgs}} {
		if err := s.bindAndSend(q.st, q.args); err != nil {
			return err
		}
	}
	if err := s.push(); err != nil {
		return s.fail(err)
	}
	if err := s.skip(len(before)); err != nil {
		return err
	}
	_, changed, err := s.rows(change, nil)
	if err != nil {
		return err
	}
	began = s.c.note(change.sql, began, int(changed))
	_, err = s.receiveNoted(read, began, 0, nil, each)
	return err
}

// receive reads the result of the statement that was sent, and the results after it.
func (s *session) receive(st *statement, after int, outer *result, each func(value.Row) error) (int64, error) {
	rr, err := s.next()
	if err != nil {
		return 0, err
	}
	res := &result{s: s, rr: rr, after: after}
	res.row.types = st.results
	if st.unnamed() { // the server parsed it again, perhaps after a change of the table
		res.row.types = typesOf(rr.FieldDescriptions())
	}
	s.current = res // after a panic of each, end reads what is left
	rowErr := res.each(each)
	s.current = outer
	if err := res.finish(); err != nil {
		return 0, err
	}
	return res.changed, rowErr
}

// run runs statements that have no rows, in one packet.
func (s *session) run(all ...string) error {
	if s.failed != nil {
		return s.failed
	}
	s.send(all...)
	if err := s.push(); err != nil {
		return s.fail(err)
	}
	if err := s.skip(len(all)); err != nil {
		return err
	}
	return s.settle()
}

// send queues statements that have neither parameters nor rows, by name. If they were queued with a description, pgx would
// keep it after an error and take it for the next statement's.
func (s *session) send(all ...string) {
	for _, sql := range all {
		if name, prepared := s.c.control[sql]; prepared {
			s.p.SendQueryPrepared(name, nil, nil, nil)
		} else {
			s.p.SendQueryParams(sql, nil, nil, nil, nil)
		}
	}
}

// bindAndSend queues a statement with its values.
func (s *session) bindAndSend(st *statement, args []value.Value) error {
	params, err := s.c.binder.bind(st, args)
	if err != nil {
		return s.fail(engine.Internal(err)) // the statements queued before must not go out
	}
	s.sendQuery(st, params)
	return nil
}

func (s *session) sendQuery(st *statement, params [][]byte) {
	if st.unnamed() {
		s.p.SendQueryParams(st.sql, params, st.desc.ParamOIDs, binary, binary)
	} else {
		s.p.SendQueryStatement(st.desc, params, binary, binary)
	}
}

// push sends what was queued.
func (s *session) push() error {
	if s.syncs() {
		return s.p.Sync()
	}
	s.p.SendFlushRequest()
	return s.p.Flush()
}

// skip reads the results of statements that have no rows.
func (s *session) skip(n int) error {
	for range n {
		rr, err := s.next()
		if err != nil {
			return err
		}
		if _, err := rr.Close(); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// next reads the beginning of a result.
func (s *session) next() (*pgconn.ResultReader, error) {
	got, err := s.p.GetResults()
	if err != nil {
		return nil, s.fail(err)
	}
	rr, ok := got.(*pgconn.ResultReader)
	if !ok {
		return nil, s.fail(fmt.Errorf("the server answered out of turn: %T", got))
	}
	return rr, nil
}

// settle reads the sync at the end of a packet.
func (s *session) settle() error {
	if !s.syncs() {
		return nil
	}
	got, err := s.p.GetResults()
	if err != nil {
		return s.fail(err)
	}
	if _, ok := got.(*pgconn.PipelineSync); !ok {
		return s.fail(fmt.Errorf("the server answered out of turn: %T", got))
	}
	return nil
}

// fail notes an error. It reads on to the sync that makes the connection usable again.
func (s *session) fail(err error) error {
	if _, refused := errors.AsType[*pgconn.PgError](err); !refused || !s.syncs() || s.c.raw.IsClosed() {
		s.failed = err
		return err
	}
	for {
		got, more := s.p.GetResults()
		if _, refused := errors.AsType[*pgconn.PgError](more); (more != nil && !refused) || (got == nil && more == nil) {
			s.failed = err
			return err
		}
		if _, ok := got.(*pgconn.PipelineSync); ok {
			return err
		}
	}
}

// prepare returns the prepared statement for sql, and prepares it on this connection if needed. It then sends the
// statements in before first, because they may hold the BEGIN that decides what names resolve to. prepare also returns the
// statements that must still be sent.
func (s *session) prepare(sql string, before []string) (*statement, []string, error) {
	if st := s.c.statements.get(sql); st != nil {
		return st, before, nil
	}
	name := s.c.statements.name(sql)
	s.send(before...)
	s.p.SendPrepare(name, sql, nil)
	if err := s.push(); err != nil {
		return nil, nil, s.fail(err)
	}
	if err := s.skip(len(before)); err != nil {
		return nil, nil, err
	}
	desc, err := s.description()
	if err != nil {
		return nil, nil, err
	}
	st := newStatement(name, sql, desc)
	st.once = name == "" && !s.c.statements.unnamed
	for _, dropped := range s.c.statements.put(st) {
		if err := s.deallocate(dropped); err != nil {
			return nil, nil, err
		}
	}
	return st, nil, nil
}

// description reads the answer to a request to prepare.
func (s *session) description() (*pgconn.StatementDescription, error) {
	got, err := s.p.GetResults()
	if err != nil {
		return nil, s.fail(err)
	}
	desc, ok := got.(*pgconn.StatementDescription)
	if !ok {
		return nil, s.fail(fmt.Errorf("the server answered out of turn: %T", got))
	}
	return desc, s.settle()
}

func (s *session) deallocate(name string) error {
	s.p.SendDeallocate(name)
	if err := s.push(); err != nil {
		return s.fail(err)
	}
	if _, err := s.p.GetResults(); err != nil {
		return s.fail(err)
	}
	return s.settle()
}

// errorsOf joins two errors, of which the later may repeat the first.
func errorsOf(first, later error) error {
	if errors.Is(later, first) {
		return first
	}
	return errors.Join(first, later)
}
