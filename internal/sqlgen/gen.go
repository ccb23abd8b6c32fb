// Package sqlgen writes every statement about a table, its definition included, in the dialect of an engine.
//
// An expression has three outcomes: true, false and failure. In SQL a failure is NULL, and so is a missing value; where
// the two differ (==, !=, in, a branch of ?:), the generated text tells them apart.
//
// What a row holds must not show in errors or in time to a caller who may not read it. So what costs more than comparisons
// is evaluated only for rows that the rule admits (guard.go), and no generated text can raise an error whatever the rows
// hold:
//   - Arithmetic is in functions of the engines, which check before they compute: overflow, division by zero, a float or a
//     time out of range are NULL. PostgreSQL's take numerics, in which no two bigints and no two decimals overflow.
//   - Text is put together by ashlar_concat, which ends at value.MaxConcat. SQLite's own || raises an error at
//     SQLITE_LIMIT_LENGTH, PostgreSQL's at 1 GB, or out of memory.
//   - lower and upper change ASCII alone, so that no text grows. size is of a text or of a list that exists.
//   - contains, startsWith and endsWith compare bytes: no pattern that could be malformed, no collation that could forbid it.
//   - Casts only widen: uuid to text, int and decimal to numeric. A float becomes a numeric by ashlar_exact.
//   - json is only asked whether it is NULL. json_each and unnest read lists that this server binds.
//   - How deep and how long a text is, is decided before the rows are there.
//
// TestOracle and TestNoOracle (record) try it with the extremes of each type.
package sqlgen

import (
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxSQL bounds the text of a statement. Comparisons nested in comparisons repeat their operands; a legitimate
// expression stays far below, and one that does not is refused instead of eating memory.
const maxSQL = 256 << 10

// Statement is a statement and where its bound values come from.
type Statement struct {
	SQL          string
	Args         []Arg
	Tables       []string // that it reads, each once; of a statement that only reads
	UsesNow      bool     // a bound value depends on the time
	Inputs       int      // how many inputs it looks at: one more than the highest index, 0 for none
	ReturnsAfter bool     // of Insert and Change: its rows are those of After
	Ways         []Way    // of List and Count as the engine plans them: how else the rows can be found
}

// Arg is the source of one bound value.
type Arg struct {
	From  Source
	Index int         // FromSlot: index of the slot; FromInput: index of the input
	Value value.Value // FromConst
	UUID  bool        // FromSlot: a text that is bound as a uuid, and as null where it is none
}

// Source is where a bound value comes from.
type Source uint8

const (
	FromConst Source = iota
	FromSlot         // what a part of an expression that needs no row came to
	FromInput        // what the caller of the statement gives: a key, a limit, the values of a row
)

// Bind appends to dst the values to run s with.
func (s *Statement) Bind(dst, slots, inputs []value.Value) []value.Value {
	for _, a := range s.Args {
		switch a.From {
		case FromConst:
			dst = append(dst, a.Value)
		case FromSlot:
			dst = append(dst, a.bound(slots[a.Index]))
		case FromInput:
			dst = append(dst, inputs[a.Index])
		}
	}
	return dst
}

// bound is the value of a slot as it is bound.
func (a Arg) bound(v value.Value) value.Value {
	if !a.UUID {
		return v
	}
	return asUUID(v)
}

// asUUID is a text as the uuid that it is, or null: a text in another form than the canonical equals no uuid.
func asUUID(v value.Value) value.Value {
	if id, ok := value.ParseUUID(v.Text); ok && id == v.Text {
		return value.OfUUID(id)
	}
	return value.Value{}
}

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

// scope says which alias stands for which row, innermost first, and whose eyes look at the rows.
type scope struct {
	row        *rule.Row
	alias      string
	values     map[*model.Field]string // fields of the row that a write sets; the others are columns of the alias
	outer      *scope
	client     bool // columns are masked, relations lead only to rows that the caller may read
	allowSets  bool // the condition picks rows of a table: what names the caller is asked from the caller's side
	lookUpSets bool // what is asked from there is looked up value by value

	// writes is set for the access rules of a write to that table: their relations do not lead to the row that is
	// written, whose id is input 0.
	writes *model.Table
}

// find returns the scope of a row that an expression names.
func (s *scope) find(row *rule.Row) *scope {
	for ; s != nil; s = s.outer {
		if s.row == row {
			return s
		}
	}
	panic("sqlgen: an expression names a row that its statement does not have")
}

func (s *scope) nested(row *rule.Row, alias string) *scope {
	return &scope{row: row, alias: alias, outer: s, client: s.client, allowSets: s.allowSets, writes: s.writes}
}

// others is the condition that a row which a relation leads to is not the written one, as no or one element. A write
// must not prove itself: a member who adds himself is not yet a member.
func (g *Generator) notWritten(t *model.Table, alias string, sc *scope) []string {
	if sc.writes != t {
		return nil
	}
	return []string{column(alias, "id") + " <> " + g.inputOf(0, t.ID())}
}

// self is the scope of an expression about the rows of t, seen by the model's own rules.
func (g *Generator) modelScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias}
}

// clientScope is self for an expression that a client wrote.
func (g *Generator) clientScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias, client: !g.System}
}

// fromItem is a table as FROM names it, or the query of a view. What a statement reads comes from here alone.
func (g *Generator) fromItem(t *model.Table, alias string) string {
	if t.View == nil {
		g.addTable(t)
		return Quote(t.Name) + " AS " + alias
	}
	for _, r := range t.View.Reads {
		g.addTable(r.Table)
	}
	return viewTable(g.Dialect, t) + " AS " + alias
}

func (g *Generator) addTable(t *model.Table) {
	if !slices.Contains(g.tables, t.Name) {
		g.tables = append(g.tables, t.Name)
	}
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

// fold simplifies a rule or a filter for this class of callers.
func (g *Generator) fold(n rule.Node) rule.Node { return g.Folder.Fold(n) }
