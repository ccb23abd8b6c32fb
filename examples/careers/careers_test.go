// Package careers_test checks the example by itself: that the model is right, and that the seed fits it. The README's tour
// is run against the served example elsewhere.
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
	m, faults := load.Dir(".")
	if len(faults) > 0 {
		t.Fatalf("the model has faults:\n%v", faults)
	}
	return m
}

func TestModel(t *testing.T) {
	if _, faults := rule.CompileModel(loadModel(t)); len(faults) > 0 {
		t.Fatalf("the model has faults:\n%v", faults)
	}
}

// seed is the rows of one file, each with its members as written.
type seed map[string][]map[string]json.RawMessage

func readSeed(t *testing.T) seed {
	t.Helper()
	paths, err := filepath.Glob("seed/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no seed files (%v)", err)
	}
	s := seed{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]json.RawMessage
		if err := json.Unmarshal(data, &rows); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		s[strings.TrimSuffix(filepath.Base(path), ".json")] = rows
	}
	return s
}

func TestSeedFitsTheModel(t *testing.T) {
	m := loadModel(t)
	for name, rows := range readSeed(t) {
		table := m.Table(name)
		if table == nil {
			t.Errorf("seed/%s.json is for no table of the model", name)
			continue
		}
		for i, r := range rows {
			checkRow(t, table, i, r)
		}
	}
}

func checkRow(t *testing.T, table *model.Table, i int, r map[string]json.RawMessage) {
	t.Helper()
	for name, raw := range r {
		f := table.Field(name)
		if f == nil {
			t.Errorf("%s %d: the table has no field %s", table.Name, i, name)
			continue
		}
		if _, faults := value.ParseJSON(f, []byte(raw), "/"+name); len(faults) > 0 {
			t.Errorf("%s %d: %v", table.Name, i, faults)
		}
	}
	for _, f := range table.Fields {
		if !f.System && !f.Optional && f.Default == nil && r[f.Name] == nil {
			t.Errorf("%s %d: %s is missing", table.Name, i, f.Name)
		}
	}
}

// What the seed refers to is in the seed, and no unique value or combination comes twice.
func TestSeedHangsTogether(t *testing.T) {
	m, s := loadModel(t), readSeed(t)
	for name, rows := range s {
		table := m.Table(name)
		for _, f := range table.Fields {
			if f.Unique || f == table.ID() {
				checkUnique(t, table, rows, []*model.Field{f})
			}
			if f.Ref != nil {
				checkReferences(t, f, rows, s[f.Ref.Name])
			}
		}
		for _, fields := range table.Unique {
			checkUnique(t, table, rows, fields)
		}
	}
}

func checkReferences(t *testing.T, f *model.Field, rows, targets []map[string]json.RawMessage) {
	t.Helper()
	ids := map[string]bool{}
	for _, r := range targets {
		ids[string(r["id"])] = true
	}
	for i, r := range rows {
		if to, given := r[f.Name]; given && !ids[string(to)] {
			t.Errorf("%s %d: %s refers to %s, which is not in the seed", f.Table.Name, i, f.Name, to)
		}
	}
}

func checkUnique(t *testing.T, table *model.Table, rows []map[string]json.RawMessage, fields []*model.Field) {
	t.Helper()
	seen := map[string]int{}
	for i, r := range rows {
		var key []string
		for _, f := range fields {
			key = append(key, string(r[f.Name]))
		}
		k := strings.Join(key, " ")
		if first, twice := seen[k]; twice && strings.TrimSpace(k) != "" {
			t.Errorf("%s: rows %d and %d have the same %s: %s", table.Name, first, i, fields[0].Name, k)
		}
		seen[k] = i
	}
}
