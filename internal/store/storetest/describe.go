package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
)

func describes(t *testing.T, f *fixture) {
	described, err := f.db.Describe(t.Context(), `SELECT id, body AS text FROM notes`)
	if err != nil {
		t.Fatal(err)
	}
	if len(described.Columns) != 2 || described.Columns[0].Name != "id" || described.Columns[1].Name != "text" {
		t.Errorf("the columns of the query = %v, want id and text", described.Columns)
	}
	readsBody := slices.ContainsFunc(described.Reads, func(c store.Column) bool { return c.Table == "notes" && c.Name == "body" })
	if !readsBody {
		t.Errorf("the query reads %v, want notes.body among it", described.Reads)
	}
	_, err = f.db.Describe(t.Context(), `SELECT nothing FROM notes`)
	if _, wrong := errors.AsType[*store.QueryError](err); !wrong {
		t.Errorf("a query with an unknown column = %v, want a *store.QueryError", err)
	}
}

// unsupported checks that an engine which does not sweep or copy says so.
func unsupported(t *testing.T, f *fixture) {
	if !f.db.Sweeps() {
		err := f.db.Sweep(t.Context(), func(store.Tx) error { t.Error("the function of a sweep ran"); return nil })
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Sweep() = %v", err)
		}
	}
	if !f.db.Copies() {
		if err := f.db.Copy(t.Context(), t.TempDir()+"/copy.db"); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Copy() = %v", err)
		}
	}
}
