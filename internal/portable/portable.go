// Package portable types a view's query that is one text for both engines, and finds what SQLite and PostgreSQL would answer
// differently.
//
// It knows a subset of SELECT of which both engines are known to return the same values, given how each stores the types of a
// model. All else is a problem, with what to write instead. See docs/decisions/0010-views.md.
package portable

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Problem is a place in a query that the engines would not understand alike.
type Problem struct {
	Offset  int // in the text, in code points
	Message string
	Field   *model.Field // the field that the query returns as another type, or nil
}

// Check returns the problems of a view whose query is one text for both engines.
func Check(m *model.Model, table *model.Table) []Problem {
	text := table.View.SQLite.Text
	problems := check(m, table, text)
	for i, problem := range problems {
		problems[i].Offset = utf8.RuneCountInString(text[:min(problem.Offset, len(text))])
	}
	return problems
}

func check(m *model.Model, table *model.Table, text string) []Problem {
	q, fault := parse(text)
	if fault != nil {
		return []Problem{*fault}
	}
	c := &checker{m: m}
	rows := c.query(q, nil, nil, asRows)
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
	relations int      // made so far
	touched   []*scope // of which a column was named
	windows   int      // more than 0: a window function may stand here
}

// fault adds a problem and returns the type of what has one.
func (c *checker) fault(at int, format string, args ...any) typ {
	problem := Problem{Offset: at, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(c.problems, problem) {
		c.problems = append(c.problems, problem)
	}
	return typ{}
}

// field compares a column of the result with the field that it is for.
func (c *checker) field(field *model.Field, at int, t typ) {
	want := typeOf(field)
	advice := ""
	switch {
	case t.kind == bad || field.Type == model.Invalid:
		return
	case want.kind == words && t.isText(), want.kind == float && t.is(whole, fraction, float):
		return
	case want.kind == float && t.kind == decimal && t.scale == 0, want.kind == decimal && t.isZero():
		return
	case want.kind == decimal && want.scale == 0 && t.kind == whole:
		return
	case want.kind == decimal && t.is(whole, fraction, decimal) && !(t.kind == decimal && t.scale == want.scale):
		advice = ": " + decimalBeside(t, want)
	case want.kind == whole && t.kind == decimal && t.scale == 0:
		advice = ": write CAST(… AS bigint)"
	case want.kind == float && t.kind == decimal:
		advice = ": SQLite stores the decimal in units of " + unit(t.scale)
	case t.kind == null && want.kind != decimal:
		advice = ": write CAST(NULL AS " + sqlType(want.kind) + ")"
	case want.kind == t.kind && t.kind != null:
		return
	}
	declared := field.Type.String()
	if want.kind == decimal {
		declared += fmt.Sprintf(" of scale %d", want.scale)
	}
	c.problems = append(c.problems, Problem{at, fmt.Sprintf("%s is declared as %s, and its query returns %s%s", field.Name, declared, t, advice), field})
}

// sqlType is what castNull takes for a type.
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
