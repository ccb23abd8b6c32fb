package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const createTails = `CREATE TABLE tails (id bigint PRIMARY KEY)`

// tailBatch adds rows to the table tails.
func tailBatch() *store.Batch {
	batch := &store.Batch{}
	for rows := 1; rows <= 8; rows *= 2 {
		var list []string
		for i := range rows {
			list = append(list, fmt.Sprintf("(CAST($%d AS bigint))", i+1))
		}
		batch.Statements = append(batch.Statements, `INSERT INTO tails (id) SELECT column1 FROM (VALUES `+strings.Join(list, ", ")+`) AS v`)
	}
	return batch
}

// withTail is a script that adds a note, and a tail with a batch.
func withTail(id, tail int64, batch *store.Batch, row func(value.Row) error) *store.Script {
	script := adding(id, fmt.Sprint(id), row)
	own := step(nil, batch.Statements[0], value.OfInt(tail))
	own.Batch = batch
	script.Steps = append(script.Steps, own)
	script.Tables = append(script.Tables, "tails")
	script.LockOrder = fmt.Sprint(id)
	return script
}

// batchesTogether: each script that was committed has its row of a batch, and a script that was refused has none, whoever is in
// its group. A function sees the rows of all scripts before it.
func batchesTogether(t *testing.T, f *fixture) {
	f.exec(createTails)
	f.write(func(tx store.Tx) error { _, err := tx.Revision(); return err }) // an engine may run no script before
	const clients, each = 24, 20
	batch, accept := tailBatch(), func(value.Row) error { return nil }
	var wg sync.WaitGroup
	for client := range int64(clients) {
		wg.Go(func() {
			for i := range int64(each) {
				id := 1000 + client*each + i
				script, refused := withTail(id, id, batch, accept), false
				switch i % 5 {
				case 1:
					refused = true
					script.Steps[1].Row = func(value.Row) error { return errEnded }
					if client%2 == 0 { // nothing but the batch would change anything
						script.Steps = append([]store.Step{step(accept, `SELECT id FROM notes WHERE id = $1`, value.OfInt(-1))}, script.Steps[2])
					}
				case 2:
					refused = true
					script.Steps[0].Args = note(id-2, fmt.Sprint(id)) // which is there
				case 3:
					script.NoGroup = true
				case 4:
					if err := f.db.Write(context.Background(), sameNumber); err != nil {
						t.Errorf("a function among scripts: %v", err)
					}
				}
				if _, err := scripted(context.Background(), f.db, script); (err != nil) != refused {
					t.Errorf("script %d = %v, want a refusal: %t", id, err, refused)
				}
			}
		})
	}
	wg.Wait()
	f.wantNotes(clients * each / 5 * 3)
	f.write(sameNumber)
	f.read(func(r store.Reader) error {
		n, err := count(r, `SELECT count(*) FROM tails AS t JOIN notes AS n ON n.id = t.id`)
		if n != clients*each/5*3 {
			t.Errorf("%d tails have their note, want %d", n, clients*each/5*3)
		}
		return err
	})
}

// sameNumber is a function that returns an error if there are not as many tails as notes.
func sameNumber(tx store.Tx) error {
	missing, err := count(tx, `SELECT (SELECT count(*) FROM notes) - (SELECT count(*) FROM tails)`)
	if err == nil && missing != 0 {
		err = fmt.Errorf("%d notes have no tail", missing)
	}
	return err
}

// batchFails: a row of a batch that cannot be added undoes its script alone, and the function of the script says why.
func batchFails(t *testing.T, f *fixture) {
	f.exec(createTails)
	f.exec(`INSERT INTO tails (id) VALUES (-1)`)
	f.write(func(tx store.Tx) error { _, err := tx.Revision(); return err })
	batch, accept := tailBatch(), func(value.Row) error { return nil }
	for round := range int64(5) {
		var wg sync.WaitGroup
		for client := range int64(16) {
			wg.Go(func() {
				id, want := 100*round+client, client != 5
				tail := id
				if !want {
					tail = -1
				}
				_, err := scripted(context.Background(), f.db, withTail(id, tail, batch, accept))
				var refusal *store.ConstraintError
				if (err == nil) != want || (err != nil && !errors.As(err, &refusal)) {
					t.Errorf("script %d = %v, want an error: %t", id, err, !want)
				}
			})
		}
		wg.Wait()
		f.wantNotes(15 * (round + 1))
	}
}

// batchesNoted: the row of a batch is in the record of its script.
func batchesNoted(t *testing.T, f *fixture) {
	f.exec(createTails)
	f.write(func(tx store.Tx) error { _, err := tx.Revision(); return err })
	batch, accept := tailBatch(), func(value.Row) error { return nil }
	var wg sync.WaitGroup
	for client := range int64(16) {
		wg.Go(func() {
			for i := range int64(5) {
				id := 100*client + i
				ctx, r := recorded(context.Background())
				if _, err := scripted(ctx, f.db, withTail(id, id, batch, accept)); err != nil {
					t.Error(err)
					return
				}
				tails := 0
				for _, one := range r.Statements.List {
					if one.SQL == batch.Statements[0] && one.Rows == 1 {
						tails++
					}
				}
				if tails == 0 { // more than one if another transaction was in the way
					t.Errorf("the record of a script has no row of its batch: %v", r.Statements.List)
				}
			}
		})
	}
	wg.Wait()
}
