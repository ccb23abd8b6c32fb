package migrate_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// outcome is what a change of worlds means for the rows.
type outcome struct {
	rows     map[int][]*wRow // by uid of a table
	wrong    []string        // what contradicts the new model: kind, table, column
	inTheWay int             // how many rows do, where that is one thing
	drops    []string        // what is lost, as it is to be allowed
	added    [][2]int        // fields that rows have for the first time, as uids of table and field
}

func (o *outcome) contradicts(kind string, t *wTable, column string, rows int) {
	o.wrong = append(o.wrong, fmt.Sprintf("%s %s.%s", kind, t.name, column))
	o.inTheWay = rows
}

// become says what a step from one world to another means, value by value. at is what `now` is; forth says that defaults
// are given, as they are but in an Undo.
func become(from, to *world, at time.Time, forth bool) *outcome {
	want := &outcome{rows: map[int][]*wRow{}}
	for _, table := range from.tables {
		is := to.table(table.uid)
		if is == nil {
			want.drops = append(want.drops, table.name)
			continue
		}
		for _, field := range table.fields {
			if is.field(field.uid) == nil {
				want.drops = append(want.drops, table.name+"."+field.column)
			}
		}
	}
	slices.Sort(want.drops)
	for _, table := range to.tables {
		if was := from.table(table.uid); was != nil {
			want.table(from, to, was, table, at, forth)
		}
	}
	if len(want.wrong) == 0 {
		want.together(to)
	}
	return want
}

func (o *outcome) table(from, to *world, was, table *wTable, at time.Time, forth bool) {
	rows := make([]*wRow, len(was.rows))
	ids := from.schema(was).ID()
	if !value.Convertible(was.key, table.key) {
		o.contradicts("no way", table, "id", 0)
		return
	}
	bad := 0
	for i, row := range was.rows {
		id, err := value.Convert(ids, to.schema(table).ID(), row.id)
		if err != nil {
			bad++
		}
		rows[i] = &wRow{id: id, values: map[int]value.Value{}, revision: row.revision, created: row.created, updated: row.updated}
	}
	if bad > 0 {
		o.contradicts("unfit", table, "id", bad)
	}
	for _, f := range table.fields {
		o.field(from, to, was, table, f, rows, at, forth)
	}
	o.rows[table.uid] = rows
}

func (o *outcome) field(from, to *world, was, table *wTable, field *wField, rows []*wRow, at time.Time, forth bool) {
	is, before := to.column(table, field), was.field(field.uid)
	fill := value.Value{}
	if forth && field.given.cel == now {
		fill = value.OfTimestamp(at.UnixMicro())
	} else if forth && field.given.cel != "" {
		fill = to.parse(table, field, field.given.json)
	}
	if before == nil {
		o.added = append(o.added, [2]int{table.uid, field.uid})
	} else if !value.Convertible(before.typ, field.typ) {
		o.contradicts("no way", table, field.column, 0)
		return
	}
	if !forth && before != nil && field.typ == model.Enum {
		is = namedBack(is, before)
	}
	missing, unfit := 0, 0
	for i, row := range rows {
		val := value.Value{}
		if before != nil {
			var err error
			if val, err = value.Convert(from.column(was, before), is, was.rows[i].values[field.uid]); err != nil {
				unfit++
				continue
			}
		}
		if val.IsNull() && !field.optional {
			val = fill
			if val.IsNull() {
				missing++
			}
		}
		row.values[field.uid] = val
	}
	if unfit > 0 {
		o.contradicts("unfit", table, field.column, unfit)
	}
	if missing > 0 {
		o.contradicts("missing", table, field.column, missing)
	}
}

// namedBack is the field of an enum as it was, whose values have the names that they got later as former ones.
func namedBack(field *model.Field, later *wField) *model.Field {
	clone := *field
	clone.Values = slices.Clone(field.Values)
	for i, v := range clone.Values {
		clone.Values[i].Was = ""
		for _, val := range later.values {
			if val.Was == v.Name && !slices.ContainsFunc(field.Values, func(o model.EnumValue) bool { return o.Name == val.Name }) {
				clone.Values[i].Was = val.Name
			}
		}
	}
	return &clone
}

// together looks at what rows contradict in each other.
func (o *outcome) together(to *world) {
	after := to.with(o.rows)
	for _, table := range after.tables {
		for combo, n := range after.duplicates(table) {
			o.contradicts("duplicates", table, combo, n)
		}
		for _, field := range table.fields {
			if field.ref == 0 {
				continue
			}
			orphans := 0
			for _, row := range table.rows {
				if v := row.values[field.uid]; !v.IsNull() && after.table(field.ref).row(v) == nil {
					orphans++
				}
			}
			if orphans > 0 {
				o.contradicts("orphans", table, field.column, orphans)
			}
		}
	}
}

// with is the world with other rows.
func (w *world) with(rows map[int][]*wRow) *world {
	c := w.clone()
	c.rules, c.text = w.rules, w.text
	for _, t := range c.tables {
		t.rows = rows[t.uid]
	}
	return c
}

func (t *wTable) row(id value.Value) *wRow {
	for _, row := range t.rows {
		if show(row.id) == show(id) {
			return row
		}
	}
	return nil
}

// loses says whether an undo of the step that led to a world with these rows would lose a value of a field or a table that
// the step had added.
func (o *outcome) loses(from, to *world, at time.Time) bool {
	for _, table := range to.tables {
		if from.table(table.uid) == nil && len(table.rows) > 0 {
			return true
		}
	}
	for _, a := range o.added {
		table := to.table(a[0])
		field := table.field(a[1])
		for _, row := range table.rows {
			val, fill := row.values[field.uid], value.Value{}
			switch {
			case field.optional:
			case field.given.cel == now:
				fill = value.OfTimestamp(at.UnixMicro())
			case field.given.cel != "":
				fill = to.parse(table, field, field.given.json)
			}
			if !val.IsNull() && (show(val) != show(fill) || val.Kind == value.JSON) {
				return true
			}
		}
	}
	return false
}

// deletion says what is left of a world when a row was deleted; refused where a reference restricts it. Rows that lose a
// reference have the revision -1.
func (w *world) deletion(t *wTable, row *wRow) (after *world, refused bool) {
	gone := map[*wRow]bool{row: true}
	type child struct {
		r *wRow
		f *wField
	}
	cleared := map[child]bool{}
	for again := true; again; {
		again = false
		for _, table := range w.tables {
			for _, field := range table.fields {
				if field.ref == 0 {
					continue
				}
				for _, row := range table.rows {
					val := row.values[field.uid]
					if gone[row] || val.IsNull() || !gone[w.table(field.ref).row(val)] {
						continue
					}
					switch field.onDelete {
					case "cascade":
						gone[row], again = true, true
					case "clear":
						cleared[child{row, field}] = true
					}
				}
			}
		}
	}
	rows := map[int][]*wRow{}
	for _, table := range w.tables {
		for _, row := range table.rows {
			if gone[row] {
				continue
			}
			copied := *row
			copied.values = map[int]value.Value{}
			for _, field := range table.fields {
				val := row.values[field.uid]
				if field.ref != 0 && !val.IsNull() && gone[w.table(field.ref).row(val)] {
					if !cleared[child{row, field}] {
						return w, true
					}
					val, copied.revision = value.Value{}, -1
				}
				copied.values[field.uid] = val
			}
			rows[table.uid] = append(rows[table.uid], &copied)
		}
	}
	return w.with(rows), false
}
