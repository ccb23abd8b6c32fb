package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const documents = `
ashlar: 1
name: documents
tables:
  teams:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true, write: true}
  docs:
    key: int
    fields:
      n:    {type: int, default: 0}
      meta: {type: json, optional: true, schema: {type: object}}
      team: {ref: teams, optional: true, reverse: docs, on_delete: clear}
      seen: {type: json, optional: true, read: team.name == 'open'}
    access: {read: true, write: true}
`

// manyMembers returns a JSON object with n members.
func manyMembers(prefix string, n int) string {
	var text strings.Builder
	text.WriteByte('{')
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `"%s%d":1`, prefix, i)
	}
	return text.String() + "}"
}

func patch(ctx context.Context, t *testing.T, db *DB, id int64, patch string) (Row, error) {
	t.Helper()
	return db.Update(ctx, nobody, db.rules.Model.Table("docs"), value.OfInt(id), members(t, patch), nil)
}

// The only writer must not merge a patch of a megabyte, because all others would wait. A patch refused for its size begins
// no transaction. The transaction of any other finds the merge done.
func TestExhaustion_APatchIsMergedOutsideOfTransactions(t *testing.T) {
	effort.SkipRaced(t)
	onBoth(t, documents, func(t *testing.T, db *DB, spy *watched) {
		must(t, db, nobody, "docs", `{"id":1,"meta":`+manyMembers("a", 85_000)+`}`)
		spy.forget()
		_, err := patch(t.Context(), t, db, 1, `{"meta":`+manyMembers("b", 85_000)+`}`)
		if errs.KindOf(err) != errs.Invalid || firstCode(err) != "too_long" || spy.writes.Load() != 0 {
			t.Errorf("85,000 members on 85,000 others: %v after %d transactions, want too_long after none", err, spy.writes.Load())
		}

		// Another write comes between the merge and the transaction. A transaction that merges by itself would not start
		// again.
		must(t, db, nobody, "docs", `{"id":2,"meta":`+manyMembers("a", 40_000)+`}`)
		others := 0
		spy.beforeWrite = func() {
			if others++; others == 1 {
				if _, err := patch(t.Context(), t, db, 2, `{"n":7}`); err != nil {
					t.Error(err)
				}
			}
		}
		spy.forget()
		row, err := patch(t.Context(), t, db, 2, `{"meta":`+manyMembers("b", 40_000)+`}`)
		if err != nil || !strings.Contains(string(row.JSON), `"n":7,"meta":{"a0":1`) || !strings.Contains(string(row.JSON), `"b39999":1}`) {
			t.Errorf("the merged row: %.100s…, %v", row.JSON, err)
		}
		if reads, writes := spy.reads.Load(), spy.writes.Load(); reads != 2 || writes != 3 {
			t.Errorf("%d reads and %d transactions, want 2 and 3: the other's, and one for each try", reads, writes)
		}
	})
}

// A row changes during every try. A small patch is then merged in its transaction, and a large one is refused.
func TestExhaustion_APatchWhoseRowAlwaysMoves(t *testing.T) {
	effort.SkipRaced(t)
	onBoth(t, documents, func(t *testing.T, db *DB, spy *watched) {
		must(t, db, nobody, "docs", `{"id":1,"meta":{"a":1}}`)
		must(t, db, nobody, "docs", `{"id":2,"meta":`+manyMembers("a", 20_000)+`}`)
		moves := 0
		spy.beforeWrite = func() {
			moves++
			for id := range int64(2) {
				if _, err := patch(t.Context(), t, db, id+1, fmt.Sprintf(`{"n":%d}`, moves)); err != nil {
					t.Error(err)
				}
			}
		}
		row, err := patch(t.Context(), t, db, 1, `{"meta":{"b":2}}`)
		if err != nil || !strings.Contains(string(row.JSON), `"meta":{"a":1,"b":2}`) {
			t.Errorf("a small patch: %s, %v", row.JSON, err)
		}
		if moves != mergeTries+1 {
			t.Errorf("it was tried %d times, want %d", moves, mergeTries+1)
		}
		var refused *errs.Error
		if _, err = patch(t.Context(), t, db, 2, `{"meta":{"b":2}}`); !errors.As(err, &refused) || refused.Kind != errs.Unavailable || refused.RetryAfter == 0 {
			t.Errorf("a patch of a large value: %v, want unavailable with Retry-After", err)
		}
	})
}

