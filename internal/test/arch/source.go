package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A pkg is the source of one package without its tests.
type pkg struct {
	dir   string // relative to the module, with slashes: internal/store/sqlite
	files []*file
}

type file struct {
	name    string // its base name
	syntax  *ast.File
	imports []string
}

// internal returns the package's name under internal, or "" for a package elsewhere.
func (p *pkg) internal() string {
	name, ok := strings.CutPrefix(p.dir, "internal/")
	if !ok {
		return ""
	}
	return name
}

// load parses all packages of the module at root, sorted by folder. It skips folders with a go.mod of their own.
func load(fset *token.FileSet, root string) ([]*pkg, error) {
	byDir := map[string]*pkg{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(root, path, entry.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		return add(fset, byDir, root, path)
	})
	if err != nil {
		return nil, err
	}
	pkgs := make([]*pkg, 0, len(byDir))
	for _, p := range byDir {
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	return pkgs, nil
}

// enter returns fs.SkipDir for folders of no package of the module, by the rules of the go command.
func enter(root, path, name string) error {
	if path == root {
		return nil
	}
	if name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func add(fset *token.FileSet, byDir map[string]*pkg, root, path string) error {
	syntax, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	f := &file{name: filepath.Base(path), syntax: syntax}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", fset.Position(spec.Pos()), err)
		}
		f.imports = append(f.imports, imported)
	}
	dir, err := filepath.Rel(root, filepath.Dir(path))
	if err != nil {
		return err
	}
	dir = filepath.ToSlash(dir)
	if byDir[dir] == nil {
		byDir[dir] = &pkg{dir: dir}
	}
	byDir[dir].files = append(byDir[dir].files, f)
	return nil
}
