package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	createPosts = `CREATE TABLE posts (
	id TEXT PRIMARY KEY, revision INTEGER NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
	author_id TEXT NOT NULL, score REAL NOT NULL, views INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID`
	columns    = `id, revision, title, body, status, author_id, score, views, created_at, updated_at`
	insertPost = `INSERT INTO posts (` + columns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`
	selectPost = `SELECT ` + columns + ` FROM posts WHERE id = ?1`
	listPosts  = `SELECT ` + columns + ` FROM posts WHERE status = ?1 ORDER BY created_at DESC, id DESC LIMIT 30`
)

const benchRows = 20_000

func postID(i int) string { return fmt.Sprintf("0190a5c8-0000-7000-8000-%012d", i) }

func post(i int) []value.Value {
	return []value.Value{
		value.OfUUID(postID(i)), value.OfInt(int64(i)), value.OfText("A title of some length"), value.OfText(strings.Repeat("body ", 60)),
		value.OfText([]string{"open", "closed", "draft"}[i%3]), value.OfUUID(postID(i % 100)), value.OfFloat(float64(i) / 7),
		value.OfInt(int64(i)), value.OfTimestamp(int64(i) * 1e9), value.OfTimestamp(int64(i) * 1e9),
	}
}

func benchDB(b *testing.B, cfg Config) *DB {
	b.Helper()
	db := openTest(b, filepath.Join(b.TempDir(), "data.db"), cfg)
	write(b, db, createPosts,
		`CREATE INDEX posts_author ON posts (author_id, created_at, id)`,
		`CREATE INDEX posts_status ON posts (status, created_at, id)`)
	return db
}

func fill(b *testing.B, db *DB) {
	b.Helper()
	err := db.Write(b.Context(), func(tx store.Tx) error {
		for i := range benchRows {
			if _, err := tx.Exec(insertPost, post(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// appendPost appends what a JSON answer would hold of a row, without its punctuation.
func appendPost(buf []byte, row value.Row) []byte {
	for _, col := range []int{0, 2, 3, 4, 5} {
		buf = append(buf, row.Bytes(col)...)
	}
	for _, col := range []int{1, 7, 8, 9} {
		buf = append(buf, byte(row.Int(col)))
	}
	if row.Float(6) > 0 {
		buf = append(buf, '+')
	}
	return buf
}

func benchRead(b *testing.B, sql string, arg func(n int) value.Value, wantRows int) {
	db := benchDB(b, Config{})
	fill(b, db)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		buf := make([]byte, 0, 64<<10)
		args := make([]value.Value, 1)
		rows := 0
		appendRow := func(row value.Row) error { buf = appendPost(buf, row); rows++; return nil }
		read := func(r store.Reader) error { return r.Query(sql, args, appendRow) }
		for n := 0; pb.Next(); n++ {
			buf, rows = buf[:0], 0
			args[0] = arg(n)
			if err := db.Read(ctx, read); err != nil || rows != wantRows {
				b.Errorf("%d rows, %v", rows, err)
				return
			}
		}
	})
}

func BenchmarkReadByKey(b *testing.B) {
	ids := make([]value.Value, benchRows)
	for i := range ids {
		ids[i] = value.OfUUID(postID(i))
	}
	benchRead(b, selectPost, func(n int) value.Value { return ids[n*7919%benchRows] }, 1)
}

func BenchmarkReadList(b *testing.B) {
	benchRead(b, listPosts, func(int) value.Value { return value.OfText("open") }, 30)
}

func BenchmarkReadNothing(b *testing.B) {
	db := benchDB(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Read(b.Context(), func(store.Reader) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 32, 128} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchWrite(b, writers) })
	}
}

func benchWrite(b *testing.B, writers int) {
	db := benchDB(b, Config{})
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	b.SetParallelism((writers + 1) / 2) // times GOMAXPROCS
	if writers == 1 {
		for b.Loop() {
			createPost(b, db, int(next.Add(1)))
		}
		return
	}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			createPost(b, db, int(next.Add(1)))
		}
	})
}

// createPost does what a create does: an insert, a revision, a generation.
func createPost(b *testing.B, db *DB, i int) {
	err := db.Write(context.Background(), func(tx store.Tx) error {
		revision, err := tx.Revision()
		if err != nil {
			return err
		}
		args := post(i)
		args[1] = value.OfInt(revision)
		tx.MarkChanged("posts")
		_, err = tx.Exec(insertPost, args)
		return err
	})
	if err != nil {
		b.Error(err)
	}
}

// write runs statements in one transaction.
func write(t testing.TB, db *DB, statements ...string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
