package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sqlHomes are the packages whose work is SQL, and those that keep what they know in system tables, each statement a
// constant beside its one caller. record is not among them: the door to rows runs what sqlgen made.
var sqlHomes = [...]string{"sqlgen", "store/sqlite", "store/postgres", "system", "migrate"}

var sqlText = regexp.MustCompile(`^\s*(SELECT\s|INSERT (OR \w+ )?INTO\s|UPDATE\s+\S+\s+SET\s|DELETE FROM\s|WITH\s+\S+\s+AS\s|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)\s|PRAGMA\s)`)

// strayedSQL returns the string literals that begin as a statement does, in a package that is no home of SQL.
func strayedSQL(p *pkg) []finding {
	if slices.Contains(sqlHomes[:], p.internal()) || isHelper(p.internal()) {
		return nil
	}
	var found []finding
	for _, f := range p.files {
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			lit, ok := node.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && sqlText.MatchString(s) {
				found = append(found, finding{lit.Pos(), "SQL outside of " + strings.Join(sqlHomes[:], ", ") + ": a statement about rows is made by sqlgen"})
			}
			return true
		})
	}
	return found
}

// openers are the functions of os that open a file by name.
var openers = [...]string{"Open", "OpenFile", "OpenInRoot", "OpenRoot", "Create", "ReadFile", "WriteFile"}

// opensFiles returns where the package opens a file other than by its driver. Closing any descriptor of a database file drops all
// POSIX locks that this process holds on it, those of SQLite too. Two things are spared: a file that is made by the call itself
// (O_EXCL), since nobody holds a lock on it yet, and the lock of the data folder, in a file of source named lock*.go.
func opensFiles(p *pkg) []finding {
	var found []finding
	for _, f := range p.files {
		if strings.HasPrefix(f.name, "lock") {
			continue
		}
		var makes ast.Expr
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.CallExpr: // comes before the function that it names
				if len(n.Args) == 3 && mentions(n.Args[1], "O_EXCL") {
					makes = n.Fun
				}
			case *ast.SelectorExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "os" && n != makes && slices.Contains(openers[:], n.Sel.Name) {
					found = append(found, finding{n.Pos(), "os." + n.Sel.Name + ": nothing but SQLite opens a database file"})
				}
			}
			return true
		})
	}
	return found
}

func mentions(e ast.Expr, name string) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Name == name
		return !found
	})
	return found
}
