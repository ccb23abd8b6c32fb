package migrate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// querier asks the database.
type querier = system.Querier

// hasRow reports whether a query has a row.
func hasRow(reader querier, sql string) (found bool, err error) {
	err = reader.Query(sql, nil, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// maxShown is the number of rows that a message names.
const maxShown = 10

// found is the result of a search for rows: how many, the first ids, and what is wrong with the first row.
type found struct {
	count int64
	ids   []string
	why   string
}

func (f *found) add(id, why string) {
	if f.count++; len(f.ids) < maxShown {
		f.ids = append(f.ids, id)
	}
	if f.why == "" {
		f.why = why
	}
}

// String returns "2 rows (a, b)".
func (f found) String() string {
	s := fmt.Sprintf("%d rows", f.count)
	if f.count == 1 {
		s = "1 row"
	}
	ids := strings.Join(f.ids, ", ")
	if int(f.count) > len(f.ids) {
		ids += ", …"
	}
	return s + " (" + ids + ")"
}

// search runs a query whose first column is the id of a row of the table.
func search(reader querier, table *model.Table, sql string, args ...value.Value) (rows found, err error) {
	err = reader.Query(sql, args, func(row value.Row) error {
		rows.add(sqlgen.PostgresText(value.Scan(table.ID(), row, 0)), "")
		return nil
	})
	return rows, err
}

// scan calls look for each value of a column.
func scan(reader querier, field *model.Field, look func(value.Value) (why string)) (out found, err error) {
	id, column := sqlgen.Quote("id"), sqlgen.Quote(field.Name)
	sql := fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s IS NOT NULL ORDER BY %s", id, column, sqlgen.Quote(field.Table.Name), column, id)
	err = reader.Query(sql, nil, func(row value.Row) error {
		if why := look(value.Scan(field, row, 1)); why != "" {
			out.add(sqlgen.PostgresText(value.Scan(field.Table.ID(), row, 0)), why)
		}
		return nil
	})
	return out, err
}

// contradictions finds the changes that rows contradict or that have no way.
func (p *planner) contradictions(reader querier) error {
	for _, change := range p.plan.Changes {
		if err := p.contradiction(reader, change); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) contradiction(reader querier, change diff.Change) error {
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
func (p *planner) refuse(change diff.Change, rows found, advice string) {
	if rows.count == 0 {
		return
	}
	why := ""
	if rows.why != "" {
		why = ": " + rows.why
	}
	p.plan.faults = append(p.plan.faults, p.New.Fault(change.Pos, "%v: %v in the way%s; %s", change, rows, why, advice))
}

func (p *planner) mustHave(reader querier, change diff.Change) error {
	given := p.backfill(change.NewField)
	if !given.IsNull() && change.NewField.Ref == nil {
		return nil
	}
	all, err := search(reader, change.OldTable, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(change.OldTable.Name)+" ORDER BY "+sqlgen.Quote("id"))
	if err != nil || all.count == 0 {
		return err
	}
	if given.IsNull() {
		p.refuse(change, all, "give it a default that is a constant or now, or make it optional")
		return nil
	}
	return p.mustExist(reader, change, given)
}

// mustExist checks that a row exists before all others refer to it.
func (p *planner) mustExist(reader querier, change diff.Change, id value.Value) error {
	target := p.OldTable(change.NewField.Ref)
	exists := false
	if target != nil {
		if was, err := value.Convert(change.NewField.Ref.ID(), target.ID(), id); err == nil {
			found, err := search(reader, target, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(target.Name)+" WHERE "+sqlgen.Quote("id")+" = $1", was)
			if err != nil {
				return err
			}
			exists = found.count > 0
		}
	}
	if !exists {
		p.plan.faults = append(p.plan.faults, p.New.Fault(change.Pos, "%v: its default refers to %s of %s, which is not there; make that row first", change, sqlgen.PostgresText(id), change.NewField.Ref.Name))
	}
	return nil
}

// mustNotMiss checks rows without a value of a field that becomes required, and the value that they get.
func (p *planner) mustNotMiss(reader querier, change diff.Change) error {
	id := sqlgen.Quote("id")
	found, err := search(reader, change.OldTable, "SELECT "+id+" FROM "+sqlgen.Quote(change.OldTable.Name)+" WHERE "+sqlgen.Quote(change.OldField.Name)+" IS NULL ORDER BY "+id)
	fill := p.fill(change.OldField, change.NewField)
	switch {
	case err != nil || found.count == 0:
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

func (p *planner) mustConvert(reader querier, change diff.Change, was, is *model.Field) error {
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
func (p *planner) mustRefer(reader querier, change diff.Change) error {
	if change.NewField.Ref == nil {
		return nil
	}
	child, column, id := sqlgen.Quote(change.OldTable.Name), sqlgen.Quote(change.OldField.Name), sqlgen.Quote("id")
	sql := "SELECT " + id + " FROM " + child + " WHERE " + column + " IS NOT NULL ORDER BY " + id // a new table has no row to refer to
	if target := p.OldTable(change.NewField.Ref); target != nil {
		if p.converts(change.OldField, change.NewField) || p.converts(target.ID(), change.NewField.Ref.ID()) {
			return nil
		}
		sql = orphans(change.OldField, target)
	}
	f, err := search(reader, change.OldTable, sql)
	p.refuse(change, f, noSuchRows(change.NewField))
	return err
}

func noSuchRows(f *model.Field) string {
	return fmt.Sprintf("they refer to rows of %s that are not there: change or delete them first", f.Ref.Name)
}

// orphans returns the query for rows whose field has a value, but not the id of any row of a table.
func orphans(field *model.Field, target *model.Table) string {
	child, column, id := sqlgen.Quote(field.Table.Name), sqlgen.Quote(field.Name), sqlgen.Quote(field.Table.ID().Name)
	return "SELECT c." + id + " FROM " + child + " AS c WHERE c." + column + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " +
		sqlgen.Quote(target.Name) + " AS t WHERE t." + sqlgen.Quote(target.ID().Name) + " = c." + column + ") ORDER BY c." + id
}

// mustFit looks for text that is too long for an index. A limit only binds later writes, so rows may have longer text.
func (p *planner) mustFit(reader querier, change diff.Change) error {
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
		found, err := search(reader, change.OldTable, sql)
		if err != nil {
			return err
		}
		if found.count > 0 {
			found.why = name + tooLong()
		}
		p.refuse(change, found, "shorten these values first, or leave this out")
	}
	return p.mustFitTogether(reader, change)
}

// mustFitTogether looks for rows whose texts together are too long for a row of an index.
func (p *planner) mustFitTogether(reader querier, change diff.Change) error {
	fields := fieldsOf(change.NewTable, sqlgen.NewIndex(change.NewTable, change.Kind == diff.UniqueAdded, fieldsOf(change.NewTable, change.Columns)).Columns)
	texts, most := model.IndexRoom(fields)
	if len(texts) < 2 {
		return nil
	}
	length := func(column string) string { return "octet_length(" + column + ")" }
	if p.dialect == sqlgen.SQLite {
		length = func(column string) string { return "length(CAST(" + column + " AS BLOB))" }
	}
	var terms, names []string
	for _, field := range texts {
		names = append(names, field.Name)
		if before := p.OldField(field); before != nil && (before.Type == model.Text || before.Type == model.Enum) {
			terms = append(terms, "coalesce("+length(sqlgen.Quote(before.Name))+", 0)")
		}
	}
	if terms == nil {
		return nil
	}
	id := sqlgen.Quote("id")
	found, err := search(reader, change.OldTable, fmt.Sprintf("SELECT %s FROM %s WHERE %s > %d ORDER BY %s", id, sqlgen.Quote(change.OldTable.Name), strings.Join(terms, " + "), most, id))
	if err != nil {
		return err
	}
	if found.count > 0 {
		found.why = fmt.Sprintf("%s have more than %d bytes together, which no index holds", strings.Join(names, ", "), most)
	}
	p.refuse(change, found, "shorten these values first, or leave this out")
	return nil
}

func tooLong() string {
	return fmt.Sprintf(" has more than %d characters, which no index holds", model.MaxIndexedText)
}

// indexed reports whether a field is in any index of its table.
func indexed(f *model.Field) bool {
	return f.Name == "id" || slices.ContainsFunc(sqlgen.Indexes(f.Table), func(i sqlgen.Index) bool { return slices.Contains(i.Columns, f.Name) })
}

// mustDiffer looks for rows with the same values in a new unique index.
func (p *planner) mustDiffer(reader querier, change diff.Change) error {
	if change.OldTable == nil {
		return nil
	}
	return p.findSame(reader, change, change.Columns)
}

// findSame looks for rows that will have the same values in these columns of the new table. Missing values never count
// as the same. If values are converted, it compares the converted values.
func (p *planner) findSame(reader querier, change diff.Change, names []string) error {
	var columns []sameColumn
	for _, name := range names {
		field := change.NewTable.Field(name)
		before := p.OldField(field)
		switch {
		case before == nil && field.Optional, before != nil && p.converts(before, field):
			return nil
		case before != nil:
			columns = append(columns, sameColumn{before.Name, p.fillLiteral(before, field), field.Caseless && len(names) == 1})
		}
	}
	found, err := search(reader, change.OldTable, same(change.OldTable, columns))
	advice := "they have the same values: change or delete them first, or leave this out"
	if len(columns) == 1 && columns[0].caseless {
		advice = "they have the same " + names[0] + " but for upper and lower case: leave one of each as it is, and change or delete the others"
	}
	p.refuse(change, found, advice)
	return err
}

// fillLiteral returns the literal that rows without a value get, or "".
func (p *planner) fillLiteral(was, is *model.Field) string {
	if v := p.fill(was, is); !v.IsNull() {
		return p.dialect.Literal(is, v)
	}
	return ""
}

// sameColumn is a column in which rows are compared, and the literal for a missing value.
type sameColumn struct {
	name, fill string
	caseless   bool
}

// same returns the query for rows that have the same values in columns as another row.
func same(table *model.Table, columns []sameColumn) string {
	id := sqlgen.Quote(table.ID().Name)
	var values, named, order, present []string
	for i, column := range columns {
		v := sqlgen.Quote(column.name)
		if column.fill == "" {
			present = append(present, v+" IS NOT NULL")
		} else {
			v = "coalesce(" + v + ", " + column.fill + ")"
		}
		if column.caseless {
			v = sqlgen.Caseless(v)
		}
		as := fmt.Sprintf("_v%d", i)
		values, named, order = append(values, v), append(named, v+" AS "+as), append(order, as)
	}
	over, where := "", ""
	if values != nil {
		over = "PARTITION BY " + strings.Join(values, ", ")
	}
	if present != nil {
		where = " WHERE " + strings.Join(present, " AND ")
	}
	return "SELECT " + id + " FROM (SELECT " + strings.Join(append(named, id), ", ") + ", count(*) OVER (" + over + ") AS _same FROM " +
		sqlgen.Quote(table.Name) + where + ") AS t WHERE _same > 1 ORDER BY " + strings.Join(append(order, id), ", ")
}
