package arch

import (
	"go/ast"
	"go/token"
)

// A finding is one breach of a rule.
type finding struct {
	pos  token.Pos
	text string
}

// inits returns the package's init functions. An import of the package would run them unasked.
func inits(p *pkg) []finding {
	var found []finding
	for _, file := range p.files {
		for _, d := range file.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, finding{fn.Pos(), "func init: let the caller construct what it needs"})
			}
		}
	}
	return found
}

// globals finds assignments to package-level variables, and package-level variables of a mutable type. It works on syntax:
// it misses changes through pointers and methods.
func globals(p *pkg) []finding {
	vars := map[string]*ast.ValueSpec{}
	var found []finding
	for _, file := range p.files {
		for _, spec := range packageVars(file.syntax) {
			for _, name := range spec.Names {
				vars[name.Name] = spec
			}
			if t := mutableType(spec); t != "" {
				found = append(found, finding{spec.Pos(), "a package-level " + t + ": make it a field of what it guards"})
			}
		}
	}
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
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
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, s := range gen.Specs {
			specs = append(specs, s.(*ast.ValueSpec))
		}
	}
	return specs
}

// mutableType returns the name of the declared type if its only use is to change: a lock, an atomic, a concurrent map.
// Otherwise it returns "". sync.Pool and sync.Once are fine, because callers cannot observe their state.
func mutableType(spec *ast.ValueSpec) string {
	sel, ok := spec.Type.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	name := pkg.Name + "." + sel.Sel.Name
	if pkg.Name == "atomic" || name == "sync.Mutex" || name == "sync.RWMutex" || name == "sync.Map" {
		return name
	}
	return ""
}

// assigned returns the targets of a statement's assignments.
func assigned(node ast.Node) []ast.Expr {
	switch node := node.(type) {
	case *ast.AssignStmt:
		if node.Tok != token.DEFINE {
			return node.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{node.X}
	case *ast.RangeStmt:
		if node.Tok == token.ASSIGN {
			return []ast.Expr{node.Key, node.Value}
		}
	}
	return nil
}

// root returns the first identifier of an assignable expression, such as x of x.f[i].
func root(expr ast.Expr) *ast.Ident {
	for {
		switch outer := expr.(type) {
		case *ast.Ident:
			return outer
		case *ast.SelectorExpr:
			expr = outer.X
		case *ast.IndexExpr:
			expr = outer.X
		case *ast.ParenExpr:
			expr = outer.X
		case *ast.StarExpr:
			expr = outer.X
		default:
			return nil
		}
	}
}

// isGlobal returns true if an identifier in a function means one of the package's variables. The parser resolves it to
// their declaration in the same file, and leaves it open if the declaration is in another file.
func isGlobal(id *ast.Ident, vars map[string]*ast.ValueSpec) bool {
	spec, ok := vars[id.Name]
	return ok && id.Name != "_" && (id.Obj == nil || id.Obj.Decl == spec)
}
