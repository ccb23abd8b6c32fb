package sqlgen

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Generator writes one statement for one class of callers: all slots have the same states for them.
type Generator struct {
	Dialect Dialect
	Rules   *rule.Rules
	Folder  rule.Folder
	System  bool // rules and masks do not bind the caller

	keepApart bool // write equalities that the engine does not propagate, see guard.go
	dangling  bool // references may lead to no row

	args       []Arg
	inputCount int
	tables     []string
	uses       []Use
	usesNow    bool
	inputs     map[int]int // placeholders by index of the input
	slots      map[int]int // placeholders by index of the slot
	uuids      map[int]int // placeholders of slots that are bound as uuids
	aliases    int
	err        error
}

// fold simplifies a rule or filter for this class of callers.
func (g *Generator) fold(n rule.Node) rule.Node { return g.Folder.Fold(n) }

// input returns the placeholder of an input.
func (g *Generator) input(i int, as value.Kind) string {
	g.inputCount = max(g.inputCount, i+1)
	return g.placeholder(&g.inputs, i, Arg{From: FromInput, Index: i}, as)
}

// inputOf returns the placeholder of an input that is the value of a field.
func (g *Generator) inputOf(i int, f *model.Field) string { return g.input(i, value.KindOf(f)) }

func (g *Generator) slot(s *rule.Slot) string {
	g.noteSlot(s)
	return g.placeholder(&g.slots, s.Index, Arg{From: FromSlot, Index: s.Index}, s.Kind())
}

// noteSlot notes what the value of a slot depends on.
func (g *Generator) noteSlot(s *rule.Slot) { g.usesNow = g.usesNow || rule.UsesNow(s.Node) }

// placeholder returns the placeholder of a value, which the statement binds once. known holds the numbers of the bound
// values of its source.
func (g *Generator) placeholder(known *map[int]int, i int, arg Arg, as value.Kind) string {
	n, ok := (*known)[i]
	if !ok {
		if *known == nil {
			*known = map[int]int{}
		}
		g.args = append(g.args, arg)
		n = len(g.args)
		(*known)[i] = n
	}
	return g.Dialect.Placeholder(n, as)
}

func (g *Generator) constant(val value.Value) string {
	switch {
	case val.IsNull():
		return "NULL"
	case val.Kind == value.Bool:
		return g.Dialect.Bool(val.Int == 1)
	}
	g.args = append(g.args, Arg{Value: val})
	return g.Dialect.Placeholder(len(g.args), val.Kind)
}

// alias returns a new name for a row. It is not the name of a table, because a writing statement uses the name of its
// table for the row.
func (g *Generator) alias() string {
	for {
		g.aliases++
		if name := "t" + strconv.Itoa(g.aliases); g.Rules.Model.Table(name) == nil {
			return name
		}
	}
}

// maxSQL limits the length of a statement. Nested comparisons repeat their operands. A sensible expression stays far
// below, and any other is refused before it uses up memory.
const maxSQL = 256 << 10

// limitText returns a text, or records an error if the text is too long.
func (g *Generator) limitText(sql string) string {
	if len(sql) <= maxSQL {
		return sql
	}
	if g.err == nil {
		g.err = errs.New(errs.Malformed, "the expression is too complex: it repeats its parts too often")
	}
	return "NULL"
}

// finish returns the statement, or the first error.
func (g *Generator) finish(sql string) (*Statement, error) {
	g.limitText(sql)
	if g.err != nil {
		return nil, g.err
	}
	return &Statement{SQL: sql, Args: g.args, Tables: g.tables, UsesNow: g.usesNow, Inputs: g.inputCount, Uses: g.uses}, nil
}
