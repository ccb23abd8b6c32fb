package oracle

import (
	"fmt"
	"math/rand/v2"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Uses lists further names for an expression, besides the row, the caller and the time.
type Uses struct {
	Args bool // arg.int, arg.text, arg.bool, arg.float and arg.timestamp, with the values of World.Args
	Old  bool // the old row
}

// relationSteps is the most relations in one expression. It is below the limit of rule.RequestLimits, so the compiler
// refuses few expressions.
const relationSteps = 4

// A generator writes random typed expressions.
type generator struct {
	*rand.Rand
	self  *model.Table
	items []item // variables of the macros around
	steps int    // relation steps left
	uses  Uses
}

// An item is the variable of a macro.
type item struct {
	name  string
	table *model.Table
}

func newGenerator(random *rand.Rand, table *model.Table, uses Uses) *generator {
	return &generator{Rand: random, self: table, steps: relationSteps, uses: uses}
}

// row chooses a row and returns it with a final dot, as a prefix of its members.
func (g *generator) row() (prefix Expr, table *model.Table) {
	prefix, table = Expr{"", "row."}, g.self
	if g.uses.Old && g.IntN(2) == 0 {
		prefix = same("old.")
	}
	if n := len(g.items); n > 0 && g.IntN(4) > 0 {
		item := g.items[g.IntN(n)]
		prefix, table = same(item.name+"."), item.table
	}
	for g.steps > 0 && g.IntN(3) == 0 {
		relation := g.relation(table, false)
		if relation == nil {
			break
		}
		g.steps--
		prefix, table = member(prefix, relation.Name+"."), relation.To
	}
	return prefix, table
}

// relation chooses a relation of a table to one or to many rows. It returns nil if there is none.
func (g *generator) relation(table *model.Table, many bool) *model.Relation {
	var relations []*model.Relation
	for _, relation := range table.Relations {
		if relation.Many == many {
			relations = append(relations, relation)
		}
	}
	if len(relations) == 0 {
		return nil
	}
	return pick(g.Rand, relations)
}

// many chooses a relation to many rows, and takes a step. It returns false if there is none, or no step is left.
func (g *generator) many() (rows Expr, table *model.Table, ok bool) {
	prefix, table := g.row()
	relation := g.relation(table, true)
	if relation == nil || g.steps <= 0 {
		return Expr{}, nil, false
	}
	g.steps--
	return member(prefix, relation.Name), relation.To, true
}

// macrosLeft returns true if one more macro is allowed here.
func (g *generator) macrosLeft() bool { return len(g.items) < rule.RequestLimits.Macros }

// withItem calls write with the name of a new variable for rows of a table.
func (g *generator) withItem(table *model.Table, write func(name string) Expr) (name string, body Expr) {
	name = fmt.Sprintf("i%d", len(g.items))
	g.items = append(g.items, item{name, table})
	body = write(name)
	g.items = g.items[:len(g.items)-1]
	return name, body
}

// column chooses a column of a kind. It returns false if the chosen row has none.
func (g *generator) column(kind value.Kind) (Expr, bool) {
	return g.columnWhere(func(field *model.Field) bool { return hasKind(field, kind) })
}

func (g *generator) anyColumn() (Expr, bool) {
	return g.columnWhere(func(*model.Field) bool { return true })
}

func (g *generator) columnWhere(suits func(*model.Field) bool) (Expr, bool) {
	prefix, table := g.row()
	names := fieldsWhere(table, suits)
	if len(names) == 0 {
		return Expr{}, false
	}
	return member(prefix, pick(g.Rand, names)), true
}

func fieldsWhere(table *model.Table, suits func(*model.Field) bool) []string {
	var names []string
	for _, field := range table.Fields {
		if suits(field) {
			names = append(names, field.Name)
		}
	}
	return names
}

// isCallerID returns true for fields that may contain the id of a caller.
func isCallerID(field *model.Field) bool {
	return (field.Ref != nil || field.Name == "id") && (field.Type == model.Text || field.Type == model.UUID)
}

func isEnum(field *model.Field) bool { return field.Type == model.Enum }

// hasKind returns true if the field's values have the kind in expressions. An enum has none here: the compiler refuses
// literals that are not among its values, so compareEnum writes its comparisons.
func hasKind(field *model.Field, kind value.Kind) bool {
	switch field.Type {
	case model.Text, model.UUID:
		return kind == value.Text
	case model.Int:
		return kind == value.Int
	case model.Float:
		return kind == value.Float
	case model.Decimal:
		return kind == value.Decimal
	case model.Bool:
		return kind == value.Bool
	case model.Timestamp:
		return kind == value.Timestamp
	case model.Date:
		return kind == value.Date
	}
	return false
}
