package view

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tables are read by the views in testdata.
const tables = `
ashlar: 1
name: views
tables:
  posts:
    key: int
    fields:
      title:  {type: text, max: 100}
      price:  {type: decimal, precision: 8, scale: 2, optional: true}
      stars:  {type: int, optional: true}
      score:  {type: float, optional: true}
      shared: {type: bool, default: false}
      at:     {type: timestamp, optional: true}
      day:    {type: date, optional: true}
      ref:    {type: uuid, optional: true}
      state:  {type: enum, values: [open, done], default: open}
      meta:   {type: json, optional: true}
      pin:    {type: text, secret: true, optional: true}
      author: {ref: users, optional: true}
  tags:
    key: text
    fields: {post: {ref: posts}}
`

// TestFaults compares the faults of each archive's views with its files "sqlite" and "postgres".
func TestFaults(t *testing.T) {
	archives, err := filepath.Glob("testdata/faults/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("archives = %v, %v", archives, err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { checkFaults(t, file) })
	}
}

func checkFaults(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m := modeltest.Model(t, tables+string(a.Files[0].Data))
	want := map[string]string{}
	for _, f := range a.Files[1:] {
		want[f.Name] = string(f.Data)
	}
	a.Files = a.Files[:1]
	for _, engine := range engines(t, m) {
		got := faultsOf(t, m, engine) + "\n"
		a.Files = append(a.Files, txtar.File{Name: engine.Name, Data: []byte(got)})
		if diff := cmp.Diff(want[engine.Name], got); diff != "" && !*update {
			t.Errorf("%s: faults differ (-want +got):\n%s", engine.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func faultsOf(t *testing.T, m *model.Model, engine Engine) string {
	t.Helper()
	faults, err := Check(m, engine)
	if err != nil {
		t.Fatalf("Check for %s: %v", engine.Title, err)
	}
	return append(faults, Missing(m, engine)...).Sort().Error()
}

// engines returns the engines that can describe queries, with PostgreSQL if it is installed.
func engines(t testing.TB, m *model.Model) []Engine {
	t.Helper()
	s, err := sqlite.OpenScratch(sqlgen.Create(sqlgen.SQLite, m))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if !pgtest.Available() {
		return []Engine{SQLite(s.Describe)}
	}
	db := openPostgres(t, m)
	return []Engine{SQLite(s.Describe), Postgres(func(query string) (store.Description, error) { return db.Describe(context.Background(), query) })}
}

func openPostgres(t testing.TB, m *model.Model) store.DB {
	t.Helper()
	db := modeltest.Postgres(postgres.Config{}).Empty(t)
	modeltest.Migrate(t, db, modeltest.Compile(t, m))
	return db
}
