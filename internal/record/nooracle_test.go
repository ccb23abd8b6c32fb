package record

import (
	"context"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/oracletest"
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
