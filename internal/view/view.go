// Package view checks the queries of a model's views: each must return the declared fields, and read only the
// declared tables.
package view

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/portable"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Engine is the target of a query.
type Engine struct {
	Name     string // name in a model: sqlite
	Title    string // SQLite
	Query    func(*model.View) *model.Expr
	Describe func(query string) (store.Description, error) // a *store.QueryError is a fault of the query
}

// SQLite is the embedded engine; describe describes a query on it.
func SQLite(describe func(string) (store.Description, error)) Engine {
	return Engine{"sqlite", "SQLite", func(view *model.View) *model.Expr { return view.SQLite }, describe}
}

// Postgres is the same for PostgreSQL.
func Postgres(describe func(string) (store.Description, error)) Engine {
	return Engine{"postgres", "PostgreSQL", func(view *model.View) *model.Expr { return view.Postgres }, describe}
}

// Check describes the query of each view on the engine and returns its faults. It skips a view without a query for
// the engine: see Missing.
func Check(m *model.Model, engine Engine) (model.Faults, error) {
	c := &checker{m: m, engine: engine}
	for _, table := range m.Views {
		if err := c.view(table); err != nil {
			return nil, err
		}
	}
	return c.faults.Sort(), nil
}

// Missing returns a fault for each view without a query for the engine.
func Missing(m *model.Model, engine Engine) model.Faults {
	var faults model.Faults
	for _, table := range m.Views {
		if engine.Query(table.View) == nil {
			faults = append(faults, m.Fault(table.Pos, "the view %s has no query for %s: give it one as `query: {%s: …}`", table.Name, engine.Title, engine.Name))
		}
	}
	return faults.Sort()
}

type checker struct {
	m      *model.Model
	engine Engine
	faults model.Faults
}

func (c *checker) fault(at model.Pos, format string, args ...any) {
	c.faults = append(c.faults, c.m.Fault(at, format, args...))
}

func (c *checker) view(table *model.Table) error {
	query := c.engine.Query(table.View)
	if query == nil {
		return nil
	}
	d, err := c.engine.Describe(query.Text)
	if e, ok := errors.AsType[*store.QueryError](err); ok {
		c.fault(query.At(max(e.Offset, 0)), "%s", withAdvice(table.View, e))
		return nil
	}
	if err != nil {
		return err
	}
	for _, what := range d.Refused {
		c.fault(query.Pos, "the query of %s uses %s", table.Name, what)
	}
	wrong := c.columns(table, query, d.Columns)
	c.reads(table, query, d.Reads)
	if c.engine.Name == "sqlite" && table.View.SQLite == table.View.Postgres && len(d.Refused) == 0 {
		c.portable(table, query, wrong)
	}
	return nil
}

const twoQueries = " (where the engines need different queries: query: {sqlite: …, postgres: …})"

// portable reports the places where one text has two meanings on the engines. SQLite has already reported the fields
// in wrong.
func (c *checker) portable(table *model.Table, query *model.Expr, wrong []*model.Field) {
	for _, problem := range portable.Check(c.m, table) {
		if problem.Field == nil || !slices.Contains(wrong, problem.Field) {
			c.fault(query.At(problem.Offset), "%s%s", problem.Message, twoQueries)
		}
	}
}

// withAdvice returns the message of an error, with advice if one text is for both engines and only one refuses it.
func withAdvice(view *model.View, err *store.QueryError) string {
	if view.SQLite != view.Postgres || !err.Refused {
		return err.Message
	}
	return err.Message + twoQueries
}

// columns compares the columns of the query with the fields, and returns the fields of another type.
func (c *checker) columns(table *model.Table, query *model.Expr, columns []store.Column) (wrong []*model.Field) {
	var names, strange []string
	for _, column := range columns {
		names = append(names, column.Name)
		if field := table.Field(column.Name); field != nil {
			if !c.column(field, query, column) {
				wrong = append(wrong, field)
			}
		} else {
			strange = append(strange, strconv.Quote(column.Name))
		}
	}
	if len(strange) > 0 {
		c.fault(query.Pos, "the query returns what is no field of %s: %s; name a column with AS, or declare a field", table.Name, errs.Clip(strings.Join(strange, ", "), 200))
	}
	for _, field := range table.Fields {
		if !slices.Contains(names, field.Name) {
			c.fault(field.Pos, "the query does not return %s: it returns %s", field.Name, errs.Clip(strings.Join(names, ", "), 200))
		}
	}
	return wrong
}

// column reports whether a column can be read as the field, as far as the engine knows its type.
func (c *checker) column(field *model.Field, query *model.Expr, column store.Column) bool {
	if column.Type == "" || field.Type == model.Invalid || slices.Contains(column.Holds, value.KindOf(field)) {
		return true
	}
	at := field.Pos
	if field.System { // id has its type at the view
		at = query.Pos
	}
	c.fault(at, "%s is declared as %s, and its query returns %s in %s: declare another type, or convert it there%s",
		field.Name, field.Type, column.Type, c.engine.Title, castHint(field.Type))
	return false
}

// castHint proposes a conversion for both engines.
func castHint(typ model.Type) string {
	switch typ {
	case model.Int:
		return ", as CAST(… AS bigint)"
	case model.Float:
		return ", as CAST(… AS double precision)"
	case model.Text, model.Enum:
		return ", as CAST(… AS text)"
	}
	return ""
}

// reads compares the tables that the query reads with the declared ones.
func (c *checker) reads(target *model.Table, query *model.Expr, reads []store.Column) {
	var read []*model.Table
	for _, r := range reads {
		table := c.m.Table(r.Table)
		if table == nil || table.View != nil {
			c.addOnce(query.Pos, "the query of %s reads %s, which is no table of the model", target.Name, r.Table)
			continue
		}
		if !slices.Contains(read, table) {
			read = append(read, table)
		}
		if field := table.Field(r.Name); field != nil && field.Secret {
			c.fault(query.Pos, "the query of %s reads %s.%s, which is secret: nobody reads it", target.Name, table.Name, field.Name)
		}
	}
	declared := func(table *model.Table) bool {
		return slices.ContainsFunc(target.View.Reads, func(r model.Read) bool { return r.Table == table })
	}
	for _, table := range read {
		if !declared(table) {
			c.fault(query.Pos, "the query of %s reads %s: name it in reads, so that results are not kept when it changes", target.Name, table.Name)
		}
	}
	for _, r := range target.View.Reads {
		if !slices.Contains(read, r.Table) {
			c.fault(r.Pos, "the query of %s does not read %s: remove it here", target.Name, r.Table.Name)
		}
	}
}

// addOnce adds a new fault.
func (c *checker) addOnce(at model.Pos, format string, args ...any) {
	fault := c.m.Fault(at, format, args...)
	if !slices.Contains(c.faults, fault) {
		c.faults = append(c.faults, fault)
	}
}
