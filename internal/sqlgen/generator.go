package sqlgen

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Generator writes statements for callers of one class: those for whom all slots came to the same states. It writes
// one statement and is thrown away.
type Generator struct {
	Dialect Dialect
	Rules   *rule.Rules
	Folder  rule.Folder
	System  bool // rules and masks do not bind the caller

	keepApart bool // equalities must not spread: see guard.go
	dangling  bool // references may lead to no row

	args       []Arg
	inputCount int // inputs
	tables     []string
	usesNow    bool
	inputs     map[int]int // input index → placeholder
	slots      map[int]int
	uuids      map[int]int // as slots, of those that are bound as uuids
	aliases    int
	err        error
}

// fold simplifies a rule or a filter for this class of callers.
func (g *Generator) fold(n rule.Node) rule.Node { return g.Folder.Fold(n) }

// input is the placeholder of an input.
func (g *Generator) input(i int, as value.Kind) string {
	g.inputCount = max(g.inputCount, i+1)
	return g.placeholder(&g.inputs, i, Arg{From: FromInput, Index: i}, as)
}

// inputOf is the placeholder of an input that is the value of a field.
func (g *Generator) inputOf(i int, f *model.Field) string { return g.input(i, value.KindOf(f)) }

func (g *Generator) slot(s *rule.Slot) string {
	return g.placeholder(&g.slots, s.Index, Arg{From: FromSlot, Index: s.Index}, s.Kind())
}

func (g *Generator) placeholder(known *map[int]int, i int, a Arg, as value.Kind) string {
	n, ok := (*known)[i]
	if !ok {
		if *known == nil {
			*known = map[int]int{}
		}
		g.args = append(g.args, a)
		n = len(g.args)
		(*known)[i] = n
	}
	return g.Dialect.Placeholder(n, as)
}

func (g *Generator) constant(v value.Value) string {
	switch {
	case v.IsNull():
		return "NULL"
	case v.Kind == value.Bool:
		return g.Dialect.Bool(v.Int == 1)
	}
	g.args = append(g.args, Arg{Value: v})
	return g.Dialect.Placeholder(len(g.args), v.Kind)
}

// alias returns a name for a row that no table has: a statement that writes calls its row by the name of the table.
func (g *Generator) alias() string {
	for {
		g.aliases++
		if name := "t" + strconv.Itoa(g.aliases); g.Rules.Model.Table(name) == nil {
			return name
		}
	}
}

// maxSQL bounds the text of a statement. Comparisons nested in comparisons repeat their operands; a legitimate
// expression stays far below, and one that does not is refused instead of eating memory.
const maxSQL = 256 << 10

// limitText stops the growth of a text.
func (g *Generator) limitText(sql string) string {
	if len(sql) <= maxSQL {
		return sql
	}
	if g.err == nil {
		g.err = errs.New(errs.Malformed, "the expression is too complex: it repeats its parts too often")
	}
	return "NULL"
}

func (g *Generator) finish(sql string) (*Statement, error) {
	g.limitText(sql)
	if g.err != nil {
		return nil, g.err
	}
	return &Statement{SQL: sql, Args: g.args, Tables: g.tables, UsesNow: g.usesNow, Inputs: g.inputCount}, nil
}
