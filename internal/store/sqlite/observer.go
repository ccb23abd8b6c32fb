package sqlite

import (
	"slices"
	"strings"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// observer is an authorizer that allows only reads, and notes what a statement reads. SQLite asks it while it resolves
// names, before it leaves out what the result does not need.
type observer struct {
	exists        func(table string) (bool, error)
	read          []store.Column
	withoutColumn []string // tables of which no column is named, or names of WITH clauses: SQLite does not say which
	writes        bool     // the statement would do more than read
}

// Authorize implements lite.Authorizer.
func (o *observer) Authorize(a lite.Action) lite.AuthResult {
	switch a.Type() {
	case lite.OpSelect, lite.OpFunction, lite.OpRecursive:
	case lite.OpRead:
		if a.Database() == "" {
			o.withoutColumn = append(o.withoutColumn, a.Table())
		} else {
			o.read = append(o.read, store.Column{Table: a.Table(), Name: a.Column()})
		}
	default:
		o.writes = true
		return lite.AuthResultDeny // preparing a pragma may already run it
	}
	return lite.AuthResultOK
}

// columns returns what the statement reads, each column once. It leaves out table-valued functions, which read only their
// argument.
func (o *observer) columns() ([]store.Column, error) {
	all := o.read
	for _, name := range o.withoutColumn {
		name = strings.ToLower(name) // SQLite gives it as the query spells it, unlike the table of a column
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

// isInternal reports whether a name in lower case is one of SQLite's own tables, which the schema does not list.
func isInternal(name string) bool {
	return strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, "pragma_") || name == "dbstat" || name == "bytecode" || name == "tables_used"
}
