package seed

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

const folder = "seed"

// A File holds rows for one table of a new database.
type File struct {
	Table *model.Table
	name  string // for faults, relative to the app's folder: seed/posts.json
	path  string
}

// Find returns the seed of the app in dir in loading order: a table comes after the tables it refers to. If a file cannot
// belong to a seed, the error is Faults.
func Find(dir string, m *model.Model) ([]File, error) {
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the seed: %w", err)
	}
	found := map[*model.Table]File{}
	var faults Faults
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue // a file of a desktop or an editor
		}
		file := File{name: folder + "/" + entry.Name(), path: filepath.Join(dir, folder, entry.Name())}
		fault := ""
		if file.Table, fault = tableOf(m, entry); fault == "" && found[file.Table].path != "" {
			fault = "the same table as " + found[file.Table].name + ": keep one of the two"
		}
		if fault != "" {
			faults = append(faults, file.name+": "+fault)
			continue
		}
		found[file.Table] = file
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return inOrder(m, found), nil
}

// tableOf returns the table of a file, or the fault of the file's name.
func tableOf(m *model.Model, entry fs.DirEntry) (table *model.Table, fault string) {
	if entry.IsDir() {
		return nil, "this is a folder: seed holds <table>.json and <table>.ndjson"
	}
	ext := filepath.Ext(entry.Name())
	if ext != ".json" && ext != ".ndjson" {
		return nil, "this would not be loaded: seed holds <table>.json and <table>.ndjson"
	}
	name := strings.TrimSuffix(entry.Name(), ext)
	if table = m.Table(name); table != nil && table.View != nil {
		return nil, name + " is a view: its rows come from its query"
	}
	if table == nil {
		return nil, "the model has no table " + name + suggest.DidYouMean(name, tableNames(m))
	}
	return table, ""
}

func tableNames(m *model.Model) []string {
	var names []string
	for _, table := range m.Tables {
		names = append(names, table.Name)
	}
	return names
}

// inOrder sorts files: a table comes after the tables it refers to. If references form a circle, required ones decide the
// order. A row must then leave out optional references to later tables.
func inOrder(m *model.Model, found map[*model.Table]File) []File {
	var waiting []*model.Table
	for _, table := range m.Tables {
		if _, ok := found[table]; ok {
			waiting = append(waiting, table)
		}
	}
	var ordered []File
	for len(waiting) > 0 {
		next := slices.IndexFunc(waiting, func(table *model.Table) bool { return !refersTo(table, waiting, true) })
		if next < 0 {
			next = slices.IndexFunc(waiting, func(table *model.Table) bool { return !refersTo(table, waiting, false) })
		}
		next = max(next, 0)
		ordered = append(ordered, found[waiting[next]])
		waiting = slices.Delete(waiting, next, next+1)
	}
	return ordered
}

// refersTo returns true if table refers to another of the tables. Optional references count only if optional is set.
func refersTo(table *model.Table, tables []*model.Table, optional bool) bool {
	return slices.ContainsFunc(table.Fields, func(field *model.Field) bool {
		return field.Ref != nil && field.Ref != table && (optional || !field.Optional) && slices.Contains(tables, field.Ref)
	})
}
