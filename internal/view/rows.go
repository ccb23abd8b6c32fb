package view

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxRows is the number of checked rows of a view. SQLite reveals the type of a column only by its values.
const maxRows = 1000

// timeLimit bounds the check of all views: the start of the server waits for it.
const timeLimit = time.Second

// CheckRows runs the query of each view on the existing rows. It returns what contradicts the model: a repeated id, a
// missing id, a value of another type, an error. The text of a query cannot show whether its id is unique. All views share
// timeLimit; CheckRows logs each view that it could not check in that time.
func CheckRows(ctx context.Context, db store.DB, m *model.Model, log *slog.Logger) (model.Faults, error) {
	c := &checker{m: m}
	limited, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	for _, table := range m.Views {
		err := c.rows(limited, db, table)
		failed, _ := errors.AsType[*store.StatementError](err)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, store.ErrStatementTimeout) || limited.Err() != nil:
			log.Warn("there was no time to check the rows of a view", "view", table.Name)
		case failed != nil:
			c.fault(table.Pos, "the query of %s fails on the rows that are there: %s", table.Name, errs.Clip(failed.Message, 200))
		case err != nil:
			return nil, err
		}
	}
	return c.faults.Sort(), nil
}

func (c *checker) rows(ctx context.Context, db store.DB, table *model.Table) error {
	before, dialect := len(c.faults), db.Dialect()
	err := db.Read(ctx, func(reader store.Reader) error {
		return reader.Query(sqlgen.SampleRows(dialect, table, maxRows), nil, func(row value.Row) error {
			if len(c.faults) == before {
				c.row(table, row)
			}
			return nil
		})
	})
	if err != nil || len(c.faults) > before {
		return err
	}
	return db.Read(ctx, func(reader store.Reader) error {
		return reader.Query(sqlgen.DuplicateIDs(dialect, table), nil, func(row value.Row) error {
			if row.Null(0) {
				c.fault(table.Pos, "%s has a row without an id: an id names one row", table.Name)
				return nil
			}
			id := string(value.AppendJSON(nil, table.ID(), row, 0))
			c.fault(table.Pos, "the id %s of %s stands in %d rows: an id names one row", id, table.Name, row.Int(1))
			return nil
		})
	})
}

func (c *checker) row(table *model.Table, row value.Row) {
	for col, field := range table.Fields {
		masked := *field
		masked.Read = nil // nothing masks it here
		if what := value.Verify(&masked, row, col); what != "" {
			c.fault(field.Pos, "the query of %s returns a row whose %s %s", table.Name, field.Name, what)
		}
	}
}
