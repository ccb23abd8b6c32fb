package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// The statements of this file count rows to estimate what a query would read. They see all rows, whoever asks, and each
// looks at a bounded number of them.

// CountUpTo counts the rows of a table, up to a number.
func CountUpTo(table *model.Table, most int64) string {
	return "SELECT count(q.n) FROM (SELECT 1 AS n FROM " + Quote(table.Name) + " LIMIT " + strconv.FormatInt(most, 10) + ") AS q"
}

// AboutRows returns about the number of rows of a table without reading them. SQLite's rowids count the rows that were ever
// there. PostgreSQL knows how many rows there were on a page, and how many pages there are now.
func AboutRows(dialect Dialect, table *model.Table) string {
	if !dialect.HasStatistics() {
		return "SELECT max(rowid) - min(rowid) + 1 FROM " + Quote(table.Name)
	}
	return "SELECT (CASE WHEN relpages > 0 AND reltuples > 0 THEN reltuples / relpages ELSE 50 END" +
		" * pg_relation_size(oid) / current_setting('block_size')::bigint)::bigint FROM pg_class" +
		" WHERE oid = '" + strings.ReplaceAll(Quote(table.Name), "'", "''") + "'::regclass"
}

// CountDistinct counts the different values of fields at the start of an index, up to a number. It looks up one value after
// the other in the index. Rows without a value do not count.
func CountDistinct(table *model.Table, fields []*model.Field, most int64) string {
	var present []string
	for _, f := range fields {
		if f.Optional {
			present = append(present, column("s", f.Name)+" IS NOT NULL")
		}
	}
	list := func(alias string, more ...string) string {
		var columns []string
		for _, f := range fields {
			columns = append(columns, column(alias, f.Name))
		}
		return strings.Join(append(columns, more...), ", ")
	}
	next := func(more ...string) string {
		return "(SELECT " + column("s", "id") + " FROM " + Quote(table.Name) + " AS s" + where(append(present, more...)) +
			" ORDER BY " + list("s", column("s", "id")) + " LIMIT 1)"
	}
	tuple := func(alias string) string { return "(" + list(alias) + ")" }
	from := " FROM " + Quote(table.Name) + " AS t WHERE " + column("t", "id") + " = "
	return "WITH RECURSIVE d AS (SELECT 1 AS n, " + list("t") + from + next() +
		" UNION ALL SELECT d.n + 1, " + list("t") + " FROM d, " + Quote(table.Name) + " AS t WHERE d.n < " + strconv.FormatInt(most, 10) +
		" AND " + column("t", "id") + " = " + next(tuple("s")+" > "+tuple("d")) + ") SELECT count(*) FROM d"
}

// SampleDistinct counts the different values of fields in the first rows of a table: by the fields if an index starts with
// them, else in any order. The columns are the rows and the values.
func SampleDistinct(table *model.Table, fields []*model.Field, indexed bool, rows int) string {
	var columns []string
	for _, f := range fields {
		columns = append(columns, Quote(f.Name))
	}
	list := strings.Join(columns, ", ")
	var present []string
	for _, f := range fields {
		if f.Optional {
			present = append(present, Quote(f.Name)+" IS NOT NULL")
		}
	}
	sample := "SELECT " + list + " FROM " + Quote(table.Name) + where(present)
	if indexed {
		sample += " ORDER BY " + list
	}
	sample += " LIMIT " + strconv.Itoa(rows)
	return "SELECT CAST(coalesce(sum(n), 0) AS bigint), count(*) FROM (SELECT count(*) AS n FROM (" + sample + ") AS q GROUP BY " + list + ") AS q"
}
