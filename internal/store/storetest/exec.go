package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// Exec runs statements in one transaction of their own.
func Exec(t testing.TB, db store.DB, statements ...string) {
	t.Helper()
	err := db.Write(context.Background(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return fmt.Errorf("%s: %w", sql, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
