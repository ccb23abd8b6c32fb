package start

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const timers = `
ashlar: 1
name: shop
tables:
  customers:
    key: text
    fields: {name: {type: text, max: 200, optional: true}}
    access: {read: true, write: true}
  orders:
    key: text
    fields:
      customer: {ref: customers, optional: true, on_delete: cascade}
      state:    {type: enum, values: [draft, paid], default: draft}
      due_at:   {type: timestamp, optional: true}
    access: {read: true, write: true}
jobs:
  expire: {table: orders, at: "due_at + duration('24h')", when: "state == 'draft' && customer.name != 'Bob'", work: pull}
`

// states returns the timers: the row, the state, the hours from a time on.
func (w *world) timers(from time.Time) string {
	w.t.Helper()
	var all []string
	err := w.db.Read(w.t.Context(), func(r store.Reader) error {
		all = nil
		return r.Query(`SELECT row_id, state, run_at, CAST(args AS TEXT), once FROM ashlar_jobs ORDER BY row_id, run_at`, nil, func(row value.Row) error {
			at := time.UnixMicro(row.Int(2))
			if want := fmt.Sprintf(`{"at":%d}`, row.Int(2)); string(row.Bytes(3)) != want {
				w.t.Errorf("the arguments are %s, want %s", row.Bytes(3), want)
			}
			text := fmt.Sprintf("%s %s %+.0fh", row.Bytes(0), row.Bytes(1), at.Sub(from).Hours())
			if row.Null(4) {
				text += " released"
			}
			all = append(all, text)
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(all, ", ")
}

func TestTimersFollowTheirRows(t *testing.T) {
	each(t, timers, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Second)
		at := func(hours int) string {
			return `"due_at":"` + now.Add(time.Duration(hours)*time.Hour).Format(time.RFC3339) + `"`
		}
		w.must(`create customers {"id":"ann"}`)
		for _, tt := range []struct{ name, do, exec, want string }{
			{"no time, no timer", `create orders {"id":"a"}`, ``, ""},
			{"a row with a time", `create orders {"id":"b",` + at(2) + `}`, ``, "b scheduled +26h"},
			{"a time that is over", `create orders {"id":"c",` + at(-30) + `,"customer_id":"ann"}`, ``, "b scheduled +26h, c waiting -6h"},
			{"the time moves", `update orders/b {` + at(5) + `}`, ``, "b scheduled +29h, c waiting -6h"},
			{"the time moves into the past", `update orders/b {` + at(-25) + `}`, ``, "b waiting -1h, c waiting -6h"},
			{"and back", `update orders/b {` + at(5) + `}`, ``, "b scheduled +29h, c waiting -6h"},
			{"another field changes", `update orders/b {"state":"paid"}`, ``, "b scheduled +29h, c waiting -6h"},
			{"the time comes", `update orders/a {` + at(1) + `}`, ``, "a scheduled +25h, b scheduled +29h, c waiting -6h"},
			{"the time goes", `update orders/a {"due_at":null}`, ``, "b scheduled +29h, c waiting -6h"},
			{"the timer has run, and the time is sent again", `update orders/c {` + at(-30) + `}`, `UPDATE ashlar_jobs SET state = 'done', once = NULL WHERE row_id = 'c'`, "b scheduled +29h, c done -6h released"},
			{"then it moves", `update orders/c {` + at(-28) + `}`, ``, "b scheduled +29h, c done -6h released, c waiting -4h"},
			{"the timer runs, and the time moves", `update orders/b {` + at(7) + `}`, `UPDATE ashlar_jobs SET state = 'running' WHERE row_id = 'b'`, "b running +29h released, b scheduled +31h, c done -6h released, c waiting -4h"},
			{"the row goes", `delete orders/b`, ``, "b running +29h released, c done -6h released, c waiting -4h"},
			{"it goes with another", `delete customers/ann`, ``, "b running +29h released, c done -6h released"},
			{"refused", `create orders {"id":"a",` + at(1) + `}`, ``, "b running +29h released, c done -6h released"},
		} {
			if tt.exec != "" {
				w.exec(tt.exec)
			}
			if err := w.try(tt.do); (err != nil) != (tt.name == "refused") {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if got := w.timers(now); got != tt.want {
				t.Errorf("%s: the timers are %q, want %q", tt.name, got, tt.want)
			}
		}
		long := strings.Repeat("x", 250)
		w.must(`create orders {"id":"`+long+`",`+at(1)+`}`, `update orders/`+long+` {`+at(2)+`}`)
		if got := w.query(1, `SELECT once FROM ashlar_jobs WHERE once IS NOT NULL`); len(got) != 1 || len(got[0]) != len("timer:expire:")+64 {
			t.Errorf("the timer of a long id is %v", got)
		}
		w.must(`delete orders/` + long)
		if got := w.query(1, `SELECT once FROM ashlar_jobs WHERE once IS NOT NULL`); len(got) != 0 {
			t.Errorf("the timer of a long id stays: %v", got)
		}
	})
}

func TestTimersAreAskedAgain(t *testing.T) {
	each(t, timers, func(t *testing.T, w *world) {
		w.must(`create customers {"id":"ann","name":"Ann"}`, `create customers {"id":"bob","name":"Bob"}`)
		const due = `"due_at":"2026-01-01T00:00:00Z"`
		holds := func(want bool, when string) {
			t.Helper()
			var own *job.Job
			err := w.db.Read(t.Context(), func(r store.Reader) error {
				return r.Query(`SELECT row_id, CAST(args AS TEXT) FROM ashlar_jobs WHERE row_id = 'a' ORDER BY run_at LIMIT 1`, nil, func(row value.Row) error {
					own = &job.Job{Name: "expire", Table: "orders", Row: string(row.Bytes(0)), Args: append([]byte(nil), row.Bytes(1)...)}
					return nil
				})
			})
			if err != nil || own == nil {
				t.Fatal(own, err)
			}
			if got, err := w.start.Due(t.Context(), own); got != want || err != nil {
				t.Errorf("%s: Due = %v, %v", when, got, err)
			}
		}
		w.must(`create orders {"id":"a","customer_id":"ann",` + due + `}`)
		holds(true, "as it was added")
		w.must(`update orders/a {"state":"paid"}`)
		holds(false, "when it does not hold")
		w.must(`update orders/a {"state":"draft"}`)
		holds(true, "when it holds again")
		w.must(`update orders/a {"customer_id":"bob"}`)
		holds(false, "when another row has changed")
		w.must(`update orders/a {"customer_id":"ann"}`)
		w.exec(`UPDATE ashlar_jobs SET state = 'running' WHERE row_id = 'a'`)
		w.must(`update orders/a {"due_at":"2027-01-01T00:00:00Z"}`)
		holds(false, "when it has moved")
		w.must(`delete orders/a`)
		holds(false, "when the row is gone")
		for _, other := range []*job.Job{{Name: "left", Table: "orders", Row: "a", Args: []byte(`{"at":1}`)}, {Name: "expire", Table: "others", Row: "a", Args: []byte(`{"at":1}`)}} {
			if got, err := w.start.Due(t.Context(), other); got || err != nil {
				t.Errorf("a timer that left the model: Due = %v, %v", got, err)
			}
		}
		for _, other := range []*job.Job{{Name: "mail", Args: []byte(`{"op":"create"}`)}, {Name: "mail", Args: []byte(`[1]`)}, {Name: "mail"}} {
			if got, err := w.start.Due(t.Context(), other); !got || err != nil {
				t.Errorf("a job that is no timer: Due = %v, %v", got, err)
			}
		}
	})
}

// Rows that were there before the job get timers, batch by batch, whatever interrupts the fill.
func TestExistingRowsGetTimers(t *testing.T) {
	without := timers[:strings.Index(timers, "jobs:")]
	for _, key := range []string{"text", "int", "uuid"} {
		t.Run(key, func(t *testing.T) {
			source := strings.Replace(without, "orders:\n    key: text", "orders:\n    key: "+key, 1)
			each(t, source, func(t *testing.T, w *world) { testFill(t, w, source+timers[strings.Index(timers, "jobs:"):], key) })
		})
	}
}

func testFill(t *testing.T, w *world, source, key string) {
	const rows = 2*batch + 17
	now := time.Now().UTC().Truncate(time.Second)
	orders := w.table("orders")
	err := w.db.Write(t.Context(), func(tx store.Tx) error {
		in := w.rows.In(tx, anybody)
		defer in.Done()
		for i := range rows {
			body := map[string]string{"text": fmt.Sprintf(`"id":"%05d",`, i), "int": fmt.Sprintf(`"id":%d,`, i), "uuid": ""}[key]
			hours := []time.Duration{1, -48, -30}[i%3] // -30 is over, -48 too
			if i%7 != 0 {
				body += `"due_at":"` + now.Add(hours*time.Hour).Format(time.RFC3339) + `",`
			}
			if _, err := in.Create(orders, members(t, `{`+body+`"state":"draft"}`)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for i := range rows {
		if i%3 == 0 && i%7 != 0 {
			want++
		}
	}
	with := attach(w.db, modeltest.Rules(t, source), t)
	ctx, cancel := context.WithCancel(t.Context())
	pages := 0
	with.start.db = interrupted{w.db, func() {
		if pages++; pages == 4 { // marks, mark, first page, second page
			cancel()
		}
	}}
	if err := with.start.Fill(ctx); err == nil {
		t.Fatal("nothing interrupted the fill")
	}
	if n := len(with.query(1, `SELECT id FROM ashlar_jobs`)); n == 0 || n >= want {
		t.Errorf("%d timers after an interruption", n)
	}
	with = attach(w.db, with.rules, t)
	for range 2 { // the second one has nothing to do
		if err := with.start.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(with.query(1, `SELECT id FROM ashlar_jobs WHERE state = 'scheduled' AND once IS NOT NULL`)); n != want {
		t.Errorf("%d timers, want %d", n, want)
	}
	// With another time each timer moves.
	moved := attach(w.db, modeltest.Rules(t, strings.Replace(source, "24h", "48h", 1)), t)
	if err := moved.start.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	late := `SELECT id FROM ashlar_jobs WHERE run_at = ` + map[bool]string{true: fmt.Sprint(now.Add(49 * time.Hour).UnixMicro()), false: `'` + now.Add(49*time.Hour).Format(time.RFC3339) + `'`}[strings.Contains(t.Name(), "SQLite")]
	if n := len(moved.query(1, late)); n != want {
		t.Errorf("%d timers moved, want %d", n, want)
	}
	// A node with an older model that starts beside one that has the job leaves its timers. SQLite has one node.
	sqlite := strings.Contains(t.Name(), "SQLite")
	older := func(sign time.Duration, stay bool) {
		t.Helper()
		at := now.Add(-sign)
		moved.exec(`UPDATE ashlar_timers SET updated_at = ` + map[bool]string{true: fmt.Sprint(at.UnixMicro()), false: `'` + at.Format(time.RFC3339) + `'`}[sqlite])
		if err := attach(w.db, w.rules, t).start.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(moved.query(1, late)); stay && n != want {
			t.Errorf("%d timers stay %v after a sign, want %d", n, sign, want)
		}
	}
	if !sqlite {
		older(0, true)
		older(forgetAfter-time.Minute, true)
		moved.exec(`UPDATE ashlar_timers SET updated_at = '2026-01-01T00:00:00Z'`)
		if err := moved.start.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := attach(w.db, w.rules, t).start.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(moved.query(1, late)); n != want {
			t.Errorf("%d timers stay after Tend, want %d", n, want)
		}
	}
	// Without a node that has the job its timers go, but for the ones that run.
	moved.exec(`UPDATE ashlar_jobs SET state = 'running' WHERE id = (SELECT id FROM ashlar_jobs ORDER BY id LIMIT 1)`)
	older(forgetAfter+time.Minute, false)
	if diff := cmp.Diff([]string{"running"}, moved.query(1, `SELECT state FROM ashlar_jobs`)); diff != "" {
		t.Error(diff)
	}
	if left := moved.query(1, `SELECT id FROM ashlar_timers`); len(left) > 0 {
		t.Errorf("marks stay: %v", left)
	}
}

// interrupted is a store that tells of each transaction.
type interrupted struct {
	store.DB
	tell func()
}

func (i interrupted) Write(ctx context.Context, f func(store.Tx) error) error {
	i.tell()
	return i.DB.Write(ctx, f)
}
