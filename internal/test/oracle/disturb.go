package oracle

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Changes counts the differences between two Data with the same View.
type Changes struct {
	Masked  int // values behind a mask, in visible rows
	Hidden  int // values in hidden rows
	Added   int // rows
	Removed int // rows
}

// Sum returns the number of all changes.
func (c Changes) Sum() int { return c.Masked + c.Hidden + c.Added + c.Removed }

// Disturb returns other rows with the same View. It tries random changes, and keeps a change if the View stays the same.
func (d *Data) Disturb(tries int) (*Data, Changes) {
	view := d.View()
	var made Changes
	for range tries {
		changed := d.Clone()
		if count := changed.change(); count != nil && changed.View() == view {
			count(&made)
			d = changed
		}
	}
	return d, made
}

// change tries one random change. It returns a function that counts the change, or nil if it changed nothing.
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
		if len(rows) == 1 || d.Referred(table, rows[at]) { // references need one row at least
			return nil
		}
		d.Rows[table.Name] = slices.Delete(slices.Clone(rows), at, at+1)
		return func(c *Changes) { c.Removed++ }
	default:
		return d.changeValue(table, rows[at])
	}
}

// changeValue gives a random field of a row another value. Half of the time, a text without a limit gets as many bytes as
// all other values have together, so work on it takes a measurable time.
func (d *Data) changeValue(table *model.Table, rec Record) func(*Changes) {
	field := table.Fields[1+d.IntN(len(table.Fields)-1)]
	val := d.Random(field)
	if field.Type == model.Text && field.Max == nil && d.IntN(2) == 0 {
		val = types.String(strings.Repeat("ab", 100_000))
	}
	if Same(val, rec[field.Name]) {
		return nil
	}
	visible := d.Visible(table, rec, true)
	rec[field.Name] = val
	d.known = map[string]bool{}
	return func(c *Changes) {
		if visible {
			c.Masked++
		} else {
			c.Hidden++
		}
	}
}
