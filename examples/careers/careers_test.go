// Package careers_test tests the example: its model, its seed, and the commands and answers in the README and the tour.
package careers_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func loadModel(t *testing.T) *model.Model {
	t.Helper()
	app, faults := load.Dir(".")
	if len(faults) > 0 {
		t.Fatalf("the model has faults:\n%v", faults)
	}
	return app
}

func TestModel(t *testing.T) {
	if _, faults := rule.CompileModel(loadModel(t)); len(faults) > 0 {
		t.Fatalf("the model has faults:\n%v", faults)
	}
}

// A seed holds the rows of all files of the seed folder, by table.
type seed map[string][]map[string]json.RawMessage

func readSeed(t *testing.T) seed {
	t.Helper()
	paths, err := filepath.Glob("seed/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seed files (%v)", err)
	}
	read := seed{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]json.RawMessage
		if err := json.Unmarshal(data, &rows); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		read[strings.TrimSuffix(filepath.Base(path), ".json")] = rows
	}
	return read
}

func TestSeedFitsTheModel(t *testing.T) {
	app := loadModel(t)
	for name, rows := range readSeed(t) {
		table := app.Table(name)
		if table == nil {
			t.Errorf("seed/%s.json is for no table of the model", name)
			continue
		}
		for i, r := range rows {
			checkRow(t, table, i, r)
		}
	}
}

func checkRow(t *testing.T, table *model.Table, i int, row map[string]json.RawMessage) {
	t.Helper()
	for name, raw := range row {
		field := table.Field(name)
		if field == nil {
			t.Errorf("%s %d: the table has no field %s", table.Name, i, name)
			continue
		}
		if _, faults := value.ParseJSON(field, []byte(raw), "/"+name); len(faults) > 0 {
			t.Errorf("%s %d: %v", table.Name, i, faults)
		}
	}
	for _, field := range table.Fields {
		if !field.System && !field.Optional && field.Default == nil && row[field.Name] == nil {
			t.Errorf("%s %d: %s is missing", table.Name, i, field.Name)
		}
	}
}

// Every referenced row is in the seed, and no unique value or combination appears twice.
func TestSeedHangsTogether(t *testing.T) {
	app, seed := loadModel(t), readSeed(t)
	for name, rows := range seed {
		table := app.Table(name)
		for _, field := range table.Fields {
			if field.Unique || field == table.ID() {
				checkUnique(t, table, rows, []*model.Field{field})
			}
			if field.Ref != nil {
				checkReferences(t, field, rows, seed[field.Ref.Name])
			}
		}
		for _, fields := range table.Unique {
			checkUnique(t, table, rows, fields)
		}
	}
}

func checkReferences(t *testing.T, field *model.Field, rows, targets []map[string]json.RawMessage) {
	t.Helper()
	ids := map[string]bool{}
	for _, r := range targets {
		ids[string(r["id"])] = true
	}
	for i, row := range rows {
		if to, given := row[field.Name]; given && !ids[string(to)] {
			t.Errorf("%s %d: %s refers to %s, which is not in the seed", field.Table.Name, i, field.Name, to)
		}
	}
}

func checkUnique(t *testing.T, table *model.Table, rows []map[string]json.RawMessage, fields []*model.Field) {
	t.Helper()
	seen := map[string]int{}
	for i, row := range rows {
		var key []string
		for _, f := range fields {
			key = append(key, string(row[f.Name]))
		}
		joined := strings.Join(key, " ")
		if first, twice := seen[joined]; twice && strings.TrimSpace(joined) != "" {
			t.Errorf("%s: rows %d and %d have the same %s: %s", table.Name, first, i, fields[0].Name, joined)
		}
		seen[joined] = i
	}
}
