package arch

import (
	"go/ast"
	"go/token"
)

// finding is one breach of a rule and its place.
type finding struct {
	pos  token.Pos
	text string
}

// inits returns the package's init functions: what they do happens to whoever imports it, unasked.
func inits(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, finding{fn.Pos(), "func init: let the caller construct what it needs"})
			}
		}
	}
	return found
}

// globals returns where the package changes a package-level variable, or declares one that can only be there to change.
// It works on syntax, so a change through a pointer or a method escapes it; an assignment does not.
func globals(p *pkg) []finding {
	vars := map[string]*ast.ValueSpec{}
	var found []finding
	for _, f := range p.files {
		for _, spec := range packageVars(f.syntax) {
			for _, name := range spec.Names {
				vars[name.Name] = spec
			}
			if t := mutableType(spec); t != "" {
				found = append(found, finding{spec.Pos(), "a package-level " + t + ": make it a field of what it guards"})
			}
		}
	}
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			for _, target := range assigned(node) {
				if id := root(target); id != nil && isGlobal(id, vars) {
					found = append(found, finding{id.Pos(), "a function changes the package-level variable " + id.Name + ": make it a field"})
				}
			}
			return true
		})
	}
	return found
}

func packageVars(file *ast.File) []*ast.ValueSpec {
	var specs []*ast.ValueSpec
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, s := range gen.Specs {
			specs = append(specs, s.(*ast.ValueSpec))
		}
	}
	return specs
}

// mutableType returns the name of a declared type that has no use but to change: a lock, an atomic, a concurrent map.
// sync.Pool and sync.Once stay: they hold nothing that a caller can tell.
func mutableType(spec *ast.ValueSpec) string {
	sel, ok := spec.Type.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	of, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name := of.Name + "." + sel.Sel.Name
	if of.Name == "atomic" || name == "sync.Mutex" || name == "sync.RWMutex" || name == "sync.Map" {
		return name
	}
	return ""
}

// assigned returns what a statement assigns to.
func assigned(node ast.Node) []ast.Expr {
	switch n := node.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	}
	return nil
}

// root returns the variable that an assignable expression starts from: x in x.f[i].
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isGlobal says whether a name used in a function is one of the package's variables: the parser resolves it to their
// declaration, or leaves it open where that stands in another file.
func isGlobal(id *ast.Ident, vars map[string]*ast.ValueSpec) bool {
	spec, ok := vars[id.Name]
	return ok && id.Name != "_" && (id.Obj == nil || id.Obj.Decl == spec)
}
