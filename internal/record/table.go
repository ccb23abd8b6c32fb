package record

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A table is what requests need to know about a table, worked out once.
type table struct {
	*model.Table
	names         []string // its name alone, without room for others
	rules         *rule.Rules
	index         map[*model.Field]int // of Fields
	plain         *render.Output       // every readable field, no relations
	plainIndex    []int                // of the fields of plain in Fields
	open          [Delete + 1]bool     // by Op: every caller may do it to every row
	asksProof     [Delete + 1]bool     // by Op: a caller may be allowed to do it after another proof of who it is
	unique        bool                 // another row must not have some of a row's values, besides the id
	reach         *sqlgen.Reach        // what a deletion reaches
	changedTables []string             // names of the tables that a deletion may change
	verdicts      *statement.Verdicts  // by Op
	statements    *statement.Cache
	shapes        [Delete + 1]string // by Op: names of the shapes of writes
	rowSize       atomic.Int64       // bytes of the row that a write answered with last
	kept          cache.Counts       // of its lists
	tooLarge      atomic.Int64       // answers that were not kept for their size
}

// maxStatementBytes bounds the statements of a table, in bytes of text.
const maxStatementBytes = 4 << 20

func newTable(rules *rule.Rules, t *model.Table, reach *sqlgen.Reach) *table {
	out, err := render.NewOutput(t, "", "")
	if err != nil {
		panic(err) // there are no parameters that could be wrong
	}
	table := &table{
		Table: t, names: []string{t.Name}, rules: rules, index: map[*model.Field]int{}, plain: out, reach: reach,
		shapes:   [...]string{Create: "create " + t.Name, Update: "update " + t.Name, Delete: "delete " + t.Name},
		verdicts: statement.NewVerdicts(), statements: statement.NewCache(maxStatementBytes),
	}
	for i, f := range t.Fields {
		table.index[f] = i
	}
	for _, f := range out.Fields {
		table.plainIndex = append(table.plainIndex, table.index[f])
	}
	table.unique = table.setsUnique(t.Fields[1:])
	for _, other := range table.reach.Tables {
		table.changedTables = append(table.changedTables, other.Name)
	}
	for _, f := range table.reach.Clears {
		table.changedTables = append(table.changedTables, f.Table.Name)
	}
	for op := range table.open {
		restricts := func(node rule.Node) bool { return !rule.AlwaysTrue(node) }
		table.open[op] = !slices.ContainsFunc(rulesFor(rules.Table(t), Op(op)), restricts)
		table.asksProof[op] = slices.ContainsFunc(table.rulesAbout(Op(op)), rule.AsksProof)
	}
	return table
}

// rulesFor returns the rules that must hold for an operation.
func rulesFor(rules *rule.Table, op Op) []rule.Node {
	switch op {
	case Create:
		return []rule.Node{rules.Create}
	case Update:
		return []rule.Node{rules.Read, rules.UpdateFrom, rules.UpdateTo}
	case Delete:
		return []rule.Node{rules.Read, rules.Delete}
	}
	return []rule.Node{rules.Read}
}

// rulesAbout returns all rules that may decide on an operation: rulesFor, and the write rules of fields.
func (t *table) rulesAbout(op Op) []rule.Node {
	nodes := rulesFor(t.rules.Table(t.Table), op)
	if op == Create || op == Update {
		for _, f := range t.Fields {
			if write := t.rules.Field(f).Write; write != nil {
				nodes = append(nodes, write)
			}
		}
	}
	return nodes
}

// setsUnique reports whether one of the fields is unique, or part of a unique key.
func (t *table) setsUnique(fields []*model.Field) bool {
	return slices.ContainsFunc(fields, func(f *model.Field) bool {
		inKey := func(key []*model.Field) bool { return slices.Contains(key, f) }
		return f.Unique || slices.ContainsFunc(t.Unique, inKey)
	})
}

// fieldSet names a set of fields, to tell statements apart.
func (t *table) fieldSet(fields []*model.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(strconv.Itoa(t.index[f]))
		b.WriteByte(',')
	}
	return b.String()
}

// lockOrder is the position of a row in the order in which scripts lock rows.
func (t *table) lockOrder(id value.Value) string {
	return t.Name + " " + string(value.AppendValue(nil, id))
}

// scan returns the row that begins at a column.
func (t *table) scan(cols value.Row, first int) []value.Value {
	values := make([]value.Value, len(t.Fields))
	for i, f := range t.Fields {
		values[i] = value.Scan(f, cols, first+i)
	}
	return values
}

// holds reports whether the condition in a column is true.
func holds(cols value.Row, column int) bool { return !cols.Null(column) && cols.Int(column) == 1 }
