package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A file is one parsed Go file.
type file struct {
	path   string // from the root, with slashes
	test   bool   // serves tests only
	text   []byte
	syntax *ast.File
}

// A pkg is the Go files of one folder, and what their identifiers refer to.
type pkg struct {
	dir   string
	files []*file
	types.Info
}

// load parses and type-checks every Go file under root. It leaves out generated files, and the folders of skipped.
func load(fset *token.FileSet, root string) ([]*pkg, error) {
	byDir := map[string]*pkg{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && skipped(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		f, err := parse(fset, root, name)
		if err != nil || ast.IsGenerated(f.syntax) {
			return err
		}
		dir := path.Dir(f.path)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{dir: dir}
		}
		byDir[dir].files = append(byDir[dir].files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var pkgs []*pkg
	for _, p := range byDir {
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	check(fset, pkgs)
	return pkgs, nil
}

// skipped reports whether a folder holds nothing that people of the project write: a hidden folder, test data, packages from
// elsewhere, or the output of a tool.
func skipped(folder string) bool {
	return strings.HasPrefix(folder, ".") || slices.Contains([]string{"testdata", "vendor", "node_modules", "out"}, folder)
}

func parse(fset *token.FileSet, root, name string) (*file, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	rel = filepath.ToSlash(rel)
	syntax, err := parser.ParseFile(fset, rel, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{path: rel, test: isTest(rel), text: text, syntax: syntax}, nil
}

// isTest says whether a file serves tests only: by its own name, or as part of a folder for tests.
func isTest(rel string) bool {
	if strings.HasSuffix(rel, "_test.go") {
		return true
	}
	return slices.ContainsFunc(strings.Split(path.Dir(rel), "/"), func(folder string) bool { return strings.HasSuffix(folder, "test") })
}
