package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// into is the statement that loads a table of the suite.
func (f *fixture) into(table string, columns ...string) string {
	return sqlgen.RawTable{Name: table, Columns: columns}.Load(f.db.Dialect())
}

func (f *fixture) load(fn func(store.Load) error) error {
	return f.db.Load(f.t.Context(), fn)
}

// all gives out rows, then err.
func all(rows [][]value.Value, err error) func() ([]value.Value, error) {
	return func() ([]value.Value, error) {
		if len(rows) == 0 {
			return nil, err
		}
		row := rows[0]
		rows = rows[1:]
		return row, nil
	}
}

var kindColumns = []string{"id", "b", "i", "f", "d", "s", "ts", "dt", "u", "j"}

// loadValues: a load writes what Exec would have written.
func loadValues(t *testing.T, f *fixture) {
	var rows [][]value.Value
	for id, k := range kinds() {
		rows = append(rows, k.values(int64(id)))
	}
	err := f.load(func(load store.Load) error {
		nulls := make([]value.Value, len(kindColumns))
		nulls[0] = value.OfInt(1000)
		if err := load.Copy([]string{createKinds}, f.into("kinds", kindColumns...), all(append(rows, nulls), nil)); err != nil {
			return err
		}
		return load.CheckReferences()
	})
	if err != nil {
		t.Fatalf("Load() = %v", err)
	}
	for id, want := range kinds() {
		wantRow(t, f, int64(id), want)
	}
	wantNulls(t, f, 1000)
}

// loadMany: more rows than one transaction, or one packet, takes in.
func loadMany(t *testing.T, f *fixture) {
	most := effort.Cases(250_000, 250_000)
	n := 0
	row := make([]value.Value, 2)
	err := f.load(func(load store.Load) error {
		return load.Copy([]string{`CREATE TABLE many (id bigint PRIMARY KEY, body text)`}, f.into("many", "id", "body"), func() ([]value.Value, error) {
			if n == most {
				return nil, nil
			}
			row[0], row[1] = value.OfInt(int64(n)), value.OfText(fmt.Sprint("row ", n))
			n++
			return row, nil // reused: Copy does not keep it
		})
	})
	if err != nil {
		t.Fatalf("Copy() = %v", err)
	}
	f.read(func(reader store.Reader) error {
		got, err := count(reader, `SELECT count(*) FROM many WHERE body = 'row ' || id`)
		if got != int64(most) {
			t.Errorf("%d rows are as they were given, want %d", got, most)
		}
		return err
	})
}

// loadFails: an error of the rows ends the copy and comes back. The connection can load the next table.
func loadFails(t *testing.T, f *fixture) {
	mine := errors.New("the source is gone")
	err := f.load(func(load store.Load) error {
		err := load.Copy([]string{`CREATE TABLE torn (id bigint PRIMARY KEY)`}, f.into("torn", "id"), all([][]value.Value{{value.OfInt(1)}}, mine))
		if !errors.Is(err, mine) {
			t.Errorf("Copy() = %v, want the error of the rows", err)
		}
		err = load.Copy([]string{`CREATE TABLE twice (id bigint PRIMARY KEY)`}, f.into("twice", "id"), all([][]value.Value{{value.OfInt(1)}, {value.OfInt(1)}}, nil))
		if e, ok := errors.AsType[*store.ConstraintError](err); !ok || e.Constraint != store.Unique {
			t.Errorf("Copy() of a key given twice = %v, want a unique constraint", err)
		}
		if err := load.Exec(`CREATE TABLE undone (id bigint)`, `CREATE TABLE notes (id bigint)`); err == nil {
			t.Error("Exec() makes a table that is there")
		}
		return load.Copy([]string{`CREATE TABLE undone (id bigint)`}, f.into("undone", "id"), all([][]value.Value{{value.OfInt(1)}}, nil))
	})
	if err != nil {
		t.Errorf("Load() = %v", err)
	}
}

