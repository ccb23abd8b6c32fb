// Package sqlite makes the steps of plans for SQLite, which rebuilds tables in one transaction.
package sqlite

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Engine carries out plans on SQLite.
type Engine struct{}

// Dialect implements plan.Engine.
func (Engine) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

// Rewrites implements plan.Engine.
func (Engine) Rewrites(_, _ *model.Field) bool { return false }

// ByteLength implements plan.Engine.
func (Engine) ByteLength(column string) string { return "length(CAST(" + column + " AS BLOB))" }

// InOneTransaction reports that a plan is one transaction, in which writers wait.
func (Engine) InOneTransaction() bool { return true }

// CheckReferences looks for rows that refer to nothing, since SQLite enforces no foreign keys during the change.
func (Engine) CheckReferences(session store.Session, m *model.Model) error {
	broken, err := hasRow(session, "PRAGMA foreign_key_check")
	if err != nil || !broken {
		return err
	}
	var faults model.Faults
	for _, table := range m.Tables {
		for _, field := range table.Fields {
			if field.Ref == nil {
				continue
			}
			found, err := plan.Search(session, table, plan.Orphans(field, field.Ref))
			if err != nil {
				return err
			}
			if found.Count > 0 {
				faults = append(faults, m.Fault(field.Pos, "%s.%s: %v in the way; %s", table.Name, field.Name, found, plan.NoSuchRows(field)))
			}
		}
	}
	if faults == nil {
		return errs.New(errs.Conflict, "rows of tables that are not the model's would refer to nothing: see PRAGMA foreign_key_check")
	}
	return faults.Sort()
}

// hasRow reports whether a query has a row.
func hasRow(reader plan.Querier, sql string) (found bool, err error) {
	err = reader.Query(sql, nil, func(value.Row) error {
		found = true
		return nil
	})
	return found, err
}
