package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sizes checks that each table has its size and the size of its indexes, and that the whole is the size of the database.
func sizes(t *testing.T, f *fixture) {
	f.exec(`CREATE TABLE sized (id bigint PRIMARY KEY, body text NOT NULL)`)
	err := f.db.Alter(t.Context(), func(s store.Session) error {
		_, err := s.Exec(`CREATE INDEX sized_body ON sized (body)`, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sizeOf := func() (size store.TableSize, whole store.Sizes) {
		whole, err := f.db.Sizes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(whole.Tables, func(s store.TableSize) bool { return s.Table == "sized" })
		if at < 0 {
			t.Fatalf("the table is not among %v", whole.Tables)
		}
		return whole.Tables[at], whole
	}
	before, _ := sizeOf()
	const rows, length = 500, 1000
	f.write(func(tx store.Tx) error {
		for id := range int64(rows) {
			body := strings.Repeat("x", length-8) + string(rune('a'+id%26))
			if _, err := tx.Exec(`INSERT INTO sized (id, body) VALUES ($1, $2)`, []value.Value{value.OfInt(id), value.OfText(body)}); err != nil {
				return err
			}
		}
		return nil
	})
	after, whole := sizeOf()
	if grown := after.Rows - before.Rows; grown < rows*length || grown > 2*rows*length {
		t.Errorf("%d rows of %d bytes take %d bytes", rows, length, grown)
	}
	if after.Indexes <= before.Indexes {
		t.Errorf("the indexes had %d bytes, and now have %d", before.Indexes, after.Indexes)
	}
	if stats := f.db.Stats(); stats.Size > 0 && (whole.Total() < stats.Size*9/10 || whole.Total() > stats.Size*11/10) {
		t.Errorf("all sizes are %d bytes together, and the database has %d", whole.Total(), stats.Size)
	}
}
