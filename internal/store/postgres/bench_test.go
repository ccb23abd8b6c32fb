package postgres

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func openBench(b *testing.B, url string, cfg Config) *DB {
	b.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	db, err := Open(context.Background(), url, cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	err = db.Write(context.Background(), func(tx store.Tx) error {
		for _, sql := range []string{
			"CREATE TABLE posts (id bigint PRIMARY KEY, title text NOT NULL, stars bigint NOT NULL, at timestamptz NOT NULL, _rev bigint NOT NULL)",
			"INSERT INTO posts SELECT i, repeat('title ', 10), i, now(), i FROM generate_series(1, 10000) AS i",
		} {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

const (
	getPost   = "SELECT id, title, stars, at, _rev FROM posts WHERE id = $1::bigint"
	listPosts = "SELECT id, title, stars, at, _rev FROM posts WHERE id > $1::bigint ORDER BY id LIMIT 30"
)

// BenchmarkRead compares a read of the engine with a read of pgx alone.
func BenchmarkRead(b *testing.B) {
	url := pgtest.URL(b)
	db := openBench(b, url, Config{})
	raw, err := pgxpool.New(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	for _, q := range []struct{ name, sql string }{{"one", getPost}, {"list", listPosts}} {
		b.Run(q.name+"/engine", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				args := []value.Value{value.OfInt(77)}
				for pb.Next() {
					err := db.Read(context.Background(), func(r store.Reader) error {
						r.FinalStatement()
						return r.Query(q.sql, args, func(row value.Row) error {
							_, _, _ = row.Int(0), row.Bytes(1), row.Int(3)
							return nil
						})
					})
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
		b.Run(q.name+"/pgx", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					rows, err := raw.Query(context.Background(), q.sql, int64(77))
					if err != nil {
						b.Error(err)
					}
					var id, stars, rev int64
					var title string
					var at any
					_, err = pgx.ForEachRow(rows, []any{&id, &title, &stars, &at, &rev}, func() error { return nil })
					if err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkWriters has 32 writers insert into one table, by scripts and by functions: with its generation moved, with none
// to move, and with one row for all of them, as it must not be. The server syncs, as one that is in use does.
func BenchmarkWriters(b *testing.B) {
	c := pgtest.StartCluster(b, "fsync=on", "synchronous_commit=on", "full_page_writes=on")
	db := openBench(b, c.URL("postgres"), Config{Writers: 32})
	var next atomic.Int64
	next.Store(1_000_000)
	const insert = "INSERT INTO posts (id, title, stars, at, _rev) VALUES ($1, $2, $3, $4, $5)"
	const one = `INSERT INTO ashlar_generations ("table", stripe, generation) VALUES ('posts', -1, 1)
ON CONFLICT ("table", stripe) DO UPDATE SET generation = ashlar_generations.generation + 1`
	post := func(revision int64) []value.Value {
		id := next.Add(1)
		return []value.Value{value.OfInt(id), value.OfText("a title"), value.OfInt(1), value.OfTimestamp(id), value.OfInt(revision)}
	}
	function := func(way string) func(store.Tx) error {
		return func(tx store.Tx) error {
			if way == "one row" {
				if _, err := tx.Exec(one, nil); err != nil {
					return err
				}
			}
			revision, err := tx.Revision()
			if err != nil {
				return err
			}
			if way == "generations" {
				tx.MarkChanged("posts")
			}
			_, err = tx.Exec(insert, post(revision))
			return err
		}
	}
	script := func(way string) func(int64) (*store.Script, error) {
		return func(revision int64) (*store.Script, error) {
			s := &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: insert, Args: post(revision)}}}}
			if way == "generations" {
				s.Tables = []string{"posts"}
			}
			return s, nil
		}
	}
	for _, way := range []string{"script/generations", "script/none", "function/generations", "function/none", "function/one row"} {
		b.Run(way+"/32", func(b *testing.B) {
			by, way, _ := strings.Cut(way, "/")
			write := func() error { return db.Write(context.Background(), function(way)) }
			if by == "script" {
				write = func() error { return store.Run(context.Background(), db, script(way), function(way)) }
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if err := write(); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
