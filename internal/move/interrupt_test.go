package move

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// hook is a Progress that calls a function at each report.
type hook func()

func (h hook) Step(string, int64) { h() }
func (h hook) Add(int64)          { h() }

// A move that ends at any report of its progress leaves an unfinished target. Nothing uses it. The next move starts
// over, until one succeeds.
func TestInterrupted(t *testing.T) {
	m := parse(t, library)
	each(t, func(t *testing.T, from, to engine) {
		if from.name == "PostgreSQL" && to.name == from.name && !effort.Nightly() {
			t.Skip("the other three show it")
		}
		source, target := from.open(t), to.open(t)
		fillLibrary(t, source, m, 700)
		before := dump(t, source, m)
		cuts := 0
		for cut := 1; ; cut++ {
			ctx, cancel := context.WithCancel(t.Context())
			calls := 0
			_, err := Run(ctx, m, source, target, Config{From: "there", Progress: hook(func() {
				if calls++; calls == cut {
					cancel()
				}
			})})
			cancel()
			if err == nil {
				break
			}
			cuts++
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("cut %d: Run() = %v, want that its context has ended", cut, err)
			}
			wantUnfinished(t, m, target)
		}
		if cuts < 8 {
			t.Errorf("the move was cut short %d times, want more", cuts)
		}
		if diff := cmp.Diff(before, dump(t, target, m)); diff != "" {
			t.Errorf("what has become of the rows (-want +got):\n%s", diff)
		}
		if got := dump(t, source, m); got != before {
			t.Error("the source has changed")
		}
		goesOn(t, m, source, target)
	})
}

// wantUnfinished: an unfinished database is not served, and is no source.
func wantUnfinished(t *testing.T, m *model.Model, db store.DB) {
	t.Helper()
	if _, err := migrate.Apply(t.Context(), db, modeltest.Compile(t, m), migrate.Options{}); errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "a move from there into it was interrupted") {
		t.Fatalf("Apply() = %v, want a conflict that tells of the move", err)
	}
	if _, _, err := migrate.Differences(t.Context(), db, m); errs.KindOf(err) != errs.Conflict {
		t.Fatalf("Check() = %v, want a conflict", err)
	}
	if _, err := Run(t.Context(), m, db, openSQLite(t), Config{}); err == nil || !strings.Contains(err.Error(), "the source is not whole") {
		t.Fatalf("Run() from it = %v, want a refusal", err)
	}
}

