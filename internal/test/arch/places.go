package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sqlHomes are the packages that may contain SQL. Some write SQL for others; some own system tables and keep each statement
// as a constant beside its one caller. record is not a home of SQL, because it runs statements of sqlgen.
var sqlHomes = [...]string{"sqlgen", "store/sqlite", "store/postgres", "system", "migrate", "migrate/plan", "migrate/sqlite", "migrate/postgres", "audit", "identity/account", "telemetry/archive", "telemetry/fleet", "limit/pgledger", "backup/schedule", "job", "job/clock", "job/start", "feed", "webhook/delivery", "web/tlscert"}

var sqlText = regexp.MustCompile(`^\s*(SELECT\s|INSERT (OR \w+ )?INTO\s|UPDATE\s+\S+\s+SET\s|DELETE FROM\s|WITH\s+\S+\s+AS\s|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)\s|PRAGMA\s)`)

// strayedSQL finds string literals that begin like a statement, in packages that are no home of SQL.
func strayedSQL(p *pkg) []finding {
	if slices.Contains(sqlHomes[:], p.internal()) || isHelper(p.internal()) {
		return nil
	}
	var found []finding
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			lit, ok := node.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(lit.Value); err == nil && sqlText.MatchString(text) {
				found = append(found, finding{lit.Pos(), "SQL outside of " + strings.Join(sqlHomes[:], ", ") + ": a statement about rows is made by sqlgen"})
			}
			return true
		})
	}
	return found
}

// openers are the functions of os that open a file by name.
var openers = [...]string{"Open", "OpenFile", "OpenInRoot", "OpenRoot", "Create", "ReadFile", "WriteFile"}

// opensFiles finds calls that open a file without SQLite. When a process closes any descriptor of a database file, the
// process loses all its POSIX locks on that file, including SQLite's. Two kinds of call are fine. A call with O_EXCL makes
// a new file, without locks on it yet. The lock of the data folder is opened in source files named lock*.go.
func opensFiles(p *pkg) []finding {
	var found []finding
	for _, file := range p.files {
		if strings.HasPrefix(file.name, "lock") {
			continue
		}
		var exclusive ast.Expr // function of the last call with O_EXCL
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.CallExpr: // Inspect visits it before its function
				if len(node.Args) == 3 && mentions(node.Args[1], "O_EXCL") {
					exclusive = node.Fun
				}
			case *ast.SelectorExpr:
				if isOpener(node) && node != exclusive {
					found = append(found, finding{node.Pos(), "os." + node.Sel.Name + ": nothing but SQLite opens a database file"})
				}
			}
			return true
		})
	}
	return found
}

func isOpener(selector *ast.SelectorExpr) bool {
	pkg, ok := selector.X.(*ast.Ident)
	return ok && pkg.Name == "os" && slices.Contains(openers[:], selector.Sel.Name)
}

func mentions(expr ast.Expr, name string) bool {
	found := false
	ast.Inspect(expr, func(node ast.Node) bool {
		if id, ok := node.(*ast.Ident); ok && id.Name == name {
			found = true
		}
		return !found
	})
	return found
}

// addressHomes are the packages that may read RemoteAddr. All others ask web for the address of the client, so that the log, the
// limits and the audit log name the same one.
var addressHomes = [...]string{"web", "web/netconn", "web/proxyproto"}

// readsRemoteAddr finds uses of RemoteAddr in other packages.
func readsRemoteAddr(p *pkg) []finding {
	if slices.Contains(addressHomes[:], p.internal()) || isHelper(p.internal()) {
		return nil
	}
	var found []finding
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			if selector, ok := node.(*ast.SelectorExpr); ok && selector.Sel.Name == "RemoteAddr" {
				found = append(found, finding{selector.Pos(), "RemoteAddr: use web.ClientAddress, or the address in web.Caller"})
			}
			return true
		})
	}
	return found
}
