package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// DuplicateIDs finds an id of a view that is missing or not unique. The columns are the id and the number of its rows.
func DuplicateIDs(d Dialect, t *model.Table) string {
	return "SELECT id, count(*) FROM " + viewTable(d, t) + " AS t0 GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 1"
}

// SampleRows reads up to n rows of a view without masks. The columns are its fields.
func SampleRows(dialect Dialect, table *model.Table, n int) string {
	cols := make([]string, len(table.Fields))
	for i, f := range table.Fields {
		cols[i] = column("t0", f.Name)
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + viewTable(dialect, table) + " AS t0 LIMIT " + strconv.Itoa(n)
}
