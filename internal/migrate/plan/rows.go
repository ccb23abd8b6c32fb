package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// contradictions finds the changes that rows contradict or that have no way.
func (p *Planner) contradictions(reader Querier) error {
	for _, change := range p.plan.Changes {
		if err := p.contradiction(reader, change); err != nil {
			return err
		}
	}
	return nil
}

func (p *Planner) contradiction(reader Querier, change diff.Change) error {
	switch change.Kind {
	case diff.FieldAdded:
		if change.OldTable != nil && !change.Optional {
			return p.mustHave(reader, change)
		}
	case diff.OptionalChanged:
		if change.OldField.Optional {
			return p.mustNotMiss(reader, change)
		}
	case diff.TypeChanged, diff.DecimalChanged, diff.ValuesChanged:
		return p.mustConvert(reader, change, change.OldField, change.NewField)
	case diff.KeyChanged:
		return p.mustConvert(reader, change, change.OldTable.ID(), change.NewTable.ID())
	case diff.ReferenceChanged:
		return p.mustRefer(reader, change)
	case diff.UniqueAdded:
		return errors.Join(p.mustFit(reader, change), p.mustDiffer(reader, change))
	case diff.UniqueChanged:
		return p.findSame(reader, change, []string{change.NewField.Name})
	case diff.IndexAdded:
		return p.mustFit(reader, change)
	}
	return nil
}

// refuse adds a fault about rows, and what to do.
func (p *Planner) refuse(change diff.Change, rows Found, advice string) {
	if rows.Count == 0 {
		return
	}
	why := ""
	if rows.why != "" {
		why = ": " + rows.why
	}
	p.plan.faults = append(p.plan.faults, p.New.Fault(change.Pos, "%v: %v in the way%s; %s", change, rows, why, advice))
}

func (p *Planner) mustHave(reader Querier, change diff.Change) error {
	given := p.backfill(change.NewField)
	if !given.IsNull() && change.NewField.Ref == nil {
		return nil
	}
	all, err := Search(reader, change.OldTable, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(change.OldTable.Name)+" ORDER BY "+sqlgen.Quote("id"))
	if err != nil || all.Count == 0 {
		return err
	}
	if given.IsNull() {
		p.refuse(change, all, "give it a default that is a constant or now, or make it optional")
		return nil
	}
	return p.mustExist(reader, change, given)
}

// mustExist checks that a row exists before all others refer to it.
func (p *Planner) mustExist(reader Querier, change diff.Change, id value.Value) error {
	target := p.OldTable(change.NewField.Ref)
	exists := false
	if target != nil {
		if was, err := value.Convert(change.NewField.Ref.ID(), target.ID(), id); err == nil {
			found, err := Search(reader, target, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(target.Name)+" WHERE "+sqlgen.Quote("id")+" = $1", was)
			if err != nil {
				return err
			}
			exists = found.Count > 0
		}
	}
	if !exists {
		p.plan.faults = append(p.plan.faults, p.New.Fault(change.Pos, "%v: its default refers to %s of %s, which is not there; make that row first", change, sqlgen.PostgresText(id), change.NewField.Ref.Name))
	}
	return nil
}

