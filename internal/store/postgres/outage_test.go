package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestFullServer: a server whose disk is full, in a statement or at COMMIT, alone or in a group, is known to have
// written nothing. It counts as writable again soon after a write was done.
func TestFullServer(t *testing.T) {
	t.Parallel()
	db := openNew(t, Config{})
	mustWrite(t, db,
		`CREATE TABLE entries (id bigint PRIMARY KEY)`,
		`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = TG_ARGV[0]; END $$`)
	id := int64(0)
	const insert = `INSERT INTO entries (id) VALUES ($1)`
	function := func() error {
		return db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(insert, []value.Value{value.OfInt(id)})
			return err
		})
	}
	script := func() error {
		s := &store.Script{Tables: []string{"entries"}, Steps: []store.Step{{Statement: store.Statement{SQL: insert, Args: []value.Value{value.OfInt(id)}}}}}
		return store.Run(context.Background(), db, func(int64) (*store.Script, error) { return s, nil }, func(tx store.Tx) error {
			_, err := tx.Exec(insert, s.Steps[0].Args)
			return err
		})
	}
	for _, when := range []string{
		"TRIGGER full_disk BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION full_disk('53100')",
		"CONSTRAINT TRIGGER full_disk AFTER INSERT ON entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk('53100')",
		"TRIGGER full_disk BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION full_disk('58030')",
	} {
		mustWrite(t, db, "CREATE "+when)
		for _, write := range []func() error{function, script} {
			id++
			e, ok := errors.AsType[*errs.Error](write())
			if !ok || e.Kind != errs.Unavailable || !strings.HasSuffix(e.Message, ": nothing was written") || e.RetryAfter != fullRetryAfter {
				t.Errorf("a write with %s = %v, want unavailable, and that nothing was written", when, e)
			}
			if db.Writable() == nil {
				t.Errorf("after a write with %s the database counts as writable", when)
			}
		}
		mustWrite(t, db, "DROP TRIGGER full_disk ON entries")
		for deadline := time.Now().Add(30 * time.Second); db.Writable() != nil; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the disk has room again, and the database says %v", db.Writable())
			}
		}
	}
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query("SELECT 1 FROM entries", nil, func(value.Row) error { return errors.New("a row is there of a write that was refused") })
	})
	if err != nil {
		t.Error(err)
	}
}
