package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Start is what starts jobs about the rows of a table, and what a job takes from its row.
type Start struct {
	Table *model.Table
	When  rule.Node      // about the row and the old row; nil: always
	At    rule.Node      // of a timer; nil: none
	Key   *model.Field   // of the queue; nil: none
	Order *model.Field   // of messages; nil: none
	Once  []*model.Field // whose values make a job unique
}

// startColumns are the names of the columns of Starts: the id of the row, the key, the order, the values of Once as one text,
// all as text, and the time of a timer.
var startColumns = [...]string{"row_id", "key", "ord", "once", "at"}

// Which says which rows Starts looks at.
type Which uint8

// The rows of Starts, and its inputs. All but the last two have the id of the written row as input 0.
const (
	Written  Which = iota // the row with the revision of input 1
	Replaced              // likewise, and the inputs from 2 on are the old row
	Changing              // a row that is about to change: input 2+i is the new value of fields[i]
	Deleting              // a row that is about to be deleted
	Reached               // rows of reach.Tables[of] that are about to be deleted with a row
	Swept                 // likewise, in a sweep that has collected them; no inputs
	Paged                 // rows with an id above input 0, in order, at most input 1 of them, with a time after input 2
)

// StartRows is a query of Starts.
type StartRows struct {
	Which  Which
	Fields []*model.Field // Changing
	Reach  *Reach         // Reached, Swept
	Of     int            // index of the table in Reach.Tables
	First  bool           // Paged: input 0 is not given
}

// Starts finds the rows that start a job. It sees all rows and fields, as a check does. The SQL is "" if there are none. A
// timer of a row that changes is found if its time does.
func (g *Generator) Starts(start Start, rows StartRows) (*Statement, error) {
	when := start.When
	if when != nil {
		when = g.fold(when)
		if rule.NeverTrue(when) {
			return &Statement{}, nil
		}
	}
	sc, source, conds := g.startScope(start.Table, rows)
	if when != nil && !rule.AlwaysTrue(when) {
		conds = append(conds, g.cond(when, sc, admit))
	}
	at := g.Dialect.Null(value.Timestamp)
	if start.At != nil {
		at = g.value(g.fold(start.At), sc)
		if rows.Which == Changing {
			conds = append(conds, g.Dialect.Differs(at, g.value(g.fold(start.At), g.modelScope(start.Table, "t0"))))
		}
	}
	id := g.Dialect.KeyText(column("t0", "id"))
	cols := []string{id, g.startText(start.Key, sc, "''"), g.startText(start.Order, sc, "NULL"), g.onceText(start, id, sc), at}
	cols[0] = g.rowText(start.Table)
	for i := range cols {
		cols[i] += " AS " + startColumns[i]
	}
	sql := "SELECT " + strings.Join(cols, ", ") + source + where(conds)
	if rows.Which == Paged {
		sql = "SELECT * FROM (" + sql + " ORDER BY " + column("t0", "id") + " LIMIT " + g.input(1, value.Int) + ") AS q WHERE q.at > " + g.input(2, value.Timestamp)
	}
	return g.finish(sql)
}

// startScope returns the scope, the FROM and the conditions of StartRows.
func (g *Generator) startScope(table *model.Table, rows StartRows) (sc *scope, source string, conds []string) {
	id, of := column("t0", "id"), g.Rules.Table(table)
	sc, source = g.modelScope(table, "t0"), g.from(table, "t0")
	switch rows.Which {
	case Reached, Swept:
		return sc, source, []string{g.isDoomed("t0", rows.Reach, rows.Of, rows.Which == Swept)}
	case Paged:
		if rows.First {
			return sc, source, nil
		}
		return sc, source, []string{id + " > " + g.inputOf(0, table.ID())}
	}
	conds = []string{id + " = " + g.inputOf(0, table.ID())}
	switch rows.Which {
	case Written:
		conds = append(conds, column("t0", Revision)+" = "+g.input(1, value.Int))
	case Replaced:
		conds = append(conds, column("t0", Revision)+" = "+g.input(1, value.Int))
		source += ", " + g.inputRow(table, 2, "old")
		sc = sc.nested(of.Old, "old")
	case Changing:
		sc.inputs = make(map[*model.Field]int, len(rows.Fields))
		for i, f := range rows.Fields {
			sc.inputs[f] = 2 + i
		}
		sc = sc.nested(of.Old, "t0")
	}
	return sc, source, conds
}

