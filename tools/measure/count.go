package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

const (
	maxFunction = 45 // lines
	maxFile     = 450
)

// counts are what is counted in some files.
type counts struct {
	lines, trailing          int // comments behind code
	sentences, clauses, long int
	thoseOf                  int
	identifiers, shortUses   int // each time that one stands in the code
	names, shortNames        int // declared names, without receivers
	arrows, mutual, backward int
	ors, mixed               int // ||, and those with an && as an operand
	functions, longFunctions int
	files, longFiles         int
}

func (c *counts) add(other counts) {
	for i, field := range c.fields() {
		*field += *other.fields()[i]
	}
}

func (c *counts) fields() []*int {
	return []*int{
		&c.lines, &c.trailing, &c.sentences, &c.clauses, &c.long, &c.thoseOf, &c.identifiers, &c.shortUses, &c.names, &c.shortNames,
		&c.arrows, &c.mutual, &c.backward, &c.ors, &c.mixed, &c.functions, &c.longFunctions, &c.files, &c.longFiles,
	}
}

// total counts in all packages.
func total(fset *token.FileSet, pkgs []*pkg, tests bool) counts {
	var sum counts
	for _, p := range pkgs {
		sum.add(count(fset, p, tests))
	}
	return sum
}

// count counts in one package.
func count(fset *token.FileSet, p *pkg, tests bool) counts {
	var sum counts
	for _, f := range p.files {
		if tests || !f.test {
			sum.add(countComments(fset, f))
			sum.add(countNames(p, f))
			sum.add(countCode(fset, f))
		}
	}
	uses := arrows(p, tests)
	sum.arrows, sum.mutual = countArrows(uses)
	sum.backward = fewestBackward(uses)
	return sum
}

func countComments(fset *token.FileSet, f *file) counts {
	found := counts{thoseOf: len(thoseOf.FindAll(f.text, -1))}
	for _, group := range f.syntax.Comments {
		if trails(fset, f, group) {
			found.trailing++
		}
		for _, s := range sentences(group) {
			found.sentences++
			found.clauses += s.clauses()
			if len(s.words) > maxWords {
				found.long++
			}
		}
	}
	return found
}

// trails says whether a comment stands behind code on its line.
func trails(fset *token.FileSet, f *file, group *ast.CommentGroup) bool {
	start := fset.Position(group.Pos()).Offset
	line := f.text[bytes.LastIndexByte(f.text[:start], '\n')+1 : start]
	return len(bytes.TrimSpace(line)) > 0
}

func countNames(p *pkg, f *file) counts {
	var found counts
	for id := range identifiers(f) {
		if id.Name == "_" {
			continue
		}
		short := 0
		if len(id.Name) == 1 {
			short = 1
		}
		found.identifiers++
		found.shortUses += short
		if declares(p.Defs[id]) {
			found.names++
			found.shortNames += short
		}
	}
	return found
}

// declares says whether an object counts among the declared names. Receivers and packages do not.
func declares(object types.Object) bool {
	switch object := object.(type) {
	case nil, *types.PkgName:
		return false
	case *types.Var:
		return object.Kind() != types.RecvVar
	}
	return true
}

func countCode(fset *token.FileSet, f *file) counts {
	found := counts{files: 1, lines: fset.File(f.syntax.Pos()).LineCount()}
	if found.lines > maxFile {
		found.longFiles++
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			found.functions++
			if functionLines(fset, node) > maxFunction {
				found.longFunctions++
			}
		case *ast.BinaryExpr:
			if node.Op == token.LOR {
				found.ors++
			}
			if mixes(node) {
				found.mixed++
			}
		}
		return true
	})
	return found
}

func functionLines(fset *token.FileSet, function *ast.FuncDecl) int {
	return fset.Position(function.End()).Line - fset.Position(function.Pos()).Line + 1
}

// mixes says whether an || has an && as an operand, without parentheses.
func mixes(expr *ast.BinaryExpr) bool {
	return expr.Op == token.LOR && (isAnd(expr.X) || isAnd(expr.Y))
}

func isAnd(expr ast.Expr) bool {
	binary, ok := expr.(*ast.BinaryExpr)
	return ok && binary.Op == token.LAND
}

// A fault is one place to mend.
type fault struct {
	pos  token.Pos
	text string
}

// faults returns the places of a file that -lint reports. None of them needs judgement.
func faults(fset *token.FileSet, f *file) []fault {
	var found []fault
	for _, group := range f.syntax.Comments {
		for _, s := range sentences(group) {
			if len(s.words) > maxWords {
				found = append(found, fault{s.pos, fmt.Sprintf("comment with a sentence of %d words: make two of it, at most %d words each", len(s.words), maxWords)})
			}
		}
		for _, phrase := range thoseOf.FindAllString(group.Text(), -1) {
			found = append(found, fault{group.Pos(), fmt.Sprintf("comment with %q: name the thing again", phrase)})
		}
	}
	ast.Inspect(f.syntax, func(node ast.Node) bool {
		if expr, ok := node.(*ast.BinaryExpr); ok && mixes(expr) {
			found = append(found, fault{expr.OpPos, "|| and && without parentheses: add them, or name a part"})
		}
		return true
	})
	return found
}
