package start

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/record"
)

const shop = `
ashlar: 1
name: shop
roles: [editor]
tables:
  customers:
    key: int
    fields: {name: {type: text, max: 200}}
    access: {read: true, write: true}
  orders:
    key: int
    fields:
      customer: {ref: customers, optional: true, on_delete: cascade, reverse: orders}
      parent:   {ref: orders, optional: true, on_delete: cascade, reverse: children}
      state:    {type: enum, values: [draft, paid], default: draft}
      total:    {type: int, default: 0}
      note:     {type: text, optional: true, unique: true}
    access: {read: true, write: "state != 'paid' || 'editor' in auth.roles"}
    checks:
      - {expr: total >= 0, message: negative}
jobs:
  made:    {on: orders.create, work: pull}
  dear:    {on: [orders.create, orders.update], when: total > 100, work: pull}
  paid:    {on: orders.update, when: "state == 'paid' && old.state != 'paid'", work: pull}
  named:   {on: orders.update, when: "customer.name == 'Ann' && !has(old.customer_id)", work: pull}
  family:  {on: orders.update, when: "old.total != total && children.exists(c, c.total == total)", work: pull}
  itself:  {on: orders.update, when: "old.total != total && parent.total == total", work: pull}
  mine:    {on: orders.delete, when: "total == 7 && auth.id == 'ann'", work: pull}
  gone:    {on: orders.delete, work: pull}
  none:    {on: orders.update, when: "total in [] || old.note == 'none'", work: pull}
  former:  {on: customers.delete, when: name == 'Bob', work: pull}
webhooks:
  changes: {on: [orders.update, orders.delete], order: note, to: https://example.com/hooks}
`

func TestWritesStartJobs(t *testing.T) {
	each(t, shop, func(t *testing.T, w *world) {
		w.must(`create customers {"id":1,"name":"Ann"}`, `create customers {"id":2,"name":"Bob"}`)
		for _, tt := range []struct {
			do   string
			want string
			err  bool
		}{
			{`create orders {"id":1}`, "made create 1", false},
			{`create orders {"id":1}`, "", true},
			{`create orders {"id":2,"total":101}`, "dear create 2, made create 2", false},
			{`create orders {"id":3,"total":-1}`, "", true},
			{`update orders/1 {"total":5}`, "changes update 1", false},
			{`update orders/1 {"total":5}`, "changes update 1", false}, // a new revision is an update
			{`update orders/1 {"total":-5}`, "", true},
			{`update orders/9 {"total":5}`, "", true},
			{`update orders/1 {"state":"paid"}`, "changes update 1, paid update 1", false},
			{`update orders/1 {"state":"paid"}`, "changes update 1", false},
			{`update orders/1 {"customer_id":1}`, "changes update 1, named update 1", false},
			{`update orders/1 {"customer_id":1}`, "changes update 1", false},
			{`update orders/2 {"parent_id":1}`, "changes update 2, dear update 2", false},
			{`update orders/1 {"total":101}`, "changes update 1, dear update 1, family update 1", false},
			{`update orders/1 {"parent_id":1}`, "changes update 1, dear update 1", false},
			{`update orders/1 {"total":50}`, "changes update 1, family update 1, itself update 1", false}, // it is its own parent
			{`update orders/2 {"note":"x"}`, "changes update 2, dear update 2", false},
			{`update orders/1 {"note":"x"}`, "", true},                                  // unique
			{`update orders/2 {"total":105}`, "changes update 2, dear update 2", false}, // of none, no SQL names the new total
			{`update orders/1 {"total":7}`, "changes update 1, family update 1, itself update 1", false},
			{`delete orders/2`, "changes delete 2, gone delete 2", false},
			{`delete orders/2`, "", true},
			{`create orders {"id":4,"customer_id":2,"total":7}`, "made create 4", false},
			{`create orders {"id":5,"parent_id":4}`, "made create 5", false},
			{`delete customers/2`, "changes delete 4, changes delete 5, former delete 2, gone delete 4, gone delete 5, mine delete 4", false},
			{`delete orders/1`, "changes delete 1, gone delete 1, mine delete 1", false},
		} {
			w.forget()
			if err := w.try(tt.do); (err != nil) != tt.err {
				t.Fatalf("%s: %v", tt.do, err)
			}
			if got := strings.Join(w.jobs(), ", "); got != tt.want {
				t.Errorf("%s started %q, want %q", tt.do, got, tt.want)
			}
		}
	})
}

// What a write undoes, it undoes with its jobs.
func TestUndoneWritesStartNoJobs(t *testing.T) {
	each(t, shop, func(t *testing.T, w *world) {
		w.must(`create orders {"id":1}`)
		w.forget()
		orders := w.table("orders")
		for _, fail := range []error{errUndone, nil} {
			err := w.rows.Transact(t.Context(), anybody, func(tx *record.Tx) error {
				if _, err := tx.Create(orders, members(t, `{"id":2,"total":200}`)); err != nil {
					return err
				}
				if _, err := tx.Update(orders, id(orders, "1"), members(t, `{"state":"paid"}`), nil); err != nil {
					return err
				}
				if err := tx.Delete(orders, id(orders, "1"), nil); err != nil {
					return err
				}
				return fail
			})
			var want []string
			if fail == nil {
				want = []string{"changes delete 1", "changes update 1", "dear create 2", "gone delete 1", "made create 2", "paid update 1"}
			}
			if diff := cmp.Diff(want, w.jobs()); err != fail || diff != "" {
				t.Errorf("%v: %v\n%s", fail, err, diff)
			}
		}
	})
}

// The row of a job says what the model says.
func TestRowsOfJobs(t *testing.T) {
	each(t, shop, func(t *testing.T, w *world) {
		w.must(`create orders {"id":1,"total":200,"note":"a \"b\" é"}`, `update orders/1 {"note":"\n"}`, `update orders/1 {"note":null}`)
		got := w.query(7, `SELECT name, queue, state, row_table, enqueued_by, CAST(args AS TEXT), CAST(tries AS TEXT) FROM ashlar_jobs`)
		want := []string{
			`changes webhooks waiting orders user:ann {"op":"update","order":"\n"} 12`,
			`changes webhooks waiting orders user:ann {"op":"update"} 12`,
			`dear pull waiting orders user:ann {"op":"create"} 12`,
			`dear pull waiting orders user:ann {"op":"update"} 12`,
			`dear pull waiting orders user:ann {"op":"update"} 12`,
			`made pull waiting orders user:ann {"op":"create"} 12`,
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		ids := w.query(1, `SELECT CAST(id AS TEXT) FROM ashlar_jobs`)
		for _, text := range ids {
			if len(text) != 36 || text[14] != '7' || !strings.Contains("89ab", text[19:20]) || text != strings.ToLower(text) {
				t.Errorf("%s is no UUID of version 7", text)
			}
		}
	})
}

var errUndone = errors.New("undone")
