// Package portable checks the query of a view that has one text for both engines. It types the query and finds
// differences between the answers of SQLite and PostgreSQL.
//
// It accepts only a subset of SELECT. Both engines are known to return the same values for it, given the stored form
// of each type of the model. Anything else is a problem, with advice on a replacement. See
// docs/decisions/0010-views.md.
package portable

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Problem is a place in a query that the engines understand differently.
type Problem struct {
	Offset  int // in the text, in code points
	Message string
	Field   *model.Field // the field with another type in the query, or nil
}

// Check returns the problems of a view with one text for both engines.
func Check(m *model.Model, table *model.Table) []Problem {
	text := table.View.SQLite.Text
	problems := check(m, table, text)
	for i, problem := range problems {
		problems[i].Offset = utf8.RuneCountInString(text[:min(problem.Offset, len(text))])
	}
	return problems
}

func check(m *model.Model, table *model.Table, text string) []Problem {
	sel, fault := parse(text)
	if fault != nil {
		return []Problem{*fault}
	}
	c := &checker{m: m}
	rows := c.query(sel, nil, nil, asRows)
	for i, col := range rows.columns {
		if field := table.Field(col.name); field != nil {
			c.field(field, rows.at[i], col.typ)
		}
	}
	return c.problems
}

// checker collects the problems of one query.
type checker struct {
	m         *model.Model
	problems  []Problem
	relations int            // made so far
	touched   []*selectScope // scopes with a named column
	windows   int            // more than 0: a window function may stand here
}

// fault adds a problem and returns the type of a faulty expression.
func (c *checker) fault(at int, format string, args ...any) exprType {
	problem := Problem{Offset: at, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(c.problems, problem) {
		c.problems = append(c.problems, problem)
	}
	return exprType{}
}

// field compares a column of the result with its field.
func (c *checker) field(field *model.Field, at int, typ exprType) {
	want := typeOf(field)
	advice := ""
	switch {
	case typ.kind == bad || field.Type == model.Invalid:
		return
	case want.kind == words && typ.isText(), want.kind == float && typ.is(whole, fraction, float):
		return
	case want.kind == float && typ.kind == decimal && typ.scale == 0, want.kind == decimal && typ.isZero():
		return
	case want.kind == decimal && want.scale == 0 && typ.kind == whole:
		return
	case want.kind == decimal && typ.is(whole, fraction, decimal) && !(typ.kind == decimal && typ.scale == want.scale):
		advice = ": " + whyNotDecimal(typ, want)
	case want.kind == whole && typ.kind == decimal && typ.scale == 0:
		advice = ": write CAST(… AS bigint)"
	case want.kind == float && typ.kind == decimal:
		advice = ": SQLite stores the decimal in units of " + unit(typ.scale)
	case typ.kind == null && want.kind != decimal:
		advice = ": write CAST(NULL AS " + sqlType(want.kind) + ")"
	case want.kind == typ.kind && typ.kind != null:
		return
	}
	declared := field.Type.String()
	if want.kind == decimal {
		declared += fmt.Sprintf(" of scale %d", want.scale)
	}
	c.problems = append(c.problems, Problem{at, fmt.Sprintf("%s is declared as %s, and its query returns %s%s", field.Name, declared, typ, advice), field})
}

// sqlType returns the name of a type for castNull.
func sqlType(k kind) string {
	switch k {
	case words:
		return "text"
	case whole:
		return "bigint"
	case float:
		return "double precision"
	case boolean:
		return "boolean"
	case timestamp:
		return "timestamptz"
	case date:
		return "date"
	case uuid:
		return "uuid"
	}
	return "json"
}
