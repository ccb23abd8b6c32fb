package system

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Numbered returns a statement about system tables with the parameters of an engine. SQLite counts $1 by its first place in the
// text, and ?1 by its number.
func Numbered(dialect sqlgen.Dialect, sql string) string {
	if dialect == sqlgen.SQLite {
		return strings.ReplaceAll(sql, "$", "?")
	}
	return sql
}
