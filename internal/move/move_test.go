package move

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// engine makes empty databases.
type engine struct {
	name string
	open func(t testing.TB) store.DB
}

const long = time.Hour

func openSQLite(t testing.TB) store.DB { return openFile(t, filepath.Join(t.TempDir(), "data.db")) }

func openFile(t testing.TB, path string) store.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Config{ReadTimeout: long, WriteTimeout: long, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func openPostgres(t testing.TB) store.DB { return openURL(t, pgtest.URL(t)) }

func openURL(t testing.TB, url string) store.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Config{ReadTimeout: long, WriteTimeout: long, Readers: 2, Writers: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

var engines = []engine{{"SQLite", openSQLite}, {"PostgreSQL", openPostgres}}

// each runs a test for every pair of engines.
func each(t *testing.T, f func(t *testing.T, from, to engine)) {
	for _, from := range engines {
		for _, to := range engines {
			t.Run(from.name+" to "+to.name, func(t *testing.T) { f(t, from, to) })
		}
	}
}

func parse(t testing.TB, text string) *model.Model {
	t.Helper()
	return modeltest.Model(t, "ashlar: 1\nname: test\n"+text)
}

// library has everything difficult for a move: tables with circular references and references to themselves, every
// type, each way of deletion, assigned ids.
const library = `
tables:
  authors:
    key: int
    fields:
      name: {type: text, unique: true}
      best: {ref: books, optional: true, on_delete: clear, reverse: best_of}
  books:
    key: int
    fields:
      title:  {type: text, index: true}
      author: {ref: authors, on_delete: cascade, reverse: books}
      sequel: {ref: books, optional: true, on_delete: clear, reverse: prequels}
      price:  {type: decimal, precision: 18, scale: 4, optional: true}
      score:  {type: float, optional: true}
      on_loan: {type: bool}
      bought: {type: timestamp, optional: true}
      day:    {type: date, optional: true}
      code:   {type: uuid, optional: true, unique: true}
      state:  {type: enum, values: [good, "it's torn"], optional: true}
      notes:  {type: json, optional: true}
    unique: [[author, title]]
    indexes: [[state, created_at]]
  tags:
    key: text
    fields: {book: {ref: books}}
`

var words = []string{"", " ", "a", "it's", "\x01\x7f", "é\n\"𝄞\u2028", "\ufffd\U0010ffff", strings.Repeat("long ", 3000), `{"a":1}`, "NULL", `\N`, "\t"}

// fillLibrary puts n authors, books and tags into a database, with random values and revisions, and draws from its
// counters.
func fillLibrary(t testing.TB, db store.DB, m *model.Model, n int) {
	t.Helper()
	if _, err := migrate.Apply(t.Context(), db, modeltest.Compile(t, m), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	pick := func(values ...value.Value) value.Value { return values[r.IntN(len(values))] }
	text := func() string { return words[r.IntN(len(words))] }
	err := db.Write(t.Context(), func(tx store.Tx) error {
		r = rand.New(rand.NewPCG(1, uint64(n)))
		if _, err := tx.Exec(deferred(tx), nil); err != nil {
			return err
		}
		for i := 1; i <= n; i++ {
			id := value.OfInt(int64(i))
			at := value.OfTimestamp(r.Int64N(value.MaxTimestamp))
			author := []value.Value{id, value.OfText(fmt.Sprint("author ", i)), pick(value.Value{}, id), at, at}
			book := []value.Value{id, value.OfText(fmt.Sprint(i, " ", short(text()))), value.OfInt(1 + r.Int64N(int64(n))), pick(value.Value{}, id, value.OfInt(1+r.Int64N(int64(n)))),
				pick(value.Value{}, value.OfDecimal(r.Int64N(value.MaxDecimal), 4), value.OfDecimal(-r.Int64N(value.MaxDecimal), 4), value.OfDecimal(0, 4), value.OfDecimal(10000, 4)),
				pick(value.Value{}, value.OfFloat(r.NormFloat64()*1e300), value.OfFloat(5e-324), value.OfFloat(0), value.OfFloat(1)),
				value.OfBool(r.IntN(2) == 0),
				pick(value.Value{}, at, value.OfTimestamp(value.MinTimestamp), value.OfTimestamp(value.MaxTimestamp), value.OfTimestamp(-1)),
				pick(value.Value{}, value.OfDate("0001-01-01"), value.OfDate("9999-12-31"), value.OfDate("2024-02-29")),
				pick(value.Value{}, value.OfUUID(fmt.Sprintf("ffffffff-0000-7000-8000-%012x", i))),
				pick(value.Value{}, value.OfText("good"), value.OfText("it's torn")),
				pick(value.Value{}, value.OfJSON(`{"b":1.0,"a":[1e2,"é\u0000",null],"b":2}`), value.OfJSON(`"`+strings.Repeat("x", r.IntN(2000))+`"`), value.OfJSON("[]")),
				at, value.OfTimestamp(at.Int + 1)}
			tag := []value.Value{value.OfText(fmt.Sprint(short(text()), i)), id, at, at}
			for table, row := range map[string][]value.Value{"authors": author, "books": book, "tags": tag} {
				if err := insert(tx, m.Table(table), row, r.Int64N(1<<40)); err != nil {
					return fmt.Errorf("%s: %w", table, err)
				}
				tx.MarkChanged(table)
			}
		}
		for range 7 {
			if _, err := tx.NextID("id:books"); err != nil {
				return err
			}
		}
		if _, err := tx.Revision(); err != nil {
			return err
		}
		return system.Set(tx, "seeded", "2026-11-25T00:00:00Z", time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// short returns a text short enough for an index.
func short(text string) string { return text[:min(len(text), 100)] }

func deferred(tx store.Tx) string {
	if isPostgres(tx) {
		return "SET CONSTRAINTS ALL DEFERRED"
	}
	return "PRAGMA defer_foreign_keys = ON"
}

func isPostgres(db interface{ Dialect() sqlgen.Dialect }) bool { return db.Dialect() != sqlgen.SQLite }

func insert(tx store.Tx, target *model.Table, row []value.Value, revision int64) error {
	columns, places := (&table{fields: target.Fields}).raw().Columns, []string{}
	for i := range row {
		places = append(places, "$"+strconv.Itoa(i+1))
	}
	_, err := tx.Exec(fmt.Sprintf(`INSERT INTO "%s" ("%s", "_rev") VALUES (%s, %d)`, target.Name, strings.Join(columns, `", "`), strings.Join(places, ", "), revision), row)
	return err
}

// dump returns everything in a database as text.
func dump(t testing.TB, db store.DB, m *model.Model) string {
	t.Helper()
	var lines []string
	err := db.Read(context.Background(), func(reader store.Reader) error {
		lines = nil
		meta, err := system.All(reader)
		if err != nil {
			return err
		}
		for key, text := range meta {
			lines = append(lines, fmt.Sprintf("meta %s %s", key, text))
		}
		for _, tt := range tablesOf(m) {
			err := reader.Query(tt.raw().Select(), nil, func(row value.Row) error {
				line := tt.name
				for col, field := range tt.fields {
					line += fmt.Sprintf(" %s=%+v", field.Name, value.Scan(field, row, col))
				}
				lines = append(lines, line)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// moved runs a move without errors and returns its report.
func moved(t testing.TB, m *model.Model, from, to store.DB) Report {
	t.Helper()
	report, err := Run(t.Context(), m, from, to, Config{From: "there"})
	if err != nil {
		t.Fatalf("Run() = %v", err)
	}
	for _, table := range report.Tables {
		if table.From != table.To {
			t.Errorf("%s: %+v became %+v", table.Name, table.From, table.To)
		}
	}
	return report
}

// Every row arrives with all its columns, between any engines, and the counters of the engine continue.
func TestMove(t *testing.T) {
	m := parse(t, library)
	each(t, func(t *testing.T, from, to engine) {
		source, target := from.open(t), to.open(t)
		fillLibrary(t, source, m, 500)
		before := dump(t, source, m)
		report := moved(t, m, source, target)
		if diff := cmp.Diff(before, dump(t, target, m)); diff != "" {
			t.Errorf("what has become of the rows (-want +got):\n%s", diff)
		}
		if got := dump(t, source, m); got != before {
			t.Error("the source has changed")
		}
		if report.Rows() != 1501 || len(report.Tables) != 5 { // with the one entry of the history
			t.Errorf("report = %+v, want 1501 rows of 5 tables", report)
		}
		goesOn(t, m, source, target)
	})
}

// goesOn: the target assigns new ids and revisions, deletes and clears by the model, and keeps its constraints.
func goesOn(t *testing.T, m *model.Model, source, target store.DB) {
	t.Helper()
	var was store.Numbers
	err := source.Read(t.Context(), func(reader store.Reader) (err error) {
		was, err = source.Numbers(reader, []string{"id:books"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var id, revision, generation int64
	err = target.Write(t.Context(), func(tx store.Tx) (err error) {
		if id, err = tx.NextID("id:books"); err != nil {
			return err
		}
		if generation, err = tx.Generation("books"); err != nil {
			return err
		}
		revision, err = tx.Revision()
		return err
	})
	if err != nil || id != 8 || revision <= was.Revision || generation < 2 {
		t.Errorf("the target goes on with id %d, revision %d, generation %d (%v), the source was at 7 and %d", id, revision, generation, err, was.Revision)
	}
	refused := func(sql string, want store.Constraint) {
		t.Helper()
		err := target.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(sql, nil)
			return err
		})
		if e, ok := asConstraint(err); !ok || e.Constraint != want {
			t.Errorf("%s = %v, want a %v constraint", sql, err, want)
		}
	}
	refused(`UPDATE books SET author_id = 999999`, store.ForeignKey)
	refused(`UPDATE authors SET name = 'the same'`, store.Unique)
	refused(`UPDATE books SET state = 'lost'`, store.Other)
	changes, isNew, err := migrate.Differences(t.Context(), target, m)
	if len(changes) > 0 || isNew || err != nil {
		t.Errorf("the target's tables are not the model's: %v, %t, %v", changes, isNew, err)
	}
}

// Run refuses a target with any content, and does not change it.
func TestRefusals(t *testing.T) {
	m := parse(t, library)
	other := parse(t, "\ntables: {plants: {fields: {name: {type: text}}}}")
	each(t, func(t *testing.T, from, to engine) {
		source := from.open(t)
		fillLibrary(t, source, m, 3)
		for _, tt := range []struct {
			name string
			m    *model.Model
			from func(*testing.T) store.DB
			to   func(*testing.T) store.DB
			want string
		}{
			{"an empty source", m, func(t *testing.T) store.DB { return from.open(t) }, nil, "the source holds no app"},
			{"another model", other, nil, nil, "the source has other tables than the model"},
			{"a source with other tables", m, func(t *testing.T) store.DB {
				db := from.open(t)
				fillLibrary(t, db, m, 3)
				exec(t, db, `CREATE TABLE stray (id bigint)`)
				return db
			}, nil, "would be left behind: stray"},
			{"a source whose tables are just changed", m, func(t *testing.T) store.DB {
				db := from.open(t)
				fillLibrary(t, db, m, 3)
				exec(t, db, `INSERT INTO ashlar_migrations ("id", "state", "started", "finished", "by", "changes", "steps", "todo", "given", "copy", "model", "created_at", "updated_at", "_rev")
SELECT 1000, 'preparing', '2026-11-25T00:00:00Z', '', '', '[]', '[]', '{}', '{}', '', '{}', "created_at", "updated_at", 1 FROM ashlar_migrations`)
				return db
			}, nil, "a change of the tables that began at 2026-11-25T00:00:00Z is not finished"},
			{"the same app", m, nil, func(t *testing.T) store.DB {
				db := to.open(t)
				fillLibrary(t, db, m, 3)
				return db
			}, "the target is not empty: it holds the tables ashlar_meta, ashlar_migrations, authors, books, tags, …. "},
			{"a table alone", m, nil, func(t *testing.T) store.DB {
				db := to.open(t)
				exec(t, db, `CREATE TABLE stray (id bigint)`)
				return db
			}, "the target is not empty: it holds the tables stray. "},
			{"itself", m, nil, func(*testing.T) store.DB { return source }, "the target is not empty"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				a, b := source, store.DB(nil)
				if tt.from != nil {
					a = tt.from(t)
				}
				if tt.to != nil {
					b = tt.to(t)
				} else {
					b = to.open(t)
				}
				before := tables(t, b)
				_, err := Run(t.Context(), tt.m, a, b, Config{})
				if errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("Run() = %v, want a conflict: %q", err, tt.want)
				}
				if diff := cmp.Diff(before, tables(t, b)); diff != "" {
					t.Errorf("the target has changed:\n%s", diff)
				}
			})
		}
	})
}

func exec(t testing.TB, db store.DB, sql string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(sql, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tables(t testing.TB, db store.DB) (names []string) {
	t.Helper()
	err := db.Read(t.Context(), func(reader store.Reader) (err error) {
		names, err = system.TableNames(reader)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// diary holds system tables of a package unknown to migrate. Their names sort before the tables that they refer to.
func diary(app *model.Model) []*model.Table {
	diary := system.NewTable("ashlar_diary", model.Int,
		system.Optional(system.Timestamp("at")), system.Text("note"), system.Optional(system.User("user", app, model.Cascade)))
	about := system.NewTable("ashlar_about", model.Int, system.Ref("entry", diary, model.Cascade))
	return []*model.Table{about, diary}
}

// A move copies each system table of the source, with missing and empty values.
func TestSystemTables(t *testing.T) {
	m := parse(t, library)
	each(t, func(t *testing.T, from, to engine) {
		source, target := from.open(t), to.open(t)
		if _, err := migrate.Apply(t.Context(), source, modeltest.Compile(t, m), migrate.Options{System: []system.Fragment{diary}}); err != nil {
			t.Fatal(err)
		}
		own := system.Model(m, diary)
		rows := record.New(source, modeltest.Compile(t, m), record.Config{System: own})
		const user = "018f0000-0000-7000-8000-0000000000a1"
		for _, tt := range []struct {
			table *model.Table
			body  string
		}{
			{m.Table("users"), `{"id": "` + user + `", "email": "a@example.com"}`},
			{own.Table("ashlar_diary"), `{"note": "", "at": "1969-12-31T23:59:59.999999Z"}`},
			{own.Table("ashlar_diary"), `{"note": "a", "user_id": "` + user + `"}`},
			{own.Table("ashlar_about"), `{"entry_id": 2}`},
		} {
			members, err := value.DecodeObject([]byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rows.Create(t.Context(), caller.System("keep a diary"), tt.table, members); err != nil {
				t.Fatalf("%s %s: %v", tt.table.Name, tt.body, err)
			}
		}
		report, err := Run(t.Context(), m, source, target, Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range report.Tables {
			if table.Name == "ashlar_diary" && (table.From != table.To || table.From.Rows != 2) {
				t.Errorf("%+v, want the two rows of ashlar_diary", table)
			}
		}
		if drift, err := migrate.Verify(t.Context(), target); err != nil || len(drift) > 0 {
			t.Errorf("Verify() of the target = %v, %v", drift, err)
		}
		moved := record.New(target, modeltest.Compile(t, m), record.Config{System: own})
		if err := moved.Delete(t.Context(), caller.System("delete a user"), m.Table("users"), value.OfUUID(user), nil); err != nil {
			t.Errorf("Delete() of the user in the target: %v", err)
		}
		list, err := moved.List(t.Context(), caller.System("look"), own.Table("ashlar_about"), record.Query{Limit: 1}, nil)
		if err != nil || string(list) != `{"items":[],"next":null}` {
			t.Errorf("List(ashlar_about) = %s, %v, want that it went with the user", list, err)
		}
	})
}

func TestMain(m *testing.M) {
	if !pgtest.Available() {
		engines = engines[:1]
	}
	os.Exit(m.Run())
}

func asConstraint(err error) (*store.ConstraintError, bool) {
	return errors.AsType[*store.ConstraintError](err)
}

// A database of layout 1 is no source before it is brought to the current one.
func TestLayout1(t *testing.T) {
	const folder = "../migrate/testdata/layout1/"
	text, err := os.ReadFile(folder + "ashlar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := modeltest.Model(t, string(text))
	data, err := os.ReadFile(folder + "ashlar.db")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range engines {
		t.Run(to.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ashlar.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			source, err := sqlite.Open(t.Context(), path, sqlite.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = source.Close() })
			target := to.open(t)
			if _, err := Run(t.Context(), m, source, target, Config{}); errs.KindOf(err) != errs.Conflict || !strings.Contains(err.Error(), "layout of an earlier release") {
				t.Errorf("Run() = %v, want a refusal", err)
			}
			if _, err := migrate.Apply(t.Context(), source, modeltest.Compile(t, m), migrate.Options{}); err != nil {
				t.Fatal(err)
			}
			moved(t, m, source, target)
			if diff := cmp.Diff(dump(t, source, m), dump(t, target, m)); diff != "" {
				t.Errorf("the target (-source +target):\n%s", diff)
			}
			if history, err := migrate.History(t.Context(), target); err != nil || len(history) != 2 {
				t.Errorf("History() of the target = %v, %v, want two entries", history, err)
			}
		})
	}
}
