package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Record holds the values of a row by the names of its fields.
type Record map[string]ref.Val

// Data holds the rows of a World's tables, by table, in the order of insertion.
type Data struct {
	*World
	Rows map[string][]Record

	known map[string]bool // outcomes of rules, by table, row and rule; dropped when a row changes
}

// Clone returns an independent copy.
func (d *Data) Clone() *Data {
	clone := &Data{World: d.World, Rows: map[string][]Record{}, known: map[string]bool{}}
	for name, rows := range d.Rows {
		for _, rec := range rows {
			clone.Rows[name] = append(clone.Rows[name], maps.Clone(rec))
		}
	}
	return clone
}

// As returns the same rows for caller i, 0 ≤ i < Callers.
func (d *Data) As(i int) *Data {
	world := *d.World
	world.setCaller(i)
	return &Data{World: &world, Rows: d.Rows, known: map[string]bool{}}
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

// Put replaces a row, or adds it.
func (d *Data) Put(table *model.Table, rec Record) {
	rows := slices.Clone(d.Rows[table.Name])
	i := slices.IndexFunc(rows, func(other Record) bool { return Same(other["id"], rec["id"]) })
	if i < 0 {
		rows = append(rows, rec)
	} else {
		rows[i] = rec
	}
	d.Rows[table.Name] = rows
	d.known = map[string]bool{}
}

// Remove removes a row.
func (d *Data) Remove(table *model.Table, rec Record) {
	isRemoved := func(other Record) bool { return Same(other["id"], rec["id"]) }
	d.Rows[table.Name] = slices.DeleteFunc(slices.Clone(d.Rows[table.Name]), isRemoved)
	d.known = map[string]bool{}
}

// Referred returns true if a row refers to this one.
func (d *Data) Referred(table *model.Table, rec Record) bool {
	for _, other := range d.Model.Tables {
		for _, field := range other.Fields {
			if field.Ref != table {
				continue
			}
			for _, referring := range d.Rows[other.Name] {
				if referring[field.Name].Equal(rec["id"]) == types.True {
					return true
				}
			}
		}
	}
	return false
}

// ReferredByOthers returns true if another row refers to this one, so a delete of this row is refused.
func (d *Data) ReferredByOthers(table *model.Table, rec Record) bool {
	without := d.Clone()
	without.Remove(table, rec)
	return without.Referred(table, rec)
}

// Same returns true if two values of one field are equal. Two nulls are equal.
func Same(a, b ref.Val) bool {
	if a.Type() == types.MapType { // the generator makes only one JSON value
		return b.Type() == types.MapType
	}
	return b.Type() != types.MapType && Compare(a, b) == 0
}

// Compare orders two values of one field: numbers by value, text by code points, false before true, null last.
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
