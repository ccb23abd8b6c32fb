// Package postgres makes the steps of plans for PostgreSQL, which alters tables while servers work.
package postgres

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Engine carries out plans on PostgreSQL.
type Engine struct{}

// Dialect implements plan.Engine.
func (Engine) Dialect() sqlgen.Dialect { return sqlgen.Postgres }

// Rewrites implements plan.Engine. PostgreSQL does not narrow a decimal column in place.
func (Engine) Rewrites(was, is *model.Field) bool {
	return was.Type == model.Decimal && is.Precision < was.Precision
}

// ByteLength implements plan.Engine.
func (Engine) ByteLength(column string) string { return "octet_length(" + column + ")" }

// InOneTransaction reports that a plan has phases, while servers work.
func (Engine) InOneTransaction() bool { return false }

// CheckReferences does nothing: PostgreSQL enforces foreign keys during the change.
func (Engine) CheckReferences(store.Session, *model.Model) error { return nil }
