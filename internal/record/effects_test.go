package record

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const accounts = `
ashlar: 1
name: accounts
tables:
  people:
    key: text
    fields:
      name: {type: text, unique: true}
      age: {type: int, optional: true}
    checks:
      - {expr: "age == null || age > 0", message: the age is not positive}
    access: {read: true, write: "name != 'root'"}
  sessions:
    fields: {user: {ref: people, on_delete: cascade, reverse: sessions}}
    access: {read: true, write: true}
`

// The effects of a write are committed with it or not at all, as a script and as a function.
func TestEffects(t *testing.T) {
	onBoth(t, accounts, func(t *testing.T, functions *DB, spy *watched) {
		scripts := New(spy.DB, functions.rules, Config{})
		spy.exec(t, `CREATE TABLE kept (op TEXT PRIMARY KEY)`)
		for _, way := range []struct {
			name string
			rows *DB
		}{{"functions", functions}, {"scripts", scripts}} {
			t.Run(way.name, func(t *testing.T) {
				way.rows.refusals.ignored = true
				spy.exec(t, `DELETE FROM sessions`, `DELETE FROM people`)
				testEffects(t, way.rows, spy)
			})
		}
	})
}

func testEffects(t *testing.T, db *DB, spy *watched) {
	people := db.rules.Model.Table("people")
	db.effects = nil
	must(t, db, nobody, "people", `{"id":"ann","name":"Ann"}`)
	must(t, db, nobody, "people", `{"id":"bob","name":"Bob"}`)
	keep := func(op string) store.Step {
		return store.Step{Statement: store.Statement{SQL: `INSERT INTO kept (op) VALUES ('` + op + `')`}}
	}
	missing := store.Step{Statement: store.Statement{SQL: `SELECT op FROM kept WHERE op = 'nothing'`}, Row: func(value.Row) error { return nil }}
	id := value.OfText("ann")
	create := func(body string) func() error {
		return func() error { _, err := create(t, db, nobody, "people", body); return err }
	}
	update := func(body string) func() error {
		return func() error { _, err := db.Update(t.Context(), nobody, people, id, members(t, body), nil); return err }
	}
	for _, tt := range []struct {
		name  string
		steps []store.Step
		write func() error
		want  errs.Kind
	}{
		{"create", []store.Step{keep("a")}, create(`{"id":"new","name":"New"}`), ""},
		{"create refused by a check", []store.Step{keep("a")}, create(`{"id":"x","name":"X","age":0}`), errs.Invalid},
		{"create refused by a constraint", []store.Step{keep("a")}, create(`{"id":"x","name":"Bob"}`), errs.Conflict},
		{"create refused by a rule", []store.Step{keep("a")}, create(`{"id":"x","name":"root"}`), errs.Unauthenticated},
		{"create refused by an effect", []store.Step{keep("a"), missing}, create(`{"id":"x","name":"X"}`), errs.Conflict},
		{"create refused by the constraint of an effect", []store.Step{keep("a"), keep("a")}, create(`{"id":"x","name":"X"}`), errs.Internal},
		{"update", []store.Step{keep("a")}, update(`{"age":1}`), ""},
		{"update refused by a check", []store.Step{keep("a")}, update(`{"age":0}`), errs.Invalid},
		{"update refused by a constraint", []store.Step{keep("a")}, update(`{"name":"Bob"}`), errs.Conflict},
		{"update refused by an effect", []store.Step{keep("a"), missing}, update(`{"age":7}`), errs.Conflict},
		{"delete refused by an effect", []store.Step{missing}, func() error { return db.Delete(t.Context(), nobody, people, id, nil) }, errs.Conflict},
		{"delete", []store.Step{keep("a")}, func() error { return db.Delete(t.Context(), nobody, people, id, nil) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spy.exec(t, `DELETE FROM kept`)
			db.effects = func(*model.Table, Op, value.Value, int64) Effects { return Effects{Steps: tt.steps} }
			rows := spy.number(t, `SELECT CAST(sum(_rev) + count(*) AS BIGINT) FROM people`)
			err := tt.write()
			kept, now := spy.number(t, `SELECT count(*) FROM kept`), spy.number(t, `SELECT CAST(sum(_rev) + count(*) AS BIGINT) FROM people`)
			if errs.KindOf(err) != tt.want && !(tt.want == errs.Internal && err != nil) {
				t.Errorf("got %v, want kind %q", err, tt.want)
			}
			if refused := tt.want != ""; refused != (rows == now) || refused != (kept == 0) {
				t.Errorf("%d effects are kept, and the rows changed: %t", kept, rows != now)
			}
		})
	}
}

// TestTx writes an account and its session in one transaction, and reads them there.
func TestTx(t *testing.T) {
	onBoth(t, accounts, func(t *testing.T, db *DB, spy *watched) {
		people, sessions := db.rules.Model.Table("people"), db.rules.Model.Table("sessions")
		id := value.OfText("ann")
		write := func(fail error) error {
			return spy.Write(t.Context(), func(tx store.Tx) error {
				rows := db.In(tx, nobody)
				defer rows.Done()
				if _, err := rows.Create(people, members(t, `{"id":"ann","name":"Ann"}`)); err != nil {
					return err
				}
				if _, err := rows.Update(people, id, members(t, `{"age":30}`), nil); err != nil {
					return err
				}
				session, err := rows.Create(sessions, members(t, `{"user_id":"ann"}`))
				if err != nil {
					return err
				}
				user, err := rows.Get(people, id, Selection{Fields: "name,age", Expand: "sessions"})
				if err != nil {
					return err
				}
				page, err := rows.List(sessions, Query{Selection: Selection{Fields: "user_id"}, Limit: 5, Total: true, Filter: "user.age == 30"})
				if err != nil {
					return err
				}
				if got, want := string(page), `{"items":[{"user_id":"ann"}],"next":null,"total":1}`; got != want {
					t.Errorf("the list in the transaction is %s, want %s", got, want)
				}
				if err := rows.Delete(sessions, session.ID, nil); err != nil {
					return err
				}
				if after, err := rows.Get(sessions, session.ID, Selection{}); errs.KindOf(err) != errs.NotFound {
					t.Errorf("the deleted session is %s, %v", after.JSON, err)
				}
				if len(user.JSON) == 0 {
					t.Error("the user is not there")
				}
				return fail
			})
		}
		if err := write(errInjected); err != errInjected || spy.number(t, `SELECT count(*) FROM people`) != 0 {
			t.Errorf("a transaction that fails leaves rows: %v", err)
		}
		if err := write(nil); err != nil {
			t.Fatal(err)
		}
		if n := spy.number(t, `SELECT age FROM people`); n != 30 {
			t.Errorf("the age is %d, want 30", n)
		}
	})
}
