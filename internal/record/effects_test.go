package record

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
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

// steps are the effects of all writes.
type steps []store.Step

func (s steps) Effects(*Written) (Effects, error) { return Effects{Steps: s}, nil }
func (steps) NeedsOld(*model.Table) bool          { return false }
func (steps) MaxCascade(*sqlgen.Reach) int        { return 0 }

func testEffects(t *testing.T, db *DB, spy *watched) {
	db.effects = nil
	must(t, db, nobody, "people", `{"id":"ann","name":"Ann"}`)
	must(t, db, nobody, "people", `{"id":"bob","name":"Bob"}`)
	keep := func(op string) store.Step {
		return store.Step{Statement: store.Statement{SQL: `INSERT INTO kept (op) VALUES ('` + op + `')`}}
	}
	missing := store.Step{Statement: store.Statement{SQL: `SELECT op FROM kept WHERE op = 'nothing'`}, Row: func(value.Row) error { return nil }}
	for _, tt := range []struct {
		name  string
		steps []store.Step
		op    Op
		body  string
		want  errs.Kind
	}{
		{"create", []store.Step{keep("a")}, Create, `{"id":"new","name":"New"}`, ""},
		{"create refused by a check", []store.Step{keep("a")}, Create, `{"id":"x","name":"X","age":0}`, errs.Invalid},
		{"create refused by a constraint", []store.Step{keep("a")}, Create, `{"id":"x","name":"Bob"}`, errs.Conflict},
		{"create refused by a rule", []store.Step{keep("a")}, Create, `{"id":"x","name":"root"}`, errs.Unauthenticated},
		{"create refused by an effect", []store.Step{keep("a"), missing}, Create, `{"id":"x","name":"X"}`, errs.Conflict},
		{"create refused by the constraint of an effect", []store.Step{keep("a"), keep("a")}, Create, `{"id":"x","name":"X"}`, errs.Internal},
		{"update", []store.Step{keep("a")}, Update, `{"age":1}`, ""},
		{"update refused by a check", []store.Step{keep("a")}, Update, `{"age":0}`, errs.Invalid},
		{"update refused by a constraint", []store.Step{keep("a")}, Update, `{"name":"Bob"}`, errs.Conflict},
		{"update refused by an effect", []store.Step{keep("a"), missing}, Update, `{"age":7}`, errs.Conflict},
		{"delete refused by an effect", []store.Step{missing}, Delete, "", errs.Conflict},
		{"delete", []store.Step{keep("a")}, Delete, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spy.exec(t, `DELETE FROM kept`)
			db.effects = steps(tt.steps)
			rows := spy.number(t, `SELECT CAST(sum(_rev) + count(*) AS BIGINT) FROM people`)
			_, err := attempt(t, db, write{who: nobody, op: tt.op, path: "people/ann", body: tt.body}, nil)
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
		write := func(fail error) error {
			return spy.Write(t.Context(), func(tx store.Tx) error {
				rows := db.In(tx, nobody)
				defer rows.Done()
				if err := useAccount(t, rows, db.rules.Model); err != nil {
					return err
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

// useAccount makes an account and a session, reads both, and deletes the session.
func useAccount(t *testing.T, rows *Tx, m *model.Model) error {
	people, sessions, id := m.Table("people"), m.Table("sessions"), value.OfText("ann")
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
	if len(user.JSON) == 0 {
		t.Error("the user is not there")
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
	return nil
}
