package account

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// self is the caller for everything that this package reads and writes.
func self() caller.Caller { return caller.System("accounts") }

// A table is a system table whose rows are values of the struct T. The JSON tags of T are the names of the fields.
type table[T any] struct{ *model.Table }

// A work is one transaction, with the rows of the app and of the system tables.
type work struct {
	tx   store.Tx
	rows *record.Tx
	now  time.Time
}

// write runs f in a transaction. The engine may run f more than once, so f resets what it fills.
func (s *Service) write(ctx context.Context, f func(w *work) error) error {
	return s.db.Write(ctx, func(tx store.Tx) error {
		if err := system.ReadCommitted(tx); err != nil {
			return err
		}
		w := &work{tx: tx, rows: s.rows.In(tx, self()), now: s.now()}
		defer w.rows.Done()
		return f(w)
	})
}

// create makes a row and returns its id.
func (t table[T]) create(w *work, row T) (string, error) {
	members, err := membersOf(row)
	if err != nil {
		return "", err
	}
	made, err := w.rows.Create(t.Table, members)
	if err != nil {
		return "", fmt.Errorf("create a row of %s: %w", t.Name, err)
	}
	return made.ID.Text, nil
}

// get reads a row with its revision. A missing row is errs.NotFound.
func (t table[T]) get(w *work, id string) (row T, revision int64, err error) {
	key, ok := value.ParseID(t.Table, id)
	if !ok {
		return row, 0, errs.New(errs.NotFound, "no such row")
	}
	found, err := w.rows.Get(t.Table, key, record.Selection{})
	if err != nil {
		return row, 0, err
	}
	return row, found.Revision, json.Unmarshal(found.JSON, &row)
}

// lockAccount keeps others from changing an account, and from deciding on it, until the transaction ends.
const lockAccount = `SELECT 1 FROM "ashlar_accounts" WHERE "id" = $1 FOR NO KEY UPDATE`

// lock reads the account that a transaction decides on. What opens something for an account and what ends something take turns
// by this lock. Otherwise a sign-in that read the account before a suspension could open a session after it. The order of locks
// is: codes, the account, its sessions and factors, counters, the audit log.
func (s *Service) lock(w *work, id string) (a accountRow, revision int64, err error) {
	key, ok := value.ParseID(s.accounts.Table, id)
	if ok && w.tx.Dialect() == sqlgen.Postgres { // SQLite has one writer
		err = w.tx.Query(lockAccount, []value.Value{key}, func(value.Row) error { return nil })
	}
	if err != nil {
		return a, 0, err
	}
	return s.accounts.get(w, id)
}

// list reads up to 500 rows that a filter admits, the oldest first.
func (t table[T]) list(w *work, filter string, args map[string]string) ([]T, error) {
	page, err := w.rows.List(t.Table, record.Query{Filter: filter, Args: args, Sort: "created_at", Limit: 500})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.Name, err)
	}
	return itemsOf[T](page)
}

// read is list outside of a transaction.
func (t table[T]) read(ctx context.Context, s *Service, filter string, args map[string]string) ([]T, error) {
	page, err := s.rows.List(ctx, self(), t.Table, record.Query{Filter: filter, Args: args, Sort: "created_at", Limit: 500}, nil)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", t.Name, err)
	}
	return itemsOf[T](page)
}

func itemsOf[T any](page []byte) ([]T, error) {
	var answer struct{ Items []T }
	if err := json.Unmarshal(page, &answer); err != nil {
		return nil, err
	}
	return answer.Items, nil
}

// update changes members of a row if it still has the revision. Otherwise it returns errs.Stale.
func (t table[T]) update(w *work, id string, revision int64, patch map[string]any) error {
	key, ok := value.ParseID(t.Table, id)
	if !ok {
		return errs.New(errs.NotFound, "no such row")
	}
	members, err := membersOf(patch)
	if err != nil {
		return err
	}
	_, err = w.rows.Update(t.Table, key, members, at(revision))
	return err
}

// remove deletes a row if it still has the revision. Otherwise it returns errs.Stale, or errs.NotFound.
func (t table[T]) remove(w *work, id string, revision int64) error {
	key, ok := value.ParseID(t.Table, id)
	if !ok {
		return errs.New(errs.NotFound, "no such row")
	}
	return w.rows.Delete(t.Table, key, at(revision))
}

// at is the condition that a row has a revision. 0 stands for any.
func at(revision int64) record.Match {
	if revision == 0 {
		return nil
	}
	return func(found int64) bool { return found == revision }
}

// membersOf returns the members of a struct or map as a client would send them.
func membersOf(row any) ([]value.Member, error) {
	text, err := json.Marshal(row)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	all := make([]value.Member, 0, len(members))
	for name, raw := range members {
		all = append(all, value.Member{Name: name, Raw: []byte(raw)})
	}
	return all, nil
}

// micros cuts a time to microseconds, as a database keeps it.
func micros(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
