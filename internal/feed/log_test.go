package feed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const notes = `
ashlar: 1
name: notes
tables:
  books:
    key: int
    access: {read: true, write: true}
  notes:
    key: int
    fields:
      n:    {type: int, default: 0}
      book: {ref: books, optional: true, on_delete: cascade, reverse: notes}
      also: {ref: books, optional: true, on_delete: clear, reverse: others}
    access: {read: true, write: true}
  unwatched:
    key: int
    access: {read: true, write: true}
`

var system = caller.System("test")

// installed runs a test on each engine, with a log of the tables.
func installed(t *testing.T, source string, watched []string, test func(t *testing.T, db store.DB, rules *rule.Rules)) {
	t.Helper()
	for _, engine := range []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 2}), modeltest.Postgres(postgres.Config{Readers: 4, Writers: 10})} {
		t.Run(engine.Name, func(t *testing.T) {
			db, rules := engine.Open(t, source)
			for range 2 { // the second one changes nothing
				if err := Install(t.Context(), db, Setup{Tables: watched}); err != nil {
					t.Fatal(err)
				}
			}
			test(t, db, rules)
		})
	}
}

// since returns the changes after a position, sorted, and the position after them.
func since(t testing.TB, log *Log, from Position) (all []string, to Position) {
	t.Helper()
	to, err := log.Since(t.Context(), from, func(c Change) error {
		all = append(all, c.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return slices.Compact(all), to
}

func position(t testing.TB, log *Log) Position {
	t.Helper()
	at, err := log.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestTheLogHasEveryChange(t *testing.T) {
	installed(t, notes, []string{"books", "notes"}, func(t *testing.T, db store.DB, rules *rule.Rules) {
		rows, log := record.New(db, rules, record.Config{}), NewLog(db)
		m := rules.Model
		create := func(table, body string) {
			t.Helper()
			members, err := value.DecodeObject([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rows.Create(t.Context(), system, m.Table(table), members); err != nil {
				t.Fatal(err)
			}
		}
		at := position(t, log)
		want := func(what string, changes ...string) {
			t.Helper()
			var got []string
			if got, at = since(t, log, at); !slices.Equal(got, changes) {
				t.Errorf("%s: %v, want %v", what, got, changes)
			}
		}
		want("nothing")
		create("books", `{"id": 1}`)
		create("books", `{"id": 2}`)
		create("unwatched", `{"id": 1}`)
		want("creates", "c books 1", "c books 2")
		create("notes", `{"id": 7, "book_id": 1}`)
		create("notes", `{"id": 8, "book_id": 2, "also_id": 1}`)
		want("more creates", "c notes 7", "c notes 8")
		patch, _ := value.DecodeObject([]byte(`{"n": 1}`))
		if _, err := rows.Update(t.Context(), system, m.Table("notes"), value.OfInt(7), patch, nil); err != nil {
			t.Fatal(err)
		}
		want("an update", "u notes 7")
		if err := rows.Delete(t.Context(), system, m.Table("books"), value.OfInt(1), nil); err != nil {
			t.Fatal(err)
		}
		want("a cascade and a cleared reference", "d books 1", "d notes 7", "u notes 8")
		storetest.Exec(t, db, `UPDATE notes SET n = n + 1`)
		want("SQL", "u notes 8")
		if db.Dialect() == sqlgen.Postgres {
			storetest.Exec(t, db, `TRUNCATE notes`)
			want("TRUNCATE", "* notes ")
		}
	})
}

// A deletion that reaches more rows than the engine follows references goes another way.
func TestTheLogHasLargeDeletionsAndStatements(t *testing.T) {
	installed(t, notes, []string{"notes"}, func(t *testing.T, db store.DB, rules *rule.Rules) {
		const many = 2000
		log := NewLog(db)
		at := position(t, log)
		numbers := fmt.Sprintf(`WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %d) `, many)
		stamp := "0"
		if db.Dialect() == sqlgen.Postgres {
			stamp = "now()"
		}
		storetest.Exec(t, db, `INSERT INTO books (id, created_at, updated_at, _rev) VALUES (1, `+stamp+`, `+stamp+`, 1)`,
			numbers+`INSERT INTO notes (id, n, book_id, created_at, updated_at, _rev) SELECT i, 0, 1, `+stamp+`, `+stamp+`, 1 FROM s WHERE true`)
		got, at := since(t, log, at)
		if len(got) != many {
			t.Errorf("%d changes of one statement, want %d", len(got), many)
		}
		rows := record.New(db, rules, record.Config{})
		if err := rows.Delete(t.Context(), system, rules.Model.Table("books"), value.OfInt(1), nil); err != nil {
			t.Fatal(err)
		}
		if got, _ = since(t, log, at); len(got) != many {
			t.Errorf("%d changes of one deletion, want %d", len(got), many)
		}
	})
}

func TestInstallEndsWhatIsNoLongerWatched(t *testing.T) {
	installed(t, notes, []string{"books", "notes"}, func(t *testing.T, db store.DB, _ *rule.Rules) {
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("drift %v, error %v", drift, err)
		}
		log := NewLog(db)
		at := position(t, log)
		if err := Install(t.Context(), db, Setup{Tables: []string{"notes"}}); err != nil {
			t.Fatal(err)
		}
		stamp := "0"
		if db.Dialect() == sqlgen.Postgres {
			stamp = "now()"
		}
		storetest.Exec(t, db, `INSERT INTO books (id, created_at, updated_at, _rev) VALUES (1, `+stamp+`, `+stamp+`, 1)`)
		if got, _ := since(t, log, at); len(got) > 0 {
			t.Errorf("changes of a table that is not watched: %v", got)
		}
		if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
			t.Errorf("drift %v, error %v", drift, err)
		}
	})
}

// A migration that rebuilds a table of SQLite, or alters it on PostgreSQL, keeps the triggers.
func TestTriggersOutliveAMigration(t *testing.T) {
	installed(t, notes, []string{"notes"}, func(t *testing.T, db store.DB, _ *rule.Rules) {
		changed := modeltest.Rules(t, `
ashlar: 1
name: notes
tables:
  books: {key: int}
  notes:
    key: int
    fields:
      n:    {type: int, optional: true}
      book: {ref: books, optional: true, reverse: notes}
      also: {ref: books, optional: true, on_delete: clear, reverse: others}
      more: {type: text, optional: true}
  unwatched: {key: int}
`)
		options := migrate.Options{Hazards: plan.BlocksWrites | plan.Rewrites | plan.Breaks}
		if _, err := migrate.Apply(t.Context(), db, changed, options); err != nil {
			t.Fatal(err)
		}
		log := NewLog(db)
		at := position(t, log)
		stamp := "0"
		if db.Dialect() == sqlgen.Postgres {
			stamp = "now()"
		}
		storetest.Exec(t, db, `INSERT INTO notes (id, created_at, updated_at, _rev) VALUES (5, `+stamp+`, `+stamp+`, 1)`)
		if got, _ := since(t, log, at); !slices.Equal(got, []string{"c notes 5"}) {
			t.Errorf("changes after a migration: %v", got)
		}
	})
}

// A reader that follows positions misses no committed change and sees none twice, while long transactions overlap short ones.
func TestPositionsMissNothingAndRepeatNothing(t *testing.T) {
	installed(t, notes, []string{"notes"}, func(t *testing.T, db store.DB, _ *rule.Rules) {
		const writers = 8
		perWriter := effort.Cases(60, 20_000)
		random := effort.Seeds(t)
		stamp := "0"
		if db.Dialect() == sqlgen.Postgres {
			stamp = "now()"
		}
		log := NewLog(db)
		at := position(t, log)
		var mu sync.Mutex
		committed := map[string]bool{}
		var running sync.WaitGroup
		failed := errors.New("undone")
		for w := range writers {
			running.Add(1)
			rnd := random(w)
			background.Go("a writer", func() error {
				for i := 0; i < perWriter; {
					size, undone, long := 1+rnd.IntN(4), rnd.IntN(8) == 0, rnd.IntN(10) == 0
					var ids []string
					err := db.Write(context.Background(), func(tx store.Tx) error {
						ids = ids[:0]
						for k := range size {
							id := fmt.Sprint(w*10_000_000 + i + k)
							ids = append(ids, "c notes "+id)
							if _, err := tx.Exec(`INSERT INTO notes (id, n, created_at, updated_at, _rev) VALUES (`+id+`, 0, `+stamp+`, `+stamp+`, 1)`, nil); err != nil {
								return err
							}
							if long && db.Dialect() == sqlgen.Postgres { // SQLite has one writer: a wait would only slow all
								time.Sleep(time.Duration(rnd.IntN(5)) * time.Millisecond)
							}
						}
						if undone {
							return failed
						}
						return nil
					})
					if err != nil && !errors.Is(err, failed) {
						return err
					}
					if err == nil {
						mu.Lock()
						for _, id := range ids {
							committed[id] = true
						}
						mu.Unlock()
					}
					i += size
				}
				return nil
			}, func(err error) {
				if err != nil {
					t.Error(err)
				}
				running.Done()
			})
		}
		done := background.Async("the wait", func() error { running.Wait(); return nil })
		seen := map[string]bool{}
		for ended := false; ; {
			to, err := log.Since(t.Context(), at, func(c Change) error {
				if seen[c.String()] {
					t.Errorf("%s is seen twice", c)
				}
				seen[c.String()] = true
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			at = to
			if ended {
				break
			}
			select {
			case <-done:
				ended = true
			default:
			}
		}
		if !maps.Equal(seen, committed) {
			t.Errorf("%d changes are seen, %d are committed", len(seen), len(committed))
		}
		if len(committed) < writers*perWriter/2 {
			t.Errorf("only %d changes were committed", len(committed))
		}
	})
}

func TestTrimmedPositionsAreTooOld(t *testing.T) {
	installed(t, notes, []string{"notes"}, func(t *testing.T, db store.DB, _ *rule.Rules) {
		stamp := "0"
		if db.Dialect() == sqlgen.Postgres {
			stamp = "now()"
		}
		insert := func(id int) {
			storetest.Exec(t, db, fmt.Sprintf(`INSERT INTO notes (id, n, created_at, updated_at, _rev) VALUES (%d, 0, %s, %s, 1)`, id, stamp, stamp))
		}
		log := NewLog(db)
		first := position(t, log)
		for id := range 25 {
			insert(id)
		}
		middle := position(t, log)
		for id := 25; id < 30; id++ {
			insert(id)
		}
		last := position(t, log)
		long := time.Now().Add(-time.Hour)
		if n, err := log.trim(t.Context(), long, 100, 7); n != 0 || err != nil {
			t.Errorf("%d young rows are deleted, error %v", n, err)
		}
		if n, err := log.trim(t.Context(), long, 6, 7); n < 20 || n > 25 || err != nil {
			t.Errorf("%d of 31 rows are deleted to keep 6, error %v", n, err)
		}
		none := func(Change) error { return nil }
		if _, err := log.Since(t.Context(), first, none); !errors.Is(err, errTooOld) {
			t.Errorf("the first position after a trim: %v, want too old", err)
		}
		if got, _ := since(t, log, middle); len(got) != 5 {
			t.Errorf("after the middle: %v, want 5 changes", got)
		}
		if _, err := log.trim(t.Context(), time.Now().Add(time.Hour), 100, 7); err != nil {
			t.Fatal(err)
		}
		if got, _ := since(t, log, last); len(got) != 0 {
			t.Errorf("after the newest position: %v, want none", got)
		}
		insert(99)
		if got, _ := since(t, log, last); !slices.Equal(got, []string{"c notes 99"}) {
			t.Errorf("after a trim of everything: %v", got)
		}
	})
}

func TestForeignAndMalformedPositions(t *testing.T) {
	installed(t, notes, []string{"notes"}, func(t *testing.T, db store.DB, _ *rule.Rules) {
		log := NewLog(db)
		none := func(Change) error { return nil }
		at := string(position(t, log))
		for _, text := range []string{"", "x", "s", "s1", "p", "p.", "p.1:1", "p.2:1:", "p.1:3:2,1", "p.1:3:9", "p.1:3:2;DROP", at + "x,", "q" + at} {
			if _, err := log.Since(t.Context(), Position(text), none); !errors.Is(err, errMalformed) {
				t.Errorf("Since(%q): %v, want malformed", text, err)
			}
		}
		foreign := []string{"s1.7", "szzzzzz.7"}
		if db.Dialect() == sqlgen.Postgres {
			foreign = []string{"p7.1:1:", at[:len(at)-1] + "9:"}
		}
		for _, text := range foreign {
			if _, err := log.Since(t.Context(), Position(text), none); err == nil {
				t.Errorf("Since(%q) is read, though it is no position of this database", text)
			}
		}
	})
}