// mustNotMiss checks rows without a value of a field that becomes required, and the value that they get.
func (p *Planner) mustNotMiss(reader Querier, change diff.Change) error {
	id := sqlgen.Quote("id")
	found, err := Search(reader, change.OldTable, "SELECT "+id+" FROM "+sqlgen.Quote(change.OldTable.Name)+" WHERE "+sqlgen.Quote(change.OldField.Name)+" IS NULL ORDER BY "+id)
	fill := p.Fill(change.OldField, change.NewField)
	switch {
	case err != nil || found.Count == 0:
		return err
	case fill.IsNull():
		p.refuse(change, found, "give them a value, or give the field a default that is a constant or now")
		return nil
	case change.NewField.Ref != nil:
		if err := p.mustExist(reader, change, fill); err != nil {
			return err
		}
	}
	for _, index := range sqlgen.Indexes(change.NewTable) {
		if index.Unique && slices.Contains(index.Columns, change.NewField.Name) {
			if err := p.findSame(reader, change, index.Columns); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Planner) mustConvert(reader Querier, change diff.Change, was, is *model.Field) error {
	if widens(was, is) {
		return nil
	}
	if !value.Convertible(was.Type, is.Type) {
		p.plan.faults = append(p.plan.faults, p.New.Fault(change.Pos, "%v: no %s is made of a %s; add a field of another name, and drop this one when its values have moved",
			change, is.Type, was.Type))
		return nil
	}
	found, err := scan(reader, was, func(val value.Value) string {
		to, err := value.Convert(was, is, val)
		switch {
		case err != nil:
			return was.Name + " " + err.Error()
		case is.Type == model.Text && indexed(is) && utf8.RuneCountInString(to.Text) > model.MaxIndexedText:
			return was.Name + tooLong()
		}
		return ""
	})
	p.refuse(change, found, "change these values first, or leave the field as it was")
	return err
}

// widens reports whether every value of one field is a value of another.
func widens(was, is *model.Field) bool {
	switch {
	case is.Type == model.Text:
		return was.Type != model.JSON
	case was.Type != is.Type:
		return false
	case is.Type == model.Decimal:
		return is.Scale >= was.Scale && is.Precision-is.Scale >= was.Precision-was.Scale
	case is.Type == model.Enum:
		return !slices.ContainsFunc(was.Values, func(v model.EnumValue) bool {
			return !slices.ContainsFunc(is.Values, func(n model.EnumValue) bool { return diff.OldValue(was, n) == v.Name })
		})
	}
	return true
}

// mustRefer looks for rows that would refer to nothing. If values are converted, it checks the converted values.
func (p *Planner) mustRefer(reader Querier, change diff.Change) error {
	if change.NewField.Ref == nil {
		return nil
	}
	child, column, id := sqlgen.Quote(change.OldTable.Name), sqlgen.Quote(change.OldField.Name), sqlgen.Quote("id")
	sql := "SELECT " + id + " FROM " + child + " WHERE " + column + " IS NOT NULL ORDER BY " + id // a new table has no row to refer to
	if target := p.OldTable(change.NewField.Ref); target != nil {
		if p.Converts(change.OldField, change.NewField) || p.Converts(target.ID(), change.NewField.Ref.ID()) {
			return nil
		}
		sql = Orphans(change.OldField, target)
	}
	f, err := Search(reader, change.OldTable, sql)
	p.refuse(change, f, NoSuchRows(change.NewField))
	return err
}

// mustFit looks for text that is too long for an index. A limit only binds later writes, so rows may have longer text.
func (p *Planner) mustFit(reader Querier, change diff.Change) error {
	if change.OldTable == nil {
		return nil
	}
	for _, name := range change.Columns {
		field := change.NewTable.Field(name)
		before := p.OldField(field)
		if before == nil || field.Type != model.Text || before.Type != model.Text || indexed(before) {
			continue
		}
		id := sqlgen.Quote("id")
		sql := fmt.Sprintf("SELECT %s FROM %s WHERE length(%s) > %d ORDER BY %s", id, sqlgen.Quote(change.OldTable.Name), sqlgen.Quote(before.Name), model.MaxIndexedText, id)
		found, err := Search(reader, change.OldTable, sql)
		if err != nil {
			return err
		}
		if found.Count > 0 {
			found.why = name + tooLong()
		}
		p.refuse(change, found, "shorten these values first, or leave this out")
	}
	return p.mustFitTogether(reader, change)
}

// mustFitTogether looks for rows whose texts together are too long for a row of an index.
func (p *Planner) mustFitTogether(reader Querier, change diff.Change) error {
	fields := FieldsOf(change.NewTable, sqlgen.NewIndex(change.NewTable, change.Kind == diff.UniqueAdded, FieldsOf(change.NewTable, change.Columns)).Columns)
	texts, most := model.IndexRoom(fields)
	if len(texts) < 2 {
		return nil
	}
	var terms, names []string
	for _, field := range texts {
		names = append(names, field.Name)
		if before := p.OldField(field); before != nil && (before.Type == model.Text || before.Type == model.Enum) {
			terms = append(terms, "coalesce("+p.engine.ByteLength(sqlgen.Quote(before.Name))+", 0)")
		}
	}
	if terms == nil {
		return nil
	}
	id := sqlgen.Quote("id")
	found, err := Search(reader, change.OldTable, fmt.Sprintf("SELECT %s FROM %s WHERE %s > %d ORDER BY %s", id, sqlgen.Quote(change.OldTable.Name), strings.Join(terms, " + "), most, id))
	if err != nil {
		return err
	}
	if found.Count > 0 {
		found.why = fmt.Sprintf("%s have more than %d bytes together, which no index holds", strings.Join(names, ", "), most)
	}
	p.refuse(change, found, "shorten these values first, or leave this out")
	return nil
}

func tooLong() string {
	return fmt.Sprintf(" has more than %d characters, which no index holds", model.MaxIndexedText)
}

// mustDiffer looks for rows with the same values in a new unique index.
func (p *Planner) mustDiffer(reader Querier, change diff.Change) error {
	if change.OldTable == nil {
		return nil
	}
	return p.findSame(reader, change, change.Columns)
}

// findSame looks for rows that will have the same values in these columns of the new table. Missing values never count
// as the same. If values are converted, it compares the converted values.
func (p *Planner) findSame(reader Querier, change diff.Change, names []string) error {
	var columns []SameColumn
	for _, name := range names {
		field := change.NewTable.Field(name)
		before := p.OldField(field)
		switch {
		case before == nil && field.Optional, before != nil && p.Converts(before, field):
			return nil
		case before != nil:
			columns = append(columns, SameColumn{before.Name, p.FillLiteral(before, field), field.Caseless && len(names) == 1})
		}
	}
	found, err := Search(reader, change.OldTable, SameValues(change.OldTable, columns))
	advice := "they have the same values: change or delete them first, or leave this out"
	if len(columns) == 1 && columns[0].Caseless {
		advice = "they have the same " + names[0] + " but for upper and lower case: leave one of each as it is, and change or delete the others"
	}
	p.refuse(change, found, advice)
	return err
}
