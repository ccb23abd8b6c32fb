package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Outcome is the outcome of a condition.
type Outcome byte

// The three outcomes of CEL.
const (
	True    Outcome = 't'
	False   Outcome = 'f'
	Failure Outcome = 'x'
)

// Ask evaluates a condition in the oracle's spelling about a row. old is the old row, or nil. With client, the condition
// sees only what the caller may read; without, it sees everything, as the model's own rules do.
func (d *Data) Ask(condition string, table *model.Table, rec, old Record, client bool) Outcome {
	return d.ask(condition, celRow{d, table, rec, client, nil}, celRow{d, table, old, client, nil})
}

// AskWrite evaluates an access rule of a write. d holds the rows before the write. rec is the old or the new form of the
// written row. No relation leads to that row.
func (d *Data) AskWrite(rule string, table *model.Table, rec, old Record) Outcome {
	written := &writtenRow{table, rec["id"]}
	return d.ask(rule, celRow{d, table, rec, false, written}, celRow{d, table, old, false, written})
}

func (d *Data) ask(condition string, row, old celRow) Outcome {
	result, _, err := d.program(condition).Eval(map[string]any{
		"row": row, "old": old,
		"auth": d.vars["auth"], "now": d.vars["now"], "arg": d.vars["arg"],
	})
	switch {
	case err != nil || result.Type() != types.BoolType:
		return Failure
	case result == types.True:
		return True
	default:
		return False
	}
}

// holds evaluates a rule of the model. Such a rule sees everything.
func (d *Data) holds(table *model.Table, rule string, rec Record) bool {
	key := fmt.Sprint(table.Name, rec["id"], rule)
	known, ok := d.known[key]
	if !ok {
		known = d.Ask(rule, table, rec, nil, false) == True
		d.known[key] = known
	}
	return known
}

// Visible returns true if the caller may read a row. Without client, every row is visible.
func (d *Data) Visible(table *model.Table, rec Record, client bool) bool {
	rule, ok := d.read[table]
	if table.Name == "users" {
		rule, ok = "row.id == auth.id", true
	}
	return !client || !ok || d.holds(table, rule, rec)
}

// Value returns the value of a field. With client, it returns null if the caller may not read it.
func (d *Data) Value(field *model.Field, rec Record, client bool) ref.Val {
	mask, ok := d.masks[field]
	if field.Table.Name == "users" && field.Name == "email" { // a built-in mask
		mask, ok = "row.id == auth.id", true
	}
	if ok && client && !d.holds(field.Table, mask, rec) {
		return types.NullValue
	}
	return rec[field.Name]
}

// One returns the row that a reference leads to, or nil if it is missing or hidden.
func (d *Data) One(relation *model.Relation, rec Record, client bool) Record {
	if rec == nil {
		return nil
	}
	target := d.Find(relation.To, d.Value(relation.Field, rec, client))
	if target == nil || !d.Visible(relation.To, target, client) {
		return nil
	}
	return target
}

// Many returns the rows that refer to a row, ordered by id.
func (d *Data) Many(relation *model.Relation, rec Record, client bool) []Record {
	var items []Record
	for _, item := range d.Rows[relation.To.Name] {
		key := d.Value(relation.Field, item, client)
		if key.Equal(rec["id"]) == types.True && d.Visible(relation.To, item, client) {
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(a, b Record) int { return Compare(a["id"], b["id"]) })
	return items
}

// Seen returns the rows of a table that the caller may read.
func (d *Data) Seen(table *model.Table) []Record {
	var seen []Record
	for _, rec := range d.Rows[table.Name] {
		if d.Visible(table, rec, true) {
			seen = append(seen, rec)
		}
	}
	return seen
}

// View returns all that the caller may know, as text: the visible rows under the caller's masks. Relations add nothing,
// because they follow masked references to visible rows.
func (d *Data) View() string {
	var text strings.Builder
	for _, table := range d.Model.Tables {
		rows := d.Seen(table)
		slices.SortFunc(rows, func(a, b Record) int { return Compare(a["id"], b["id"]) })
		for _, rec := range rows {
			text.WriteString(table.Name)
			for _, field := range table.Fields {
				text.WriteByte(' ')
				text.Write(AppendJSON(nil, field, d.Value(field, rec, true)))
			}
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// A celRow is a row as a value of CEL. All fields of a missing row are null.
type celRow struct {
	data    *Data
	table   *model.Table
	rec     Record // nil: missing
	client  bool
	written *writtenRow // nil outside of writes
}

// A writtenRow is the row of a write while its access rule is evaluated. Relations skip it.
type writtenRow struct {
	table *model.Table
	id    ref.Val
}

func (w *writtenRow) is(table *model.Table, rec Record) bool {
	return w != nil && rec != nil && w.table == table && Same(w.id, rec["id"])
}

var rowType = cel.ObjectType("row", traits.IndexerType|traits.FieldTesterType)

func (r celRow) ConvertToNative(reflect.Type) (any, error) { return nil, fmt.Errorf("no native form") }
func (r celRow) ConvertToType(ref.Type) ref.Val            { return types.NewErr("no conversion") }
func (r celRow) Value() any                                { return r.rec }
func (r celRow) Type() ref.Type {
	if r.rec == nil {
		return types.NullType
	}
	return rowType
}

func (r celRow) Equal(other ref.Val) ref.Val {
	return types.Bool(r.rec == nil && other.Type() == types.NullType)
}

func (r celRow) IsSet(name ref.Val) ref.Val {
	return types.Bool(r.Get(name).Type() != types.NullType)
}

func (r celRow) Get(name ref.Val) ref.Val {
	member := string(name.(types.String))
	if relation := r.table.Relation(member); relation != nil {
		return r.follow(relation)
	}
	if r.rec == nil {
		return types.NullValue
	}
	return r.data.Value(r.table.Field(member), r.rec, r.client)
}

func (r celRow) follow(relation *model.Relation) ref.Val {
	if !relation.Many {
		target := r.data.One(relation, r.rec, r.client)
		if r.written.is(relation.To, target) {
			target = nil
		}
		return celRow{r.data, relation.To, target, r.client, r.written}
	}
	if r.rec == nil {
		return types.NullValue
	}
	var items []ref.Val
	for _, rec := range r.data.Many(relation, r.rec, r.client) {
		if !r.written.is(relation.To, rec) {
			items = append(items, celRow{r.data, relation.To, rec, r.client, r.written})
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, items)
}
