// Package system declares the tables that Ashlar keeps for itself in the database of every app.
//
// A package with such tables contributes a Fragment. Package migrate creates, changes and verifies the tables of all
// fragments with the code for the tables of the app, and package move copies them alike.
package system

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// prefix begins the name of every system table. No table of an app may have it.
const prefix = "ashlar_"

// A Fragment declares the system tables of one package. They may refer to the table users of an app. Each call returns
// new values.
type Fragment func(app *model.Model) []*model.Table

// Model assembles the tables of this package and of the fragments, for the database of an app. No table has an access
// rule, so that package record opens it for caller.System only.
func Model(app *model.Model, fragments ...Fragment) *model.Model {
	m := &model.Model{Name: "ashlar"}
	for _, fragment := range append([]Fragment{tables}, fragments...) {
		for _, table := range fragment(app) {
			if !strings.HasPrefix(table.Name, prefix) || m.Table(table.Name) != nil {
				panic("system: a system table needs a name of its own that begins with " + prefix + ", not " + table.Name)
			}
			m.Add(table)
		}
	}
	return m
}

// tables is the fragment of this package.
func tables(*model.Model) []*model.Table {
	return []*model.Table{NewTable(MetaTable, model.Text, Text("value"))}
}

// NewTable returns a table with the fields of every table, and the given ones between them.
func NewTable(name string, key model.Type, fields ...*model.Field) *model.Table {
	table := &model.Table{Name: name, Key: key}
	table.AddField(&model.Field{Name: "id", Type: key, System: true, Immutable: true})
	for _, field := range fields {
		table.AddField(field)
	}
	table.AddField(&model.Field{Name: "created_at", Type: model.Timestamp, System: true, Immutable: true})
	table.AddField(&model.Field{Name: "updated_at", Type: model.Timestamp, System: true})
	return table
}

// Whole returns one model of the system tables and the tables of an app. The model shares the tables with both.
func Whole(own, app *model.Model) *model.Model {
	m := &model.Model{Name: app.Name, Version: app.Version, Roles: app.Roles, Lines: app.Lines}
	for _, table := range slices.Concat(own.Tables, app.Tables) {
		m.Add(table)
	}
	return m
}

// KeepUnknown returns own with the tables of stored that own does not have. A later release may have made them, and
// an earlier one must not drop them. Their references lead to the tables of own and of app.
func KeepUnknown(own, stored, app *model.Model) *model.Model {
	m := &model.Model{Name: own.Name}
	for _, table := range own.Tables {
		m.Add(table)
	}
	for _, table := range stored.Tables {
		if m.Table(table.Name) == nil {
			m.Add(table)
		}
	}
	if len(m.Tables) == len(own.Tables) {
		return own
	}
	return Beside(m, app)
}

// Beside returns system tables whose references lead to the tables of an app. own may have been made for another model
// of that app.
func Beside(own, app *model.Model) *model.Model {
	m, err := snapshot.DecodeBeside(snapshot.Encode(own), app)
	if err != nil {
		panic("system: " + err.Error()) // every app has users
	}
	return m
}

// Querier asks the database: a store.Reader, a store.Tx or a store.Session.
type Querier interface {
	Query(sql string, args []value.Value, row func(value.Row) error) error
	Dialect() sqlgen.Dialect
}

// HasTable reports whether the database has a table of that name.
func HasTable(querier Querier, name string) (bool, error) {
	return hasRow(querier, querier.Dialect().HasTable(), value.OfText(name))
}

// TableNames returns the names of all tables of the database, sorted.
func TableNames(querier Querier) (names []string, err error) {
	err = querier.Query(querier.Dialect().Tables(), nil, func(row value.Row) error {
		names = append(names, string(row.Bytes(0)))
		return nil
	})
	slices.Sort(names)
	return names, err
}

func hasRow(querier Querier, sql string, args ...value.Value) (found bool, err error) {
	err = querier.Query(sql, args, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// number returns the number in the only row of a query.
func number(querier Querier, sql string) (n int64, err error) {
	err = querier.Query(sql, nil, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