// Rows written to the source during the move make the move fail: they would be lost.
func TestWrittenMeanwhile(t *testing.T) {
	m := parse(t, library)
	each(t, func(t *testing.T, from, to engine) {
		source, target := from.open(t), to.open(t)
		fillLibrary(t, source, m, 20)
		written := false
		_, err := Run(t.Context(), m, source, target, Config{From: "there", Progress: hook(func() {
			if written {
				return
			}
			written = true
			err := source.Write(t.Context(), func(tx store.Tx) error {
				tx.MarkChanged("tags")
				_, err := tx.Exec(`DELETE FROM tags`, nil)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})})
		if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "the source was written to while it was moved (tags)") {
			t.Errorf("Run() = %v, want a conflict that names the table", err)
		}
		wantUnfinished(t, m, target)
		moved(t, m, source, target)
		if diff := cmp.Diff(dump(t, source, m), dump(t, target, m)); diff != "" {
			t.Errorf("what has become of the rows (-want +got):\n%s", diff)
		}
	})
}

// An online move has the state in which it found the source, whatever others write.
func TestOnline(t *testing.T) {
	m := parse(t, library)
	each(t, func(t *testing.T, from, to engine) {
		source, target := from.open(t), to.open(t)
		fillLibrary(t, source, m, 20)
		before := dump(t, source, m)
		steps := 0
		_, err := Run(t.Context(), m, source, target, Config{From: "there", Online: true, Progress: hook(func() {
			if steps++; steps != 2 { // within the snapshot
				return
			}
			err := source.Write(t.Context(), func(tx store.Tx) error {
				tx.MarkChanged("tags")
				_, err := tx.Exec(`DELETE FROM tags`, nil)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})})
		if err != nil || steps < 2 {
			t.Fatalf("Run() = %v after %d steps", err, steps)
		}
		if diff := cmp.Diff(before, dump(t, target, m)); diff != "" {
			t.Errorf("the target (-before +got):\n%s", diff)
		}
		if dump(t, source, m) == before {
			t.Error("the write changed nothing")
		}
	})
}

// spoiled is a target that writes one value of a table wrongly.
type spoiled struct {
	store.DB
	table string
	spoil func([]value.Value) []value.Value
}

func (s spoiled) Load(ctx context.Context, f func(store.Load) error) error {
	return s.DB.Load(ctx, func(l store.Load) error { return f(spoiling{l, s}) })
}

type spoiling struct {
	store.Load
	spoiled
}

func (s spoiling) Copy(create []string, into string, next func() ([]value.Value, error)) error {
	return s.Load.Copy(create, into, func() ([]value.Value, error) {
		row, err := next()
		if row == nil || !strings.Contains(into, `"`+s.table+`"`) {
			return row, err
		}
		return s.spoil(row), err
	})
}

// A move detects any value that was written wrongly.
func TestDiffers(t *testing.T) {
	m := parse(t, library)
	for _, tt := range []struct {
		name  string
		table string
		spoil func([]value.Value) []value.Value
	}{
		{"a text", "authors", func(row []value.Value) []value.Value { row[1].Text += " "; return row }},
		{"a time", "authors", func(row []value.Value) []value.Value { row[4].Int++; return row }},
		{"a revision", "authors", func(row []value.Value) []value.Value { row[5].Int++; return row }},
		{"a missing reference", "authors", func(row []value.Value) []value.Value { row[2] = value.Value{}; return row }},
		{"a missing row", "tags", func([]value.Value) []value.Value { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source, target := openSQLite(t), openSQLite(t)
			fillLibrary(t, source, m, 20)
			report, err := Run(t.Context(), m, source, spoiled{target, tt.table, tt.spoil}, Config{From: "there"})
			if !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), tt.table) {
				t.Errorf("Run() = %v, want that %s differs", err, tt.table)
			}
			for _, table := range report.Tables {
				if (table.From != table.To) != (table.Name == tt.table) {
					t.Errorf("%s: %+v and %+v", table.Name, table.From, table.To)
				}
			}
			wantUnfinished(t, m, target)
		})
	}
}

// A row with a dangling reference, possible only after a bug, is not moved silently.
func TestDanglingReference(t *testing.T) {
	m := parse(t, library)
	for _, e := range engines {
		source, target := openSQLite(t), e.open(t)
		fillLibrary(t, source, m, 5)
		err := source.Load(t.Context(), func(l store.Load) error { return l.Exec(`DELETE FROM books WHERE id = 3`) })
		if err != nil {
			t.Fatal(err)
		}
		_, err = Run(t.Context(), m, source, target, Config{From: "there"})
		if c, ok := asConstraint(err); !ok || c.Constraint != store.ForeignKey {
			t.Errorf("%s: Run() = %v, want a foreign key constraint", e.name, err)
		}
		wantUnfinished(t, m, target)
	}
}

// Two moves into one PostgreSQL database at once would tear it.
func TestTwoAtOnce(t *testing.T) {
	if len(engines) < 2 {
		t.Skip("no PostgreSQL")
	}
	m := parse(t, library)
	source, target := openSQLite(t), openPostgres(t)
	fillLibrary(t, source, m, 5)
	tried := false
	_, err := Run(t.Context(), m, source, target, Config{From: "there", Progress: hook(func() {
		if tried {
			return
		}
		tried = true
		if _, err := Run(t.Context(), m, source, target, Config{}); err == nil || !strings.Contains(err.Error(), "another process is just filling this database") {
			t.Errorf("the second Run() = %v, want a refusal", err)
		}
	})})
	if err != nil || !tried {
		t.Errorf("Run() = %v", err)
	}
}

// The memory of a move does not grow with the rows.
func TestMemory(t *testing.T) {
	effort.SkipRaced(t)
	const rows, size = 60_000, 1000
	m := parse(t, "\ntables: {pages: {key: int, fields: {text: {type: text}}}}")
	each(t, func(t *testing.T, from, to engine) {
		if from.name == to.name && !effort.Nightly() {
			t.Skip("the two ways between the engines are enough")
		}
		source, target := from.open(t), to.open(t)
		fillPages(t, source, m, rows, size)
		most := uint64(0)
		moved := hook(func() {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			most = max(most, s.HeapAlloc)
		})
		runtime.GC()
		moved()
		before := most
		if _, err := Run(t.Context(), m, source, target, Config{Progress: moved}); err != nil {
			t.Fatal(err)
		}
		const limit = 20 << 20
		if most > before+limit {
			t.Errorf("the heap grew from %d to %d KiB while %d KiB of rows were moved, want at most %d more", before>>10, most>>10, rows*size>>10, limit>>10)
		}
	})
}

func fillPages(t *testing.T, db store.DB, m *model.Model, rows, size int) {
	t.Helper()
	if _, err := migrate.Apply(t.Context(), db, modeltest.Compile(t, m), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", size)
	err := db.Write(t.Context(), func(tx store.Tx) error {
		series := `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) `
		at := "0"
		if isPostgres(tx) {
			at = "'2026-01-01'"
			series = strings.Replace(series, "$1", "$1::int", 1)
		}
		_, err := tx.Exec(series+`INSERT INTO pages (id, text, created_at, updated_at, _rev) SELECT i, '`+text+`', `+at+`, `+at+`, i FROM n`, []value.Value{value.OfInt(int64(rows))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
