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
func hasRow(q querier, sql string) (found bool, err error) {
	err = q.Query(sql, nil, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}

// maxShown is the number of rows that a message names.
const maxShown = 10

// found is the result of a search for rows: how many, the first ids, and what is wrong with the first row.
type found struct {
	rows int64
	ids  []string
	why  string
}

func (f *found) add(id, why string) {
	if f.rows++; len(f.ids) < maxShown {
		f.ids = append(f.ids, id)
	}
	if f.why == "" {
		f.why = why
	}
}

// String returns "2 rows (a, b)".
func (f found) String() string {
	s := fmt.Sprintf("%d rows", f.rows)
	if f.rows == 1 {
		s = "1 row"
	}
	ids := strings.Join(f.ids, ", ")
	if int(f.rows) > len(f.ids) {
		ids += ", …"
	}
	return s + " (" + ids + ")"
}

// search runs a query whose first column is the id of a row of the table.
func search(q querier, t *model.Table, sql string, args ...value.Value) (f found, err error) {
	err = q.Query(sql, args, func(row value.Row) error {
		f.add(sqlgen.PostgresText(value.Scan(t.ID(), row, 0)), "")
		return nil
	})
	return f, err
}

// scan calls look for each value of a column.
func scan(q querier, f *model.Field, look func(value.Value) (why string)) (out found, err error) {
	id, column := sqlgen.Quote("id"), sqlgen.Quote(f.Name)
	sql := fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s IS NOT NULL ORDER BY %s", id, column, sqlgen.Quote(f.Table.Name), column, id)
	err = q.Query(sql, nil, func(row value.Row) error {
		if why := look(value.Scan(f, row, 1)); why != "" {
			out.add(sqlgen.PostgresText(value.Scan(f.Table.ID(), row, 0)), why)
		}
		return nil
	})
	return out, err
}

// contradictions finds the changes that rows contradict or that have no way.
func (p *planner) contradictions(q querier) error {
	for _, c := range p.plan.Changes {
		if err := p.contradiction(q, c); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) contradiction(q querier, c diff.Change) error {
	switch c.Kind {
	case diff.FieldAdded:
		if c.OldTable != nil && !c.Optional {
			return p.mustHave(q, c)
		}
	case diff.OptionalChanged:
		if c.OldField.Optional {
			return p.mustNotMiss(q, c)
		}
	case diff.TypeChanged, diff.DecimalChanged, diff.ValuesChanged:
		return p.mustConvert(q, c, c.OldField, c.NewField)
	case diff.KeyChanged:
		return p.mustConvert(q, c, c.OldTable.ID(), c.NewTable.ID())
	case diff.ReferenceChanged:
		return p.mustRefer(q, c)
	case diff.UniqueAdded:
		return errors.Join(p.mustFit(q, c), p.mustDiffer(q, c))
	case diff.UniqueChanged:
		return p.findSame(q, c, []string{c.NewField.Name})
	case diff.IndexAdded:
		return p.mustFit(q, c)
	}
	return nil
}

// refuse adds a fault about rows, and what to do.
func (p *planner) refuse(c diff.Change, f found, advice string) {
	if f.rows == 0 {
		return
	}
	why := ""
	if f.why != "" {
		why = ": " + f.why
	}
	p.plan.faults = append(p.plan.faults, p.New.Fault(c.Pos, "%v: %v in the way%s; %s", c, f, why, advice))
}

func (p *planner) mustHave(q querier, c diff.Change) error {
	given := p.backfill(c.NewField)
	if !given.IsNull() && c.NewField.Ref == nil {
		return nil
	}
	all, err := search(q, c.OldTable, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(c.OldTable.Name)+" ORDER BY "+sqlgen.Quote("id"))
	if err != nil || all.rows == 0 {
		return err
	}
	if given.IsNull() {
		p.refuse(c, all, "give it a default that is a constant or now, or make it optional")
		return nil
	}
	return p.mustExist(q, c, given)
}

// mustExist checks that the row exists that all others are to refer to.
func (p *planner) mustExist(q querier, c diff.Change, id value.Value) error {
	target := p.OldTable(c.NewField.Ref)
	exists := false
	if target != nil {
		if was, err := value.Convert(c.NewField.Ref.ID(), target.ID(), id); err == nil {
			f, err := search(q, target, "SELECT "+sqlgen.Quote("id")+" FROM "+sqlgen.Quote(target.Name)+" WHERE "+sqlgen.Quote("id")+" = $1", was)
			if err != nil {
				return err
			}
			exists = f.rows > 0
		}
	}
	if !exists {
		p.plan.faults = append(p.plan.faults, p.New.Fault(c.Pos, "%v: its default refers to %s of %s, which is not there; make that row first", c, sqlgen.PostgresText(id), c.NewField.Ref.Name))
	}
	return nil
}

// mustNotMiss checks rows without a value of a field that becomes required, and the value that they get.
func (p *planner) mustNotMiss(q querier, c diff.Change) error {
	id := sqlgen.Quote("id")
	f, err := search(q, c.OldTable, "SELECT "+id+" FROM "+sqlgen.Quote(c.OldTable.Name)+" WHERE "+sqlgen.Quote(c.OldField.Name)+" IS NULL ORDER BY "+id)
	fill := p.fill(c.OldField, c.NewField)
	switch {
	case err != nil || f.rows == 0:
		return err
	case fill.IsNull():
		p.refuse(c, f, "give them a value, or give the field a default that is a constant or now")
		return nil
	case c.NewField.Ref != nil:
		if err := p.mustExist(q, c, fill); err != nil {
			return err
		}
	}
	for _, i := range sqlgen.Indexes(c.NewTable) {
		if i.Unique && slices.Contains(i.Columns, c.NewField.Name) {
			if err := p.findSame(q, c, i.Columns); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *planner) mustConvert(q querier, c diff.Change, was, is *model.Field) error {
	if widens(was, is) {
		return nil
	}
	if !value.Convertible(was.Type, is.Type) {
		p.plan.faults = append(p.plan.faults, p.New.Fault(c.Pos, "%v: no %s is made of a %s; add a field of another name, and drop this one when its values have moved",
			c, is.Type, was.Type))
		return nil
	}
	f, err := scan(q, was, func(v value.Value) string {
		to, err := value.Convert(was, is, v)
		switch {
		case err != nil:
			return was.Name + " " + err.Error()
		case is.Type == model.Text && indexed(is) && utf8.RuneCountInString(to.Text) > model.MaxIndexedText:
			return was.Name + tooLong()
		}
		return ""
	})
	p.refuse(c, f, "change these values first, or leave the field as it was")
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
func (p *planner) mustRefer(q querier, c diff.Change) error {
	if c.NewField.Ref == nil {
		return nil
	}
	child, column, id := sqlgen.Quote(c.OldTable.Name), sqlgen.Quote(c.OldField.Name), sqlgen.Quote("id")
	sql := "SELECT " + id + " FROM " + child + " WHERE " + column + " IS NOT NULL ORDER BY " + id // a new table has no row to refer to
	if target := p.OldTable(c.NewField.Ref); target != nil {
		if p.converts(c.OldField, c.NewField) || p.converts(target.ID(), c.NewField.Ref.ID()) {
			return nil
		}
		sql = orphans(c.OldField, target)
	}
	f, err := search(q, c.OldTable, sql)
	p.refuse(c, f, noSuchRows(c.NewField))
	return err
}

func noSuchRows(f *model.Field) string {
	return fmt.Sprintf("they refer to rows of %s that are not there: change or delete them first", f.Ref.Name)
}

// orphans returns the query for rows whose field has a value that is no id of a table.
func orphans(f *model.Field, target *model.Table) string {
	child, column, id := sqlgen.Quote(f.Table.Name), sqlgen.Quote(f.Name), sqlgen.Quote(f.Table.ID().Name)
	return "SELECT c." + id + " FROM " + child + " AS c WHERE c." + column + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " +
		sqlgen.Quote(target.Name) + " AS t WHERE t." + sqlgen.Quote(target.ID().Name) + " = c." + column + ") ORDER BY c." + id
}

// mustFit looks for text that is too long for an index. A limit only binds later writes, so rows may have longer text.
func (p *planner) mustFit(q querier, c diff.Change) error {
	if c.OldTable == nil {
		return nil
	}
	for _, name := range c.Columns {
		f := c.NewTable.Field(name)
		before := p.OldField(f)
		if before == nil || f.Type != model.Text || before.Type != model.Text || indexed(before) {
			continue
		}
		id := sqlgen.Quote("id")
		sql := fmt.Sprintf("SELECT %s FROM %s WHERE length(%s) > %d ORDER BY %s", id, sqlgen.Quote(c.OldTable.Name), sqlgen.Quote(before.Name), model.MaxIndexedText, id)
		found, err := search(q, c.OldTable, sql)
		if err != nil {
			return err
		}
		if found.rows > 0 {
			found.why = name + tooLong()
		}
		p.refuse(c, found, "shorten these values first, or leave this out")
	}
	return p.mustFitTogether(q, c)
}

// mustFitTogether looks for rows whose texts together are too long for a row of an index.
func (p *planner) mustFitTogether(q querier, c diff.Change) error {
	fields := fieldsOf(c.NewTable, sqlgen.NewIndex(c.NewTable, c.Kind == diff.UniqueAdded, fieldsOf(c.NewTable, c.Columns)).Columns)
	texts, most := model.IndexRoom(fields)
	if len(texts) < 2 {
		return nil
	}
	length := func(column string) string { return "octet_length(" + column + ")" }
	if p.dialect == sqlgen.SQLite {
		length = func(column string) string { return "length(CAST(" + column + " AS BLOB))" }
	}
	var terms, names []string
	for _, f := range texts {
		names = append(names, f.Name)
		if before := p.OldField(f); before != nil && (before.Type == model.Text || before.Type == model.Enum) {
			terms = append(terms, "coalesce("+length(sqlgen.Quote(before.Name))+", 0)")
		}
	}
	if terms == nil {
		return nil
	}
	id := sqlgen.Quote("id")
	found, err := search(q, c.OldTable, fmt.Sprintf("SELECT %s FROM %s WHERE %s > %d ORDER BY %s", id, sqlgen.Quote(c.OldTable.Name), strings.Join(terms, " + "), most, id))
	if err != nil {
		return err
	}
	if found.rows > 0 {
		found.why = fmt.Sprintf("%s have more than %d bytes together, which no index holds", strings.Join(names, ", "), most)
	}
	p.refuse(c, found, "shorten these values first, or leave this out")
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
func (p *planner) mustDiffer(q querier, c diff.Change) error {
	if c.OldTable == nil {
		return nil
	}
	return p.findSame(q, c, c.Columns)
}

// findSame looks for rows that will have the same values in these columns of the new table. Missing values never count
// as the same. If values are converted, it compares the converted values.
func (p *planner) findSame(q querier, c diff.Change, names []string) error {
	var columns []sameColumn
	for _, name := range names {
		f := c.NewTable.Field(name)
		before := p.OldField(f)
		switch {
		case before == nil && f.Optional, before != nil && p.converts(before, f):
			return nil
		case before != nil:
			columns = append(columns, sameColumn{before.Name, p.fillLiteral(before, f), f.Caseless && len(names) == 1})
		}
	}
	f, err := search(q, c.OldTable, same(c.OldTable, columns))
	advice := "they have the same values: change or delete them first, or leave this out"
	if len(columns) == 1 && columns[0].caseless {
		advice = "they have the same " + names[0] + " but for upper and lower case: leave one of each as it is, and change or delete the others"
	}
	p.refuse(c, f, advice)
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
func same(t *model.Table, columns []sameColumn) string {
	id := sqlgen.Quote(t.ID().Name)
	var values, named, order, present []string
	for i, c := range columns {
		v := sqlgen.Quote(c.name)
		if c.fill == "" {
			present = append(present, v+" IS NOT NULL")
		} else {
			v = "coalesce(" + v + ", " + c.fill + ")"
		}
		if c.caseless {
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
		sqlgen.Quote(t.Name) + where + ") AS t WHERE _same > 1 ORDER BY " + strings.Join(append(order, id), ", ")
}
