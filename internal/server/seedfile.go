package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const seedFolder = "seed"

// Seed is one file of rows for a new database.
type Seed struct {
	Table *model.Table
	name  string // relative to the app's folder, for faults: seed/posts.json
	path  string
}

// FindSeeds lists the seed of the app in dir in the order in which it is loaded: a table after those that it refers to.
// A file that would not be loaded is a SeedFaults.
func FindSeeds(dir string, m *model.Model) ([]Seed, error) {
	entries, err := os.ReadDir(filepath.Join(dir, seedFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the seed: %w", err)
	}
	found := map[*model.Table]Seed{}
	var faults SeedFaults
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // what desktops and editors leave behind
		}
		s := Seed{name: seedFolder + "/" + e.Name(), path: filepath.Join(dir, seedFolder, e.Name())}
		fault := ""
		if s.Table, fault = seedTable(m, e); fault == "" && found[s.Table].path != "" {
			fault = "the same table as " + found[s.Table].name + ": keep one of the two"
		}
		if fault != "" {
			faults = append(faults, s.name+": "+fault)
			continue
		}
		found[s.Table] = s
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return inOrder(m, found), nil
}

// seedTable returns the table that a file is for, or what is wrong with its name.
func seedTable(m *model.Model, e fs.DirEntry) (t *model.Table, fault string) {
	if e.IsDir() {
		return nil, "this is a folder: seed holds <table>.json and <table>.ndjson"
	}
	ext := filepath.Ext(e.Name())
	if ext != ".json" && ext != ".ndjson" {
		return nil, "this would not be loaded: seed holds <table>.json and <table>.ndjson"
	}
	name := strings.TrimSuffix(e.Name(), ext)
	if t = m.Table(name); t != nil && t.View != nil {
		return nil, name + " is a view: its rows are those of its query"
	}
	if t == nil {
		return nil, "the model has no table " + name + suggest.DidYouMean(name, tableNames(m))
	}
	return t, ""
}

func tableNames(m *model.Model) []string {
	var names []string
	for _, t := range m.Tables {
		names = append(names, t.Name)
	}
	return names
}

// inOrder sorts files so that a row comes after those that it refers to. Where references form a circle, the required
// ones come first; a row then has to leave out what is loaded after it.
func inOrder(m *model.Model, found map[*model.Table]Seed) []Seed {
	var waiting []*model.Table
	for _, t := range m.Tables {
		if _, ok := found[t]; ok {
			waiting = append(waiting, t)
		}
	}
	var ordered []Seed
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(t *model.Table) bool { return !refersTo(t, waiting, true) })
		if next < 0 {
			next = slices.IndexFunc(waiting, func(t *model.Table) bool { return !refersTo(t, waiting, false) })
		}
		next = max(next, 0)
		ordered = append(ordered, found[waiting[next]])
		waiting = slices.Delete(waiting, next, next+1)
	}
	return ordered
}

// refersTo says whether a table has a reference to another of the tables, where optional ones count or not.
func refersTo(t *model.Table, tables []*model.Table, optional bool) bool {
	return slices.ContainsFunc(t.Fields, func(f *model.Field) bool {
		return f.Ref != nil && f.Ref != t && (optional || !f.Optional) && slices.Contains(tables, f.Ref)
	})
}
