package migrate

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
	o := &outcome{rows: map[int][]*wRow{}}
	for _, t := range from.tables {
		is := to.table(t.uid)
		if is == nil {
			o.drops = append(o.drops, t.name)
			continue
		}
		for _, f := range t.fields {
			if is.field(f.uid) == nil {
				o.drops = append(o.drops, t.name+"."+f.column)
			}
		}
	}
	slices.Sort(o.drops)
	for _, t := range to.tables {
		if was := from.table(t.uid); was != nil {
			o.table(from, to, was, t, at, forth)
		}
	}
	if len(o.wrong) == 0 {
		o.together(to)
	}
	return o
}

func (o *outcome) table(from, to *world, was, t *wTable, at time.Time, forth bool) {
	rows := make([]*wRow, len(was.rows))
	ids := from.schema(was).ID()
	if !value.Convertible(was.key, t.key) {
		o.contradicts("no way", t, "id", 0)
		return
	}
	bad := 0
	for i, r := range was.rows {
		id, err := value.Convert(ids, to.schema(t).ID(), r.id)
		if err != nil {
			bad++
		}
		rows[i] = &wRow{id: id, values: map[int]value.Value{}, revision: r.revision, created: r.created, updated: r.updated}
	}
	if bad > 0 {
		o.contradicts("unfit", t, "id", bad)
	}
	for _, f := range t.fields {
		o.field(from, to, was, t, f, rows, at, forth)
	}
	o.rows[t.uid] = rows
}

func (o *outcome) field(from, to *world, was, t *wTable, f *wField, rows []*wRow, at time.Time, forth bool) {
	is, before := to.column(t, f), was.field(f.uid)
	fill := value.Value{}
	if forth && f.given.cel == now {
		fill = value.OfTimestamp(at.UnixMicro())
	} else if forth && f.given.cel != "" {
		fill = to.parse(t, f, f.given.json)
	}
	if before == nil {
		o.added = append(o.added, [2]int{t.uid, f.uid})
	} else if !value.Convertible(before.typ, f.typ) {
		o.contradicts("no way", t, f.column, 0)
		return
	}
	if !forth && before != nil && f.typ == model.Enum {
		is = namedBack(is, before)
	}
	missing, unfit := 0, 0
	for i, r := range rows {
		v := value.Value{}
		if before != nil {
			var err error
			if v, err = value.Convert(from.column(was, before), is, was.rows[i].values[f.uid]); err != nil {
				unfit++
				continue
			}
		}
		if v.IsNull() && !f.optional {
			v = fill
			if v.IsNull() {
				missing++
			}
		}
		r.values[f.uid] = v
	}
	if unfit > 0 {
		o.contradicts("unfit", t, f.column, unfit)
	}
	if missing > 0 {
		o.contradicts("missing", t, f.column, missing)
	}
}

// namedBack is the field of an enum as it was, whose values have the names that they got later as former ones.
func namedBack(f *model.Field, later *wField) *model.Field {
	g := *f
	g.Values = slices.Clone(f.Values)
	for i, v := range g.Values {
		g.Values[i].Was = ""
		for _, l := range later.values {
			if l.Was == v.Name && !slices.ContainsFunc(f.Values, func(o model.EnumValue) bool { return o.Name == l.Name }) {
				g.Values[i].Was = l.Name
			}
		}
	}
	return &g
}

// together looks at what rows contradict in each other.
func (o *outcome) together(to *world) {
	after := to.with(o.rows)
	for _, t := range after.tables {
		for combo, n := range after.duplicates(t) {
			o.contradicts("duplicates", t, combo, n)
		}
		for _, f := range t.fields {
			if f.ref == 0 {
				continue
			}
			orphans := 0
			for _, r := range t.rows {
				if v := r.values[f.uid]; !v.IsNull() && after.table(f.ref).row(v) == nil {
					orphans++
				}
			}
			if orphans > 0 {
				o.contradicts("orphans", t, f.column, orphans)
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
	for _, r := range t.rows {
		if show(r.id) == show(id) {
			return r
		}
	}
	return nil
}

// loses says whether an undo of the step that led to a world with these rows would lose a value of a field or a table that
// the step had added.
func (o *outcome) loses(from, to *world, at time.Time) bool {
	for _, t := range to.tables {
		if from.table(t.uid) == nil && len(t.rows) > 0 {
			return true
		}
	}
	for _, a := range o.added {
		t := to.table(a[0])
		f := t.field(a[1])
		for _, r := range t.rows {
			v, fill := r.values[f.uid], value.Value{}
			switch {
			case f.optional:
			case f.given.cel == now:
				fill = value.OfTimestamp(at.UnixMicro())
			case f.given.cel != "":
				fill = to.parse(t, f, f.given.json)
			}
			if !v.IsNull() && (show(v) != show(fill) || v.Kind == value.JSON) {
				return true
			}
		}
	}
	return false
}

// deletion says what is left of a world when a row was deleted; refused where a reference restricts it. Rows that lose a
// reference have the revision -1.
func (w *world) deletion(t *wTable, r *wRow) (after *world, refused bool) {
	gone := map[*wRow]bool{r: true}
	type child struct {
		r *wRow
		f *wField
	}
	cleared := map[child]bool{}
	for again := true; again; {
		again = false
		for _, c := range w.tables {
			for _, f := range c.fields {
				if f.ref == 0 {
					continue
				}
				for _, row := range c.rows {
					v := row.values[f.uid]
					if gone[row] || v.IsNull() || !gone[w.table(f.ref).row(v)] {
						continue
					}
					switch f.onDelete {
					case "cascade":
						gone[row], again = true, true
					case "clear":
						cleared[child{row, f}] = true
					}
				}
			}
		}
	}
	rows := map[int][]*wRow{}
	for _, c := range w.tables {
		for _, row := range c.rows {
			if gone[row] {
				continue
			}
			copied := *row
			copied.values = map[int]value.Value{}
			for _, f := range c.fields {
				v := row.values[f.uid]
				if f.ref != 0 && !v.IsNull() && gone[w.table(f.ref).row(v)] {
					if !cleared[child{row, f}] {
						return w, true
					}
					v, copied.revision = value.Value{}, -1
				}
				copied.values[f.uid] = v
			}
			rows[c.uid] = append(rows[c.uid], &copied)
		}
	}
	return w.with(rows), false
}