// rowText returns the id of a row as text.
func (g *Generator) rowText(table *model.Table) string {
	id := g.Dialect.KeyText(column("t0", "id"))
	if table.Key == model.Int {
		return "CAST(" + id + " AS TEXT)"
	}
	return id
}

// startText returns a field as a text, or another SQL if there is no field. A long text becomes its hash.
func (g *Generator) startText(field *model.Field, sc *scope, none string) string {
	if field == nil {
		return none
	}
	own := g.rootField(field, g.Rules.Table(field.Table).Row, sc)
	text := g.limitedText(g.Dialect.FieldText(field, own))
	if none == "NULL" {
		return text
	}
	return "coalesce(" + text + ", " + none + ")"
}

// onceText returns what makes a job of a row unique: the id for a timer, the values of Once, or NULL.
func (g *Generator) onceText(start Start, id string, sc *scope) string {
	switch {
	case start.At != nil:
		return g.limitedText("CAST(" + id + " AS TEXT)")
	case start.Once == nil:
		return "NULL"
	}
	// Each value stands behind its length, so that no two lists of values have the same text.
	parts := []string{"''"}
	for _, field := range start.Once {
		text := g.startText(field, sc, "NULL")
		parts = append(parts, "coalesce(':' || CAST(length("+text+") AS TEXT) || ':' || "+text+", ':')")
	}
	return g.limitedText("(" + strings.Join(parts, " || ") + ")")
}

// maxStartText is how many characters of a value a job keeps. A longer value is hashed.
const maxStartText = 200

func (g *Generator) limitedText(text string) string {
	return "CASE WHEN length(" + text + ") > " + strconv.Itoa(maxStartText) + " THEN " + g.Dialect.Hash(text) + " ELSE " + text + " END"
}

// StartReadsBefore reports whether a condition about a changed row can be asked before the change, with its new values in place
// of columns. It cannot if it looks at other rows of the same table, since the row may be among them.
func StartReadsBefore(when rule.Node, table *model.Table) bool {
	return !slices.Contains(rule.Related(when), table)
}

// LockDoomed locks the rows of a table that a deletion deletes, so that no other row can refer to them any more. It returns a row
// for each. Input 0 is the id of the deleted row. The SQL is "" if the engine has one writer.
func (g *Generator) LockDoomed(reach *Reach, of int) (*Statement, error) {
	lock := g.Dialect.LockDeleted("c")
	if lock == "" {
		return &Statement{}, nil
	}
	return g.finish("SELECT 1 FROM " + Quote(reach.Tables[of].Name) + " AS c WHERE " + g.isDoomed("c", reach, of, false) + lock)
}

// isDoomed returns the condition that a row of reach.Tables[of] is deleted. collected says that a sweep has filled Doomed.
func (g *Generator) isDoomed(alias string, reach *Reach, of int, collected bool) string {
	ids := "SELECT " + g.Dialect.KeyFromText("id", reach.Tables[of].Key) + " FROM " + Doomed + " WHERE t = " + strconv.Itoa(of)
	if !collected {
		ids = g.doomedRows(reach, reach.Cascades, 0, "") + " " + ids
	}
	return g.Dialect.InQuery(column(alias, "id"), ids)
}

// PageOf locks the rows of a page and returns their ids as text. Its inputs are the ones of Paged.
func (g *Generator) PageOf(table *model.Table, first bool) (*Statement, error) {
	_, source, conds := g.startScope(table, StartRows{Which: Paged, First: first})
	id := column("t0", "id")
	return g.finish("SELECT " + g.rowText(table) + source + where(conds) + " ORDER BY " + id + " LIMIT " + g.input(1, value.Int) + g.Dialect.LockRow("t0"))
}

// DueTimer asks about the row of a timer: its time, and whether a condition holds. Input 0 is the id of the row.
func (g *Generator) DueTimer(table *model.Table, at, when rule.Node) (*Statement, error) {
	sc := g.modelScope(table, "t0")
	holds := g.Dialect.Bool(true)
	if when != nil {
		holds = g.cond(g.fold(when), sc, admit)
	}
	return g.finish("SELECT " + g.value(g.fold(at), sc) + ", " + holds + g.from(table, "t0") + " WHERE " + column("t0", "id") + " = " + g.inputOf(0, table.ID()))
}
