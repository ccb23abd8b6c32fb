package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Data is rows of a world's tables. Those of one table stand in the order in which they were inserted.
type Data struct {
	*World
	Rows map[string][]Record

	known map[string]bool // outcomes of rules, by table, row and rule; dropped when a row changes
}

// Clone returns a copy that can change on its own.
func (d *Data) Clone() *Data {
	c := &Data{World: d.World, Rows: map[string][]Record{}, known: map[string]bool{}}
	for name, rows := range d.Rows {
		for _, rec := range rows {
			c.Rows[name] = append(c.Rows[name], maps.Clone(rec))
		}
	}
	return c
}

// Outcome is what a condition comes to.
type Outcome byte

// The three outcomes of CEL.
const (
	True    Outcome = 't'
	False   Outcome = 'f'
	Failure Outcome = 'x'
)

// Ask evaluates a condition about a row in the oracle's spelling, seen as a client or as the model's own rules do. old is
// the row as it was, nil where there is none.
func (d *Data) Ask(condition string, t *model.Table, rec, old Record, client bool) Outcome {
	return d.ask(condition, celRow{d, t, rec, client, nil}, celRow{d, t, old, client, nil})
}

// AskWrite evaluates an access rule of a write. d is all rows as they were before the write, and rec the row that is
// written, as it was or as it becomes. No relation leads to that row.
func (d *Data) AskWrite(rule string, t *model.Table, rec, old Record) Outcome {
	w := &writing{t, rec["id"]}
	return d.ask(rule, celRow{d, t, rec, false, w}, celRow{d, t, old, false, w})
}

func (d *Data) ask(condition string, row, old celRow) Outcome {
	out, _, err := d.program(condition).Eval(map[string]any{
		"row": row, "old": old,
		"auth": d.vars["auth"], "now": d.vars["now"], "arg": d.vars["arg"],
	})
	switch {
	case err != nil || out.Type() != types.BoolType:
		return Failure
	case out == types.True:
		return True
	default:
		return False
	}
}

func (w *World) program(expr string) cel.Program {
	if p, ok := w.programs[expr]; ok {
		return p
	}
	ast, iss := w.cel.Parse(expr)
	if iss.Err() != nil {
		panic(fmt.Sprintf("%s: %v", expr, iss.Err()))
	}
	p, err := w.cel.Program(ast, cel.CustomDecoratorV2(bounded))
	if err != nil {
		panic(err)
	}
	w.programs[expr] = p
	return p
}

// holds evaluates a rule of the model, which sees everything.
func (d *Data) holds(table *model.Table, rule string, rec Record) bool {
	key := fmt.Sprint(table.Name, rec["id"], rule)
	known, ok := d.known[key]
	if !ok {
		known = d.Ask(rule, table, rec, nil, false) == True
		d.known[key] = known
	}
	return known
}

// Visible says whether the caller may read a row; to the model's own rules every row is visible.
func (d *Data) Visible(table *model.Table, rec Record, client bool) bool {
	rule, ok := d.read[table]
	if table.Name == "users" {
		rule, ok = "row.id == auth.id", true
	}
	return !client || !ok || d.holds(table, rule, rec)
}

// Value is a field of a row, null where the caller may not read it.
func (d *Data) Value(field *model.Field, rec Record, client bool) ref.Val {
	mask, ok := d.masks[field]
	if field.Table.Name == "users" && field.Name == "email" { // without a word in the model
		mask, ok = "row.id == auth.id", true
	}
	if ok && client && !d.holds(field.Table, mask, rec) {
		return types.NullValue
	}
	return rec[field.Name]
}

// One is the row that a reference leads to, nil where it is missing or hidden.
func (d *Data) One(rel *model.Relation, rec Record, client bool) Record {
	if rec == nil {
		return nil
	}
	to := d.Find(rel.To, d.Value(rel.Field, rec, client))
	if to == nil || !d.Visible(rel.To, to, client) {
		return nil
	}
	return to
}

// Many are the rows that refer to a row, in the order of their ids.
func (d *Data) Many(rel *model.Relation, rec Record, client bool) []Record {
	var items []Record
	for _, item := range d.Rows[rel.To.Name] {
		key := d.Value(rel.Field, item, client)
		if key.Equal(rec["id"]) == types.True && d.Visible(rel.To, item, client) {
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(a, b Record) int { return Compare(a["id"], b["id"]) })
	return items
}

// Find returns the row with an id, or nil.
func (d *Data) Find(table *model.Table, id ref.Val) Record {
	for _, rec := range d.Rows[table.Name] {
		if rec["id"].Equal(id) == types.True {
			return rec
		}
	}
	return nil
}

// Seen are the rows of a table that the caller may read.
func (d *Data) Seen(table *model.Table) []Record {
	var seen []Record
	for _, rec := range d.Rows[table.Name] {
		if d.Visible(table, rec, true) {
			seen = append(seen, rec)
		}
	}
	return seen
}

// View is all that the caller may know: the rows that it may read, under its masks. What a relation leads to follows from
// that, since it goes by masked references to visible rows.
func (d *Data) View() string {
	var text strings.Builder
	for _, table := range d.Model.Tables {
		rows := d.Seen(table)
		slices.SortFunc(rows, func(a, b Record) int { return Compare(a["id"], b["id"]) })
		for _, rec := range rows {
			text.WriteString(table.Name)
			for _, f := range table.Fields {
				text.WriteByte(' ')
				text.Write(AppendJSON(nil, f, d.Value(f, rec, true)))
			}
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// Same says whether two values of one field are one.
func Same(a, b ref.Val) bool {
	if a.Type() == types.MapType { // json, of which the generator knows one value
		return b.Type() == types.MapType
	}
	return b.Type() != types.MapType && Compare(a, b) == 0
}

// Compare is the order of two values of one field: numbers by value, text by code points, false before true, missing
// values last.
func Compare(a, b ref.Val) int {
	nullA, nullB := a.Type() == types.NullType, b.Type() == types.NullType
	switch {
	case nullA && nullB:
		return 0
	case nullA:
		return 1
	case nullB:
		return -1
	}
	switch a := a.(type) {
	case types.Int:
		return cmp.Compare(a, b.(types.Int))
	case types.Double:
		return cmp.Compare(a, b.(types.Double))
	case types.String:
		return strings.Compare(string(a), string(b.(types.String)))
	case types.Timestamp:
		return a.Time.Compare(b.(types.Timestamp).Time)
	case decimal:
		return a.rat.Cmp(b.(decimal).rat)
	case types.Bool:
		if a == b.(types.Bool) {
			return 0
		}
		if a {
			return 1
		}
		return -1
	}
	panic(fmt.Sprintf("oracle: no order of %T", a))
}
