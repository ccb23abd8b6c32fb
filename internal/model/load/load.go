// Package load reads a model from the files of an app.
//
// An app has a main file, ashlar.yaml, and may have more tables in tables/*.yaml. The package reads them in three steps:
//
//   - parse turns the YAML of a file into nodes with positions (yaml.go).
//   - readApp, declareTables and declareViews take the declarations from the nodes (app.go, table.go, view.go).
//   - build makes the model of all declarations (build.go).
//
// The loader collects the faults of all steps, each with its line and column (loader.go).
package load

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	tableDir = "tables"
	maxFile  = 1 << 20 // bytes of one file
	maxFiles = 1000
)

// Dir reads the model of the app in a folder and returns it with all its faults. A model with faults is as complete
// as possible, so that its expressions can be checked too. It is nil if a file could not be read: expressions would
// miss its declarations.
func Dir(dir string) (*model.Model, model.Faults) {
	files := make(map[string][]byte)
	l := newLoader()
	for _, name := range l.fileNames(dir) {
		if data, ok := l.readFile(dir, name); ok {
			files[name] = data
		}
	}
	return l.load(files)
}

// Files is Dir for files in memory. Their names are relative to the app's folder: ashlar.yaml, tables/posts.yaml.
func Files(files map[string][]byte) (*model.Model, model.Faults) {
	return newLoader().loadAll(files)
}

// loadAll is load for files in memory.
func (l *loader) loadAll(files map[string][]byte) (*model.Model, model.Faults) {
	if _, ok := files[model.MainFile]; !ok {
		l.missingMain("")
	}
	return l.load(files)
}

// load makes the model of its files.
func (l *loader) load(files map[string][]byte) (*model.Model, model.Faults) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		l.loadFile(file, files[file])
	}
	l.build()
	if l.missing {
		return nil, l.faults.Sort()
	}
	return l.model, l.faults.Sort()
}

func (l *loader) loadFile(file string, data []byte) {
	if len(data) > maxFile {
		l.unreadable(file, "the file has more than %d bytes: move tables to files of their own in %s/", maxFile, tableDir)
		return
	}
	source := l.addFile(file, data)
	if !l.readable(file, source) {
		l.missing = true
		return
	}
	root := l.parse(file, source)
	switch {
	case root == nil:
		l.missing = true
	case file == model.MainFile:
		l.readApp(root)
	default:
		l.declareTables(l.unwrap(root))
	}
}

// unwrap returns the tables of a file in tables/. It reports a file with the tables under a key.
func (l *loader) unwrap(root *node) *node {
	inner := root.get("tables")
	if len(root.members) != 1 || inner == nil || inner.kind != object {
		return root
	}
	isTableKey := func(key member) bool { return slices.Contains(tableKeys(), key.name) }
	if slices.ContainsFunc(inner.members, isTableKey) {
		return root // a table named tables
	}
	l.fault(root.members[0].pos, "a file in %s/ lists its tables at the left margin: remove the line `tables:` and the indentation", tableDir)
	return inner
}

// fileNames returns the names of the model's files, the main file first.
func (l *loader) fileNames(dir string) []string {
	names := []string{model.MainFile}
	entries, err := os.ReadDir(filepath.Join(dir, tableDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.unreadable(tableDir, "cannot read the folder: %v", withoutPath(err))
	}
	for _, entry := range entries {
		file := tableDir + "/" + entry.Name()
		switch filepath.Ext(file) {
		case ".yaml":
			names = append(names, file)
		case ".yml":
			l.unreadable(file, "only files named .yaml are read: rename it to %s.yaml", strings.TrimSuffix(file, ".yml"))
		}
	}
	if len(names) > maxFiles {
		l.unreadable(tableDir, "there are %d model files, but at most %d are allowed", len(names), maxFiles)
		return names[:1]
	}
	return names
}

func (l *loader) readFile(dir, name string) ([]byte, bool) {
	data, err := readRegular(filepath.Join(dir, filepath.FromSlash(name)))
	switch {
	case name == model.MainFile && errors.Is(err, fs.ErrNotExist):
		l.missingMain(dir)
	case err != nil:
		l.unreadable(name, "cannot read the file: %v", withoutPath(err))
	default:
		return data, true
	}
	return nil, false
}

// readRegular reads a file. It refuses a pipe or a device: it may never end.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFile+1))
}

// withoutPath removes the path from an error of package os, since the fault names the file.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// missingMain reports a folder without a main file. dir is "" for files in memory.
func (l *loader) missingMain(dir string) {
	if dir == "" {
		l.unreadable(model.MainFile, "there is no model file: create it, or name the folder that holds it")
		return
	}
	advice := "create it, or name the folder that holds it"
	if _, err := os.Stat(filepath.Join(dir, "ashlar.yml")); err == nil {
		advice = "rename ashlar.yml to ashlar.yaml"
	}
	l.unreadable(model.MainFile, "there is no model file in %s: %s", dir, advice)
}