// loadReferences: rows come in any order, and the check at the end finds a reference to a missing row.
func loadReferences(t *testing.T, f *fixture) {
	postgres := f.db.Dialect() == sqlgen.Postgres
	err := f.load(func(load store.Load) error {
		create, after := `CREATE TABLE child (id bigint PRIMARY KEY, note_id bigint REFERENCES notes (id))`, ""
		if postgres {
			create, after = `CREATE TABLE child (id bigint PRIMARY KEY, note_id bigint)`, `ALTER TABLE child ADD FOREIGN KEY (note_id) REFERENCES notes (id)`
		}
		if err := load.Copy([]string{create}, f.into("child", "id", "note_id"), all([][]value.Value{{value.OfInt(1), value.OfInt(7)}}, nil)); err != nil {
			return err
		}
		if after != "" {
			return load.Exec(after)
		}
		return load.CheckReferences()
	})
	if e, ok := errors.AsType[*store.ConstraintError](err); !ok || e.Constraint != store.ForeignKey || e.Table != "child" {
		t.Errorf("Load() = %v, want a foreign key constraint of child", err)
	}
}

// loadCut: a context that ends cuts a load short, even one that waits for rows.
func loadCut(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := f.db.Load(ctx, func(load store.Load) error {
		return load.Copy([]string{`CREATE TABLE endless (id bigint PRIMARY KEY)`}, f.into("endless", "id"), func() ([]value.Value, error) {
			if n++; n == 5000 {
				cancel()
			}
			return []value.Value{value.OfInt(int64(n))}, ctx.Err()
		})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Load() = %v, want that its context has ended", err)
	}
	f.wantNotes(0)
	f.exec(insertNote, note(1, "a")...)
}

// loadBeside: the database takes reads and writes during a load.
func loadBeside(t *testing.T, f *fixture) {
	err := f.load(func(load store.Load) error {
		if err := load.Exec(`CREATE TABLE more (id bigint PRIMARY KEY)`); err != nil {
			return err
		}
		f.exec(insertNote, note(1, "a")...)
		f.exec(`INSERT INTO more (id) VALUES ($1)`, value.OfInt(1))
		return load.Exec(`DROP TABLE more`)
	})
	if err != nil {
		t.Errorf("Load() = %v", err)
	}
	f.wantNotes(1)
}

// numbers: a database goes on from the numbers of another, also after it was opened again.
func numbers(t *testing.T, f *fixture) {
	db := f.db
	names := []string{"posts", longCounter, "never"}
	get := func() (numbers store.Numbers) {
		f.read(func(r store.Reader) (err error) {
			numbers, err = f.db.Numbers(r, names)
			return err
		})
		return numbers
	}
	if diff := cmp.Diff(store.Numbers{Counters: map[string]int64{"posts": 0, longCounter: 0, "never": 0}}, get()); diff != "" {
		t.Errorf("Numbers() of a new database (-want +got):\n%s", diff)
	}
	given := store.Numbers{Revision: 1000, Counters: map[string]int64{"posts": 17, longCounter: 1, "never": 0},
		Generations: map[string]int64{"notes": 5, "others": 1}}
	f.write(func(tx store.Tx) error { return db.SetNumbers(tx, given) })
	if got := get(); got.Revision < 1000 || got.Counters["posts"] != 17 || got.Counters[longCounter] != 1 || got.Counters["never"] != 0 {
		t.Errorf("Numbers() = %+v, want at least %+v", got, given)
	}
	if got := f.generation("notes"); got != 5 {
		t.Errorf("Generation(notes) = %d, want 5", got)
	}
	f.reopen()
	var drawn [4]int64
	f.write(func(tx store.Tx) (err error) {
		for i, name := range []string{"posts", longCounter, "never"} {
			if drawn[i], err = tx.NextID(name); err != nil {
				return err
			}
		}
		tx.MarkChanged("notes")
		drawn[3], err = tx.Revision()
		return err
	})
	if drawn[0] != 18 || drawn[1] != 2 || drawn[2] != 1 || drawn[3] <= 1000 {
		t.Errorf("drawn %v, want 18, 2, 1 and a revision above 1000", drawn)
	}
	if got := get(); got.Revision < drawn[3] {
		t.Errorf("Numbers() = %+v after revision %d", got, drawn[3])
	}
	if got := f.generation("notes"); got <= 5 {
		t.Errorf("Generation(notes) = %d after a write, want more than 5", got)
	}
	f.write(func(tx store.Tx) error { // lower than the database's own
		return f.db.SetNumbers(tx, store.Numbers{Revision: 1, Counters: map[string]int64{"posts": 3}, Generations: map[string]int64{"notes": 1}})
	})
	if got := get(); got.Revision < drawn[3] || got.Counters["posts"] != 18 || f.generation("notes") <= 5 {
		t.Errorf("Numbers() = %+v, which has gone back", got)
	}
}
