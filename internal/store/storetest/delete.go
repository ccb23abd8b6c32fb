package storetest

import (
	"errors"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// deferredDeletion deletes a note. Its replies refer to the note by a reference that restricts, and to a thread of the note
// that goes with it. The reference that restricts was made first: PostgreSQL would check it first.
func deferredDeletion(t *testing.T, f *fixture) {
	f.exec(`CREATE TABLE replies (id bigint PRIMARY KEY, note_id bigint REFERENCES notes (id) DEFERRABLE)`)
	f.exec(`CREATE TABLE threads (id bigint PRIMARY KEY, note_id bigint REFERENCES notes (id) ON DELETE CASCADE)`)
	f.exec(`ALTER TABLE replies ADD COLUMN thread_id bigint REFERENCES threads (id) ON DELETE CASCADE`)
	for id := int64(1); id <= 3; id++ {
		f.exec(insertNote, note(id, string(rune('a'+id)))...)
		f.exec(`INSERT INTO threads (id, note_id) VALUES ($1, $1)`, note(id, "")[:1]...)
	}
	f.exec(`INSERT INTO replies (id, note_id, thread_id) VALUES (1, 1, 1)`)
	f.exec(`INSERT INTO replies (id, note_id) VALUES (2, 2)`)

	const deleteNote = `DELETE FROM notes WHERE id = $1`
	f.write(func(tx store.Tx) error {
		if n, err := tx.ExecDeferred(deleteNote, note(1, "")[:1]); n != 1 || err != nil {
			t.Errorf("a deletion that takes its reply along = %d, %v, want one row", n, err)
		}
		return nil
	})
	f.wantNotes(2)
	f.write(func(tx store.Tx) error {
		_, err := tx.ExecDeferred(deleteNote, note(2, "")[:1])
		if refusal, ok := errors.AsType[*store.ConstraintError](err); !ok || refusal.Constraint != store.ForeignKey {
			t.Errorf("a deletion that leaves a reply = %v, want a foreign key constraint", err)
		}
		n, err := tx.ExecDeferred(deleteNote, note(3, "")[:1]) // the transaction goes on
		if err == nil && n != 1 {
			t.Errorf("a deletion after a refusal = %d rows, want one", n)
		}
		return err
	})
	f.wantNotes(1)
}
