package plan

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Querier asks the database.
type Querier = system.Querier

// maxShown is the number of rows that a message names.
const maxShown = 10

// Found is the result of a search for rows: how many, the first ids, and what is wrong with the first row.
type Found struct {
	Count int64
	ids   []string
	why   string
}

func (f *Found) add(id, why string) {
	if f.Count++; len(f.ids) < maxShown {
		f.ids = append(f.ids, id)
	}
	if f.why == "" {
		f.why = why
	}
}

// String returns "2 rows (a, b)".
func (f Found) String() string {
	s := fmt.Sprintf("%d rows", f.Count)
	if f.Count == 1 {
		s = "1 row"
	}
	ids := strings.Join(f.ids, ", ")
	if int(f.Count) > len(f.ids) {
		ids += ", …"
	}
	return s + " (" + ids + ")"
}

// Search runs a query whose first column is the id of a row of the table.
func Search(reader Querier, table *model.Table, sql string, args ...value.Value) (rows Found, err error) {
	err = reader.Query(sql, args, func(row value.Row) error {
		rows.add(sqlgen.PostgresText(value.Scan(table.ID(), row, 0)), "")
		return nil
	})
	return rows, err
}

// scan calls look for each value of a column.
func scan(reader Querier, field *model.Field, look func(value.Value) (why string)) (out Found, err error) {
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

// NoSuchRows says what is wrong with the orphans of a field, and what to do.
func NoSuchRows(f *model.Field) string {
	return fmt.Sprintf("they refer to rows of %s that are not there: change or delete them first", f.Ref.Name)
}

// Orphans returns the query for rows whose field has a value, but not the id of any row of a table.
func Orphans(field *model.Field, target *model.Table) string {
	child, column, id := sqlgen.Quote(field.Table.Name), sqlgen.Quote(field.Name), sqlgen.Quote(field.Table.ID().Name)
	return "SELECT c." + id + " FROM " + child + " AS c WHERE c." + column + " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM " +
		sqlgen.Quote(target.Name) + " AS t WHERE t." + sqlgen.Quote(target.ID().Name) + " = c." + column + ") ORDER BY c." + id
}

// SameColumn is a column in which rows are compared, and the literal for a missing value.
type SameColumn struct {
	Name, Fill string
	Caseless   bool
}

// SameValues returns the query for rows that have the same values in columns as another row.
func SameValues(table *model.Table, columns []SameColumn) string {
	id := sqlgen.Quote(table.ID().Name)
	var values, named, order, present []string
	for i, column := range columns {
		v := sqlgen.Quote(column.Name)
		if column.Fill == "" {
			present = append(present, v+" IS NOT NULL")
		} else {
			v = "coalesce(" + v + ", " + column.Fill + ")"
		}
		if column.Caseless {
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

// Count returns the number that is the result of a query.
func Count(reader Querier, sql string, args ...value.Value) (n int64, err error) {
	err = reader.Query(sql, args, func(row value.Row) error {
		n = row.Int(0)
		return nil
	})
	return n, err
}
