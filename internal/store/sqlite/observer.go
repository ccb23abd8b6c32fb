package sqlite

import (
	"slices"
	"strings"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// observer is an authorizer that allows reading alone, and notes what a statement would read. SQLite asks it while it resolves
// names, before it leaves out what the result does not need.
type observer struct {
	exists func(table string) (bool, error)
	read   []store.Column
	vague  []string // tables of which no column is named, or the names of the statement's own WITH: SQLite does not say which
	writes bool     // it would do something else than read
}

// Authorize implements lite.Authorizer.
func (o *observer) Authorize(a lite.Action) lite.AuthResult {
	switch a.Type() {
	case lite.OpSelect, lite.OpFunction, lite.OpRecursive:
	case lite.OpRead:
		if a.Database() == "" {
			o.vague = append(o.vague, a.Table())
		} else {
			o.read = append(o.read, store.Column{Table: a.Table(), Name: a.Column()})
		}
	default:
		o.writes = true
		return lite.AuthResultDeny // some pragmas do what they do when they are prepared
	}
	return lite.AuthResultOK
}

// columns are what was read, each once, without the functions that are tables and read their argument alone.
func (o *observer) columns() ([]store.Column, error) {
	all := o.read
	for _, name := range o.vague {
		name = strings.ToLower(name) // it is as the query has it, where names of columns come with that of the table
		table, err := o.exists(name)
		if err != nil {
			return nil, err
		}
		if table || isInternal(name) {
			all = append(all, store.Column{Table: name})
		}
	}
	all = slices.DeleteFunc(all, func(c store.Column) bool { return isFunction(c.Table) })
	slices.SortFunc(all, func(a, b store.Column) int {
		return strings.Compare(a.Table+"."+a.Name, b.Table+"."+b.Name)
	})
	return slices.CompactFunc(all, func(a, b store.Column) bool { return a.Table == b.Table && a.Name == b.Name }), nil
}

func isFunction(table string) bool {
	return strings.EqualFold(table, "json_each") || strings.EqualFold(table, "json_tree")
}

// isInternal says whether a name in lower case is one of SQLite's own tables, which the schema does not list.
func isInternal(name string) bool {
	return strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "pragma_") || name == "dbstat" || name == "bytecode" || name == "tables_used"
}
