package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// busy is the model that servers write by while the tables change.
const busy = `
  teams: {key: int}
  posts:
    key: int
    fields:
      n: {type: text}
      u: {type: int, optional: true}
      r: {type: text, optional: true}
      team_id: {type: int, optional: true}
`

// busyRows are three batches of a conversion.
const busyRows = 2500

// TestPostgresBesideWriters changes tables while others insert, update and delete by the former model.
func TestPostgresBesideWriters(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	for _, tt := range []struct {
		name, new string
		breaks    bool // the writers fail once it is done
	}{
		{name: "conversion", new: strings.Replace(busy, "n: {type: text", "n: {type: int, index: true", 1), breaks: true},
		{name: "conversion and another name", new: strings.Replace(busy, "n: {type: text", "m: {type: int, was: n", 1), breaks: true},
		{name: "key", new: strings.Replace(busy, "  posts:\n    key: int", "  posts:\n    key: text", 1), breaks: true},
		{name: "unique and an index", new: strings.Replace(busy, "u: {type: int", "u: {type: int, unique: true", 1) + "    indexes: [[r, n]]\n"},
		{name: "reference", new: strings.Replace(busy, "team_id: {type: int", "team: {ref: teams", 1)},
		{name: "required, with a default", new: strings.Replace(busy, "r: {type: text, optional: true", `r: {type: text, default: "'given'"`, 1), breaks: true},
		{name: "a field more", new: busy + "      more: {type: text, default: \"'m'\"}\n      some: {type: int, optional: true, index: true}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pgtest.URL(t)
			db := openPostgres(t, url)
			mustApply(t, db, load(t, busy), migrate.Options{})
			storetest.Exec(t, db, `INSERT INTO "teams" ("id", "created_at", "updated_at", "_rev") SELECT i, now(), now(), 1 FROM generate_series(0, 9) AS i`,
				fmt.Sprintf(`INSERT INTO "posts" ("id", "n", "u", "r", "team_id", "created_at", "updated_at", "_rev") SELECT i, (i * 7)::text, i, NULL, i %% 10, now(), now(), 1 FROM generate_series(0, %d) AS i`, busyRows-1))
			crowd := startWriters(t, url, tt.breaks)
			crowd.wait(20)
			result, err := migrate.Apply(context.Background(), db, load(t, tt.new), anything)
			during := crowd.writes.Load()
			if !tt.breaks {
				crowd.wait(20)
			}
			crowd.stop()
			if err != nil || len(result.Applied) == 0 {
				t.Fatalf("Apply = %+v, %v", result, err)
			}
			if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
				t.Errorf("Verify = %s, %v", strings.Join(drift, "\n"), err)
			}
			t.Logf("%d writes before the end of the change", during)
			if diff := cmp.Diff(crowd.expected(strings.HasPrefix(tt.name, "required")), readBusy(t, db, strings.Contains(tt.name, "another name"))); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// readBusy reads the rows as text.
func readBusy(t *testing.T, db store.DB, renamed bool) (lines []string) {
	t.Helper()
	n := "n"
	if renamed {
		n = "m"
	}
	err := db.Read(context.Background(), func(reader store.Reader) error {
		lines = nil
		return reader.Query(`SELECT concat_ws(' ', "id", "`+n+`"::text, coalesce("u"::text, '-'), coalesce("r", '-'), coalesce("team_id"::text, '-')) FROM "posts"`, nil, func(row value.Row) error {
			lines = append(lines, string(row.Bytes(0)))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// busyRow is a row as its one writer knows it to be committed.
type busyRow struct {
	n, u, team int64
	r          string // "" for none
}

// writers are nodes that serve the former model. Each has the rows whose ids leave its own number as a remainder.
type writers struct {
	t      *testing.T
	breaks bool
	rows   []map[int64]busyRow
	writes atomic.Int64
	ended  chan struct{}
	all    sync.WaitGroup
}

const crowdSize = 4

func startWriters(t *testing.T, url string, breaks bool) *writers {
	c := &writers{t: t, breaks: breaks, ended: make(chan struct{}), rows: make([]map[int64]busyRow, crowdSize)}
	for i := range c.rows {
		c.rows[i] = map[int64]busyRow{}
		for id := int64(i); id < busyRows; id += crowdSize {
			c.rows[i][id] = busyRow{n: id * 7, u: id, team: id % 10}
		}
		db := openPostgres(t, url)
		r := rand.New(rand.NewPCG(1, uint64(i)))
		c.all.Go(func() { c.work(db, r, int64(i)) })
	}
	return c
}

// wait lets some writes happen.
func (c *writers) wait(writes int64) {
	until := c.writes.Load() + writes
	for deadline := time.Now().Add(30 * time.Second); c.writes.Load() < until && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
}

func (c *writers) stop() {
	close(c.ended)
	c.all.Wait()
}

func (c *writers) work(db store.DB, r *rand.Rand, i int64) {
	next := busyRows + i
	for {
		select {
		case <-c.ended:
			return
		default:
		}
		id := i + crowdSize*r.Int64N(busyRows/crowdSize)
		row, there := c.rows[i][id]
		if r.IntN(3) == 0 || !there {
			id, there = next, false
			next += crowdSize
			row = busyRow{u: id}
		}
		row.n, row.team = r.Int64N(1e6), r.Int64N(10)
		if row.r = ""; r.IntN(2) == 0 {
			row.r = fmt.Sprint("r", r.IntN(9))
		}
		gone := there && r.IntN(10) == 0
		err := c.write(db, id, row, there, gone)
		switch {
		case err == nil && gone:
			delete(c.rows[i], id)
		case err == nil:
			c.rows[i][id] = row
		case c.refusal(err):
			continue
		case c.breaks:
			return // the tables follow the new model
		default:
			c.t.Errorf("a write by the former model: %v", err)
			return
		}
		c.writes.Add(1)
	}
}

// refusal says of an error that nothing of the write was done, and that the next one may be.
func (c *writers) refusal(err error) bool {
	_, constraint := errors.AsType[*store.ConstraintError](err)
	return c.breaks && (constraint || errs.KindOf(err) == errs.Unavailable)
}

func (c *writers) write(db store.DB, id int64, row busyRow, there, gone bool) error {
	return db.Write(context.Background(), func(tx store.Tx) error {
		rev, err := tx.Revision()
		if err != nil {
			return err
		}
		val := value.OfText(row.r)
		if row.r == "" {
			val = value.Value{}
		}
		sql := `INSERT INTO "posts" ("n", "u", "r", "team_id", "_rev", "id", "created_at", "updated_at") VALUES ($1, $2, $3, $4, $5, $6, now(), now())`
		args := []value.Value{value.OfText(fmt.Sprint(row.n)), value.OfInt(row.u), val, value.OfInt(row.team), value.OfInt(rev), value.OfInt(id)}
		switch {
		case gone:
			sql, args = `DELETE FROM "posts" WHERE "id" = $1`, args[5:]
		case there:
			sql = `UPDATE "posts" SET "n" = $1, "u" = $2, "r" = $3, "team_id" = $4, "_rev" = $5 WHERE "id" = $6`
		}
		tx.MarkChanged("posts")
		changed, err := tx.Exec(sql, args)
		if err == nil && changed != 1 {
			return fmt.Errorf("%s of %d changed %d rows", sql, id, changed)
		}
		return err
	})
}

// expected are the rows as they were committed last; filled says that a missing r was given.
func (c *writers) expected(filled bool) (lines []string) {
	for _, rows := range c.rows {
		for id, row := range rows {
			r := row.r
			if r == "" {
				if r = "-"; filled {
					r = "given"
				}
			}
			lines = append(lines, fmt.Sprint(id, " ", row.n, " ", row.u, " ", r, " ", row.team))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestPostgresNodesStartTogether starts nodes with a new model at once: one of them migrates, and all serve.
func TestPostgresNodesStartTogether(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	url, journey := pgtest.URL(t), journeys()[0]
	journey.start(t, openPostgres(t, url))
	rules := load(t, journey.after)
	var applied atomic.Int64
	var all sync.WaitGroup
	for i := range 5 {
		db := openPostgres(t, url)
		all.Go(func() {
			result, err := migrate.Apply(context.Background(), db, rules, journey.options())
			if err != nil {
				t.Error(err)
			}
			if len(result.Applied) > 0 {
				applied.Add(1)
			}
			if err := tryInsert(db, rules.Model.Table("teams"), fmt.Sprintf(`{"id": "node %d", "name": "node %d", "code": "x"}`, i, i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := applied.Load(); n != 1 {
		t.Errorf("%d nodes changed the tables, want 1", n)
	}
}
