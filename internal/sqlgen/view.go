package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// DuplicateIDs finds an id that more than one row of a view has, or none: the column is the id, then how many rows have it.
func DuplicateIDs(d Dialect, t *model.Table) string {
	return "SELECT id, count(*) FROM " + viewTable(d, t) + " AS t0 GROUP BY id HAVING count(*) > 1 OR id IS NULL LIMIT 1"
}

// SampleRows reads up to n rows of a view as they are. The columns are its fields.
func SampleRows(d Dialect, t *model.Table, n int) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = column("t0", f.Name)
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + viewTable(d, t) + " AS t0 LIMIT " + strconv.Itoa(n)
}
