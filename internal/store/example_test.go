package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A write is tried as a script. If the engine refuses the script, a function finds out why.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "store-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	var db store.DB
	db, err = sqlite.Open(ctx, filepath.Join(folder, "example.db"), sqlite.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(ctx, createBooks); err != nil {
		log.Fatal(err)
	}

	for _, title := range []string{"Emma", "Ulysses", "Emma"} {
		fmt.Println(title+":", addBook(ctx, db, title))
	}
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query("SELECT title FROM books ORDER BY title", nil, func(row value.Row) error {
			fmt.Printf("- %s\n", row.Bytes(0))
			return nil
		})
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// Emma: <nil>
	// Ulysses: <nil>
	// Emma: another book has this title
	// - Emma
	// - Ulysses
}

func createBooks(tx store.Tx) error {
	_, err := tx.Exec("CREATE TABLE books (title TEXT PRIMARY KEY, revision INTEGER NOT NULL)", nil)
	return err
}

func addBook(ctx context.Context, db store.DB, title string) error {
	insert := func(revision int64) store.Statement {
		return store.Statement{
			SQL:  "INSERT INTO books (title, revision) VALUES (?1, ?2)",
			Args: []value.Value{value.OfText(title), value.OfInt(revision)},
		}
	}
	script := func(revision int64) (*store.Script, error) {
		return &store.Script{Steps: []store.Step{{Statement: insert(revision)}}, Tables: []string{"books"}}, nil
	}
	return store.Run(ctx, db, script, func(tx store.Tx) error {
		tx.MarkChanged("books")
		revision, err := tx.Revision()
		if err != nil {
			return err
		}
		s := insert(revision)
		_, err = tx.Exec(s.SQL, s.Args)
		if refusal, ok := errors.AsType[*store.ConstraintError](err); ok && refusal.Constraint == store.Unique {
			return errors.New("another book has this title")
		}
		return err
	})
}
