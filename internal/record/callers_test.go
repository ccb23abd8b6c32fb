package record

import (
	"context"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
)

// Caches of shapes, statements and totals never serve another caller and never go stale. Several callers ask a few queries
// again and again, while rows are added.
func TestCallersShareNothing(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	answered, added := 0, 0
	for i := range worlds {
		s := storeData(t, world(t, random(i)))
		var asked []*posed
		for range 4 {
			query := ask(s.Data)
			query.query.Total = true
			asked = append(asked, query)
		}
		for range queries {
			if s.IntN(8) == 0 && s.grow(t) {
				added++
			}
			query := asked[s.IntN(len(asked))]
			as := &stored{Data: s.As(s.IntN(oracle.Callers)), db: s.db, rows: s.rows}
			if as.rows.Allow(as.Caller, query.table, Read) != nil {
				continue
			}
			as.follow(t, query, query.reference(as.Data))
			answered++
		}
		s.db.Close()
	}
	t.Logf("%d lists, while %d rows were added", answered, added)
	if (added < worlds || answered < worlds*queries/4) && !effort.Raced {
		t.Errorf("%d lists, %d rows added: it proves little", answered, added)
	}
}

// grow adds a row to a table.
func (s *stored) grow(t *testing.T) bool {
	t.Helper()
	data := s.Clone()
	table := data.Model.Tables[data.IntN(len(data.Model.Tables))]
	rec := data.Add(table)
	if rec == nil {
		return false
	}
	err := s.db.Write(context.Background(), func(tx store.Tx) error { return oracle.Insert(tx, table, rec) })
	if err != nil {
		t.Fatal(err)
	}
	s.Data = data
	return true
}
