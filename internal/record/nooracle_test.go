package record

import (
	"context"
	"errors"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/oracletest"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A client learns nothing from a query about what it may not read: two databases that differ in hidden rows and masked
// values alone answer every query alike, byte for byte.
func TestNoOracle(t *testing.T) {
	worlds, queries := volume()
	random := seeds(t)
	var changes oracletest.Changes
	var answers, items int
	for i := range worlds {
		d := world(t, random(i))
		other, made := d.Disturb(150)
		changes.Masked += made.Masked
		changes.Hidden += made.Hidden
		changes.Added += made.Added
		changes.Removed += made.Removed
		a, b := storeData(t, d), storeData(t, other)
		for range queries {
			q := ask(d)
			n, found := sameLists(t, a, b, q)
			answers, items = answers+n, items+found
			answers += sameGets(t, a, b, q)
		}
		a.db.Close()
		b.db.Close()
	}
	t.Logf("%d answers compared, %d rows in them; the databases differ in %+v", answers, items, changes)
	if changes.Masked < worlds/4 || changes.Hidden < worlds || changes.Added < worlds/2 || changes.Removed == 0 {
		t.Errorf("the databases hardly differ: %+v", changes)
	}
	if items < answers/10 {
		t.Errorf("%d rows in %d answers: the queries ask for little", items, answers)
	}
}

// sameLists pages through both databases to the end.
func sameLists(t *testing.T, a, b *stored, q *posed) (answers, items int) {
	t.Helper()
	query := q.query
	for {
		bodyA, errA := a.rows.List(context.Background(), a.Caller, q.table, query, nil)
		bodyB, errB := b.rows.List(context.Background(), b.Caller, q.table, query, nil)
		answers++
		if saidA, saidB := said(bodyA, errA), said(bodyB, errB); saidA != saidB {
			t.Fatalf("%s tells of what is hidden:\n%s\n%s\n%s", q, saidA, saidB, a.Source)
		}
		if errA != nil {
			return answers, items
		}
		page, _ := a.page(t, &posed{table: q.table, query: query}, query.Cursor)
		items += len(page.Items)
		if page.Next == nil {
			return answers, items
		}
		query.Cursor = *page.Next
	}
}

// sameGets reads one row that is there in both, in one or in none.
func sameGets(t *testing.T, a, b *stored, q *posed) int {
	t.Helper()
	id := idOf(q.table, oracletest.ID(q.table, a.IntN(oracletest.MaxRows)))
	rowA, errA := a.rows.Get(context.Background(), a.Caller, q.table, id, q.query.View, nil)
	rowB, errB := b.rows.Get(context.Background(), b.Caller, q.table, id, q.query.View, nil)
	if saidA, saidB := said(rowA.JSON, errA), said(rowB.JSON, errB); saidA != saidB || rowA.Revision != rowB.Revision {
		t.Fatalf("get %s %v %+v tells of what is hidden:\n%s\n%s\n%s", q.table.Name, id, q.query.View, saidA, saidB, a.Source)
	}
	return 1
}

// Nor does a client learn it from a write, where no rule and no check stands in its way: of two such databases, both take
// it, or both refuse it alike. What remains is that an id is taken, and that a row is in use.
func TestNoOracleInWrites(t *testing.T) {
	worlds, queries := volume()
	random := seeds(t)
	tally, guesses := map[errs.Kind]int{}, 0
	for i := range worlds {
		d := worldOf(t, random(i), oracletest.NewOpen)
		other, _ := d.Disturb(150)
		a, b := storeData(t, d), storeData(t, other)
		for range queries {
			table := d.Model.Tables[1+d.IntN(len(d.Model.Tables)-1)]
			if len(d.Seen(table)) == 0 || a.rows.Allow(a.Caller, table, Update) != nil {
				continue
			}
			rec := d.Seen(table)[d.IntN(len(d.Seen(table)))]
			body, guessed := a.guesses(table, rec, other.Find(table, rec["id"]))
			if guessed {
				guesses++
			}
			errA, errB := a.tries(table, rec, body), b.tries(table, rec, body)
			if saidA, saidB := said(nil, errA), said(nil, errB); saidA != saidB {
				t.Fatalf("update %s %v %s tells of what is hidden:\n%s\n%s\n%s", table.Name, rec["id"], body, saidA, saidB, a.Source)
			}
			tally[errs.KindOf(errA)]++
		}
		a.db.Close()
		b.db.Close()
	}
	t.Logf("writes by their outcome: %v; %d guessed a masked value", tally, guesses)
	if tally[""] == 0 || tally[errs.Conflict] == 0 || guesses == 0 {
		t.Errorf("writes by their outcome: %v; %d guessed a masked value: it proves little", tally, guesses)
	}
}

// guesses are members of an update, some of which are what is stored, also where the caller may not read it and where it
// is not what the other database has stored.
func (s *stored) guesses(table *schema.Table, rec, other oracletest.Record) (body []value.Member, masked bool) {
	for n, i := range s.Perm(len(table.Fields)) {
		f := table.Fields[i]
		v := rec[f.Name]
		if oracletest.Same(v, other[f.Name]) && n > s.IntN(3) {
			continue
		}
		switch {
		case !f.Immutable && !isTime(f) && s.IntN(3) == 0:
			v = s.Random(f)
		case !oracletest.Same(v, s.Value(f, rec, true)):
			masked = true
		}
		body = append(body, value.Member{Name: f.Name, Raw: oracletest.AppendJSON(nil, f, v)})
	}
	return body, masked
}

// tries updates a row, undoes it and returns what its caller is told.
func (s *stored) tries(table *schema.Table, rec oracletest.Record, body []value.Member) error {
	rows := New(trial{s.db}, s.rows.rules, Config{Now: s.rows.now, Dialect: s.rows.dialect})
	_, err := rows.Update(context.Background(), s.Caller, table, idOf(table, rec["id"]), body, nil)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
