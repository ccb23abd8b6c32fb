package oracle

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Changes counts what differs between two Data of one View.
type Changes struct {
	Masked  int // values behind a mask in rows that the caller may read
	Hidden  int // values in rows that the caller may not read
	Added   int // rows
	Removed int
}

// Sum is how many there are.
func (c Changes) Sum() int { return c.Masked + c.Hidden + c.Added + c.Removed }

// Disturb returns other rows of the same View: it tries random changes and keeps those after which the caller may know
// what it might know before.
func (d *Data) Disturb(tries int) (*Data, Changes) {
	view := d.View()
	var made Changes
	for range tries {
		c := d.Clone()
		if count := c.change(); count != nil && c.View() == view {
			count(&made)
			d = c
		}
	}
	return d, made
}

// change makes one random change and returns how to count it, nil where nothing came of it.
func (d *Data) change() func(*Changes) {
	table := d.Model.Tables[d.IntN(len(d.Model.Tables))]
	rows := d.Rows[table.Name]
	switch at := d.IntN(MaxRows); {
	case at >= len(rows):
		if d.Add(table) == nil {
			return nil
		}
		return func(c *Changes) { c.Added++ }
	case d.IntN(6) == 0:
		if len(rows) == 1 || d.Referred(table, rows[at]) { // one stays, for references to lead to
			return nil
		}
		d.Rows[table.Name] = slices.Delete(slices.Clone(rows), at, at+1)
		return func(c *Changes) { c.Removed++ }
	default:
		field := table.Fields[1+d.IntN(len(table.Fields)-1)]
		v := d.Random(field)
		if field.Type == model.Text && field.Max == nil && d.IntN(2) == 0 {
			v = types.String(strings.Repeat("ab", 100_000)) // as many bytes again as all else: work on it shows
		}
		if Same(v, rows[at][field.Name]) {
			return nil
		}
		seen := d.Visible(table, rows[at], true)
		rows[at][field.Name] = v
		d.known = map[string]bool{}
		return func(c *Changes) {
			if seen {
				c.Masked++
			} else {
				c.Hidden++
			}
		}
	}
}

// Add adds a row with an id that none has, nil where all are taken.
func (d *Data) Add(table *model.Table) Record {
	for _, i := range d.Perm(MaxRows) {
		if d.Find(table, ID(table, i)) != nil {
			continue
		}
		rec := Record{"id": ID(table, i)}
		d.Rows[table.Name] = append(slices.Clone(d.Rows[table.Name]), rec)
		for _, f := range table.Fields[1:] {
			rec[f.Name] = d.Random(f)
		}
		d.known = map[string]bool{}
		return rec
	}
	return nil
}

// Put replaces a row, or adds it.
func (d *Data) Put(table *model.Table, rec Record) {
	rows := slices.Clone(d.Rows[table.Name])
	i := slices.IndexFunc(rows, func(r Record) bool { return Same(r["id"], rec["id"]) })
	if i < 0 {
		rows = append(rows, rec)
	} else {
		rows[i] = rec
	}
	d.Rows[table.Name] = rows
	d.known = map[string]bool{}
}

// Remove removes a row.
func (d *Data) Remove(t *model.Table, rec Record) {
	d.Rows[t.Name] = slices.DeleteFunc(slices.Clone(d.Rows[t.Name]), func(r Record) bool { return Same(r["id"], rec["id"]) })
	d.known = map[string]bool{}
}

// Referred says whether another row refers to this one.
func (d *Data) Referred(table *model.Table, rec Record) bool {
	for _, other := range d.Model.Tables {
		for _, field := range other.Fields {
			if field.Ref != table {
				continue
			}
			for _, r := range d.Rows[other.Name] {
				if r[field.Name].Equal(rec["id"]) == types.True {
					return true
				}
			}
		}
	}
	return false
}

// ReferredByOthers says whether a row other than itself refers to this one, which keeps it from being deleted.
func (d *Data) ReferredByOthers(t *model.Table, rec Record) bool {
	without := d.Clone()
	without.Remove(t, rec)
	return without.Referred(t, rec)
}
