package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// notes returns a table with a reference to itself and an index.
func notesTable() *model.Table {
	table := &model.Table{Name: "notes", Key: model.Int}
	table.AddField(&model.Field{Name: "id", Type: model.Int, System: true})
	table.AddField(&model.Field{Name: "n", Type: model.Int, Index: true})
	table.AddField(&model.Field{Name: "parent_id", RefName: "parent", Type: model.Int, Ref: table, Optional: true})
	model.FromTables("shadow", nil, []*model.Table{table})
	return table
}

// schemas returns the names of the schemas of a shadow.
func schemas(t *testing.T, url string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	names := ""
	if err := conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(nspname, ' '), '') FROM pg_namespace WHERE nspname LIKE 'ashlar%'`).Scan(&names); err != nil {
		t.Fatal(err)
	}
	return names
}

// A shadow has the rows and the indexes of its tables. It is dropped when it is closed, and what a killed process left is
// dropped by the next one.
func TestShadow(t *testing.T) {
	url := pgtest.URL(t)
	table := notesTable()
	db, err := Open(t.Context(), url, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Alter(t.Context(), func(s store.Session) error {
		for _, sql := range append(sqlgen.Create(sqlgen.Postgres, &model.Model{Tables: []*model.Table{table}}), `INSERT INTO notes (id, n, _rev) SELECT i, i % 7, i FROM generate_series(1, 500) AS i`) {
			if _, err := s.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, url, `CREATE SCHEMA ashlar_advise; CREATE TABLE ashlar_advise.left_behind ()`)

	shadow, err := OpenShadow(t.Context(), url, Config{Readers: 1, Writers: 1}, []*model.Table{table})
	if err != nil {
		t.Fatal(err)
	}
	rows := int64(0)
	err = shadow.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT count(*) FROM notes WHERE n = 3`, nil, func(row value.Row) error { rows = row.Int(0); return nil })
	})
	if err != nil || rows != 72 {
		t.Errorf("the shadow has %d rows of 72 (%v)", rows, err)
	}
	if size, err := shadow.IndexSize(t.Context(), sqlgen.Indexes(table)[0].Name); err != nil || size == 0 {
		t.Errorf("the index of the shadow has %d bytes (%v)", size, err)
	}
	if _, err := OpenShadow(t.Context(), url, Config{}, nil); errs.KindOf(err) != errs.Conflict {
		t.Errorf("a second shadow at the same time = %v, want a conflict", err)
	}
	if size, err := shadow.IndexSize(t.Context(), sqlgen.Indexes(table)[0].Name); err != nil || size == 0 {
		t.Errorf("beside a second one that was refused, the index of the shadow has %d bytes (%v)", size, err)
	}
	if err := shadow.Close(); err != nil {
		t.Error(err)
	}
	for range 10 { // one after another, without a pause
		next, err := OpenShadow(t.Context(), url, Config{Readers: 1, Writers: 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := schemas(t, url); left != "" {
		t.Errorf("the schema %s is left", left)
	}
}

// A user who may not make a schema is told what to grant.
func TestShadowNeedsASchema(t *testing.T) {
	url := pgtest.URL(t)
	role := nameOf(t, url) + "_reader"
	exec(t, url, `CREATE ROLE `+role)
	defer exec(t, url, `DROP ROLE `+role)
	_, err := OpenShadow(t.Context(), url+"&options=-c%20role%3D"+role, Config{Readers: 1, Writers: 1}, nil)
	if err == nil || !strings.Contains(err.Error(), "grant it CREATE on the database") {
		t.Errorf("OpenShadow() = %v, want advice", err)
	}
}

// nameOf returns the name of the database of an address.
func nameOf(t *testing.T, address string) string {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	return config.Database
}

// An error in the middle leaves no schema.
func TestShadowOfAMissingTable(t *testing.T) {
	url := pgtest.URL(t)
	_, err := OpenShadow(t.Context(), url, Config{Readers: 1, Writers: 1}, []*model.Table{notesTable()})
	if err == nil || !strings.Contains(err.Error(), "notes") {
		t.Errorf("OpenShadow() = %v, want an error about notes", err)
	}
	if left := schemas(t, url); left != "" {
		t.Errorf("the schema %s is left", left)
	}
}
