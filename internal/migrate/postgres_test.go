package migrate

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func openPostgres(t *testing.T, url string) store.DB {
	t.Helper()
	db, err := postgres.Open(context.Background(), url, postgres.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

const after = `
  teams: {key: int, fields: {name: {type: text, unique: true}}}
  posts:
    key: int
    fields:
      title: {type: text}
      rank: {type: int, index: true}
      team: {ref: teams, optional: true, on_delete: clear}
      state: {type: enum, values: [open, done], optional: true}
  comments:
    key: int
    fields: {post: {ref: posts, on_delete: cascade}, reply: {ref: comments, optional: true}}
`

// shape is every column, index, constraint and trigger of the model's tables.
func shape(t *testing.T, db store.DB) (all []string) {
	t.Helper()
	const sql = `SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable) AS x FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE 'ashlar%'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'ashlar%'
UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
ORDER BY 1`
	err := db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(sql, nil, func(row value.Row) error {
			all = append(all, string(row.Bytes(0)))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPostgresSameAsCreated(t *testing.T) {
	grown, made := openPostgres(t, pgtest.URL(t)), openPostgres(t, pgtest.URL(t))
	apply1(t, grown, model(t, before))
	write(t, grown, `INSERT INTO posts (id, title, rank, created_at, updated_at, _rev) VALUES (1, 'a', 1, now(), now(), 1)`)
	if got := apply1(t, grown, model(t, after)); len(got.Applied) == 0 {
		t.Errorf("Apply = %+v, want changes", got)
	}
	if got := apply1(t, grown, model(t, after)); got.Created || got.Applied != nil {
		t.Errorf("the second Apply = %+v, want nothing", got)
	}
	apply1(t, made, model(t, after))
	if diff := cmp.Diff(shape(t, made), shape(t, grown)); diff != "" {
		t.Errorf("tables that grew differ from those that were made (-made +grown):\n%s", diff)
	}
}

func TestPostgresRefusesContradictions(t *testing.T) {
	db := openPostgres(t, pgtest.URL(t))
	apply1(t, db, model(t, before))
	write(t, db, `INSERT INTO teams (id, name, created_at, updated_at, _rev) VALUES (1, 'x', now(), now(), 1), (2, 'x', now(), now(), 2)`)
	was := shape(t, db)
	_, err := Apply(context.Background(), db, model(t, after))
	if _, ok := errors.AsType[schema.Faults](err); !ok {
		t.Errorf("Apply = %v, want faults", err)
	}
	if diff := cmp.Diff(was, shape(t, db)); diff != "" {
		t.Errorf("a refused change left something (-was +is):\n%s", diff)
	}
}

// Nodes that start together make the tables once.
func TestPostgresNodesTogether(t *testing.T) {
	url := pgtest.URL(t)
	m := model(t, after)
	var mu sync.Mutex
	created := 0
	var wg sync.WaitGroup
	for range 5 {
		db := openPostgres(t, url)
		wg.Go(func() {
			result, err := Apply(context.Background(), db, m)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if result.Created {
				created++
			}
		})
	}
	wg.Wait()
	if created != 1 {
		t.Errorf("%d nodes made the tables, want 1", created)
	}
}