// Many clients patch one large value at once. All are served.
func TestManyPatchOneLargeValue(t *testing.T) {
	onBoth(t, documents, func(t *testing.T, db *DB, _ *watched) {
		must(t, db, nobody, "docs", `{"id":1,"meta":`+manyMembers("a", 10_000)+`}`)
		const clients, each = 12, 5
		var group sync.WaitGroup
		for c := range clients {
			group.Go(func() {
				for i := range each {
					if _, err := patch(context.Background(), t, db, 1, fmt.Sprintf(`{"meta":{"c%d_%d":1}}`, c, i)); err != nil {
						t.Errorf("client %d: %v", c, err)
					}
					if c%4 == 0 { // another kind of write of the same row
						if _, err := patch(context.Background(), t, db, 1, fmt.Sprintf(`{"n":%d}`, i)); err != nil {
							t.Errorf("client %d: %v", c, err)
						}
					}
				}
			})
		}
		group.Wait()
		row, err := db.Get(context.Background(), nobody, db.rules.Model.Table("docs"), value.OfInt(1), Selection{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for c := range clients {
			for i := range each {
				if !strings.Contains(string(row.JSON), fmt.Sprintf(`"c%d_%d":1`, c, i)) {
					t.Errorf("patch %d of client %d is lost", i, c)
				}
			}
		}
		if len(db.merging.byRow) != 0 {
			t.Errorf("%d turns are left", len(db.merging.byRow))
		}
	})
}

// A caller loses its right to read a field before the transaction begins. The patch is then not merged into the hidden
// value, although the row has not changed.
func TestOracle_AMaskThatFallsWhileAPatchIsMerged(t *testing.T) {
	onBoth(t, documents, func(t *testing.T, db *DB, spy *watched) {
		must(t, db, nobody, "teams", `{"id":1,"name":"open"}`)
		must(t, db, nobody, "docs", `{"id":1,"team_id":1,"seen":{"secret":1}}`)
		closed := false
		spy.beforeWrite = func() {
			if !closed {
				closed = true
				if _, err := db.Update(t.Context(), nobody, db.rules.Model.Table("teams"), value.OfInt(1), members(t, `{"name":"closed"}`), nil); err != nil {
					t.Error(err)
				}
			}
		}
		if _, err := patch(t.Context(), t, db, 1, `{"seen":{"mine":2}}`); err != nil {
			t.Fatal(err)
		}
		spy.beforeWrite = nil
		row, err := db.Get(t.Context(), system, db.rules.Model.Table("docs"), value.OfInt(1), Selection{}, nil)
		if err != nil || !strings.Contains(string(row.JSON), `"seen":{"mine":2}`) {
			t.Errorf("the row is %s, %v", row.JSON, err)
		}
	})
}

// A patch waits for its turn. Its wait ends with its context.
func TestAPatchThatWaitsEndsWithItsContext(t *testing.T) {
	onBoth(t, documents, func(t *testing.T, db *DB, spy *watched) {
		must(t, db, nobody, "docs", `{"id":1,"meta":{}}`)
		leave, err := db.merging.lock(t.Context(), db.tables[db.rules.Model.Table("docs")].lockOrder(value.OfInt(1)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		spy.forget()
		if _, err := patch(ctx, t, db, 1, `{"meta":{"a":1}}`); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a patch behind another: %v", err)
		}
		leave()
		if spy.writes.Load() != 0 || len(db.merging.byRow) != 0 {
			t.Errorf("%d transactions, %d turns are left", spy.writes.Load(), len(db.merging.byRow))
		}
		// The context ends between merging and the transaction.
		ctx, cancel = context.WithCancel(t.Context())
		spy.beforeWrite = cancel
		if _, err := patch(ctx, t, db, 1, `{"meta":{"a":1}}`); !errors.Is(err, context.Canceled) {
			t.Errorf("a patch whose context has ended: %v", err)
		}
	})
}
