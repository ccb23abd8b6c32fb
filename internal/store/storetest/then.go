package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// addThenRead adds a note, then reads its text.
func addThenRead(tx store.Tx, id int64, body string, row func(value.Row) error) error {
	return tx.ExecThenQuery(store.Statement{SQL: insertNote, Args: note(id, body)},
		store.Statement{SQL: `SELECT body FROM notes WHERE id = $1`, Args: note(id, "")[:1]}, row)
}

// changeThenRead runs store.Tx.ExecThenQuery several times, because an engine may behave differently with prepared
// statements.
func changeThenRead(t *testing.T, f *fixture) {
	for id := int64(1); id <= 9; id += 3 {
		f.write(func(tx store.Tx) error {
			for n, body := range []string{"first ", "second "} {
				var got string
				body += string(rune('0' + id))
				err := addThenRead(tx, id+int64(n), body, func(row value.Row) error { got = string(row.Bytes(0)); return nil })
				if err != nil || got != body {
					t.Errorf("after note %d was added its text is %q (%v), want %q", id+int64(n), got, err, body)
				}
			}
			return nil
		})
		f.wantNotes(2 * (id + 2) / 3)

		f.write(func(tx store.Tx) error {
			err := addThenRead(tx, 100, "first 1", func(value.Row) error { t.Error("a row was read after a change that was refused"); return nil })
			if e, ok := errors.AsType[*store.ConstraintError](err); !ok || e.Constraint != store.Unique || len(e.Columns) != 1 || e.Columns[0] != "body" {
				t.Errorf("a change that a constraint refuses = %v", err)
			}
			_, err = tx.Exec(`UPDATE notes SET body = body WHERE id = $1`, note(id, "")[:1]) // the transaction goes on
			return err
		})
		f.wantNotes(2 * (id + 2) / 3)

		err := f.db.Write(context.Background(), func(tx store.Tx) error {
			return addThenRead(tx, 200, "refused", func(value.Row) error { return errs.New(errs.Forbidden, "no") })
		})
		wantKind(t, "a row that is refused", err, errs.Forbidden)
		f.wantNotes(2 * (id + 2) / 3)

		err = f.db.Write(context.Background(), func(tx store.Tx) error {
			return tx.ExecThenQuery(store.Statement{SQL: insertNote, Args: note(300, "x")}, store.Statement{SQL: `SELECT nothing FROM notes`}, func(value.Row) error { return nil })
		})
		wantKind(t, "a read that fails", err, errs.Internal)
		f.wantNotes(2 * (id + 2) / 3)
	}
}
