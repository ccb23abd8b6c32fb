package main

import (
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
)

// check finds out what the identifiers of the packages refer to. It needs neither a network nor a build: packages from
// elsewhere are empty, except for the generic ones of the standard library. Type errors are therefore expected and ignored.
func check(fset *token.FileSet, pkgs []*pkg) {
	c := &checker{fset: fset, byDir: map[string]*pkg{}, checked: map[string]*types.Package{}}
	c.std = importer.ForCompiler(fset, "source", nil)
	for _, p := range pkgs {
		c.byDir[p.dir] = p
	}
	for _, p := range pkgs {
		c.check(p)
	}
}

type checker struct {
	fset    *token.FileSet
	byDir   map[string]*pkg
	checked map[string]*types.Package // by folder
	std     types.Importer
}

// generic are packages whose functions return types of their caller.
var generic = wordSet("cmp iter maps slices sync sync/atomic")

// Import implements types.Importer.
func (c *checker) Import(name string) (*types.Package, error) {
	if generic[name] {
		return c.std.Import(name)
	}
	for dir := name; dir != ""; _, dir, _ = strings.Cut(dir, "/") { // the path without its module is the folder
		if p := c.byDir[dir]; p != nil {
			return c.check(p), nil
		}
	}
	empty := types.NewPackage(name, path.Base(name))
	empty.MarkComplete()
	return empty, nil
}

// check checks each package once: first the package with its tests, then the tests in a package of their own.
func (c *checker) check(p *pkg) *types.Package {
	if done := c.checked[p.dir]; done != nil {
		return done
	}
	p.Uses, p.Defs = map[*ast.Ident]types.Object{}, map[*ast.Ident]types.Object{}
	c.checked[p.dir] = types.NewPackage(p.dir, path.Base(p.dir)) // for the time of the check: imports of tests form circles
	byName := map[string][]*ast.File{}
	for _, f := range p.files {
		byName[f.syntax.Name.Name] = append(byName[f.syntax.Name.Name], f.syntax)
	}
	for i, name := range slices.Sorted(maps.Keys(byName)) { // x comes before x_test
		cfg := types.Config{Importer: c, Error: func(error) {}, DisableUnusedImportCheck: true}
		done, _ := cfg.Check(p.dir, c.fset, byName[name], &p.Info)
		if i == 0 {
			c.checked[p.dir] = done
		}
	}
	return c.checked[p.dir]
}
