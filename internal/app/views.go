package app

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/view"
)

// checkQueries checks the queries of views for SQLite against empty tables in memory. It does so for every engine, since
// most queries are for both.
func checkQueries(m *model.Model) (err error) {
	if len(m.Views) == 0 {
		return nil
	}
	scratch, err := sqlite.OpenScratch(sqlgen.Create(sqlgen.SQLite, m))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	return asError(view.Check(m, view.SQLite(scratch.Describe)))
}

// asError returns err, or else the faults if there are any.
func asError(faults model.Faults, err error) error {
	if err == nil && len(faults) > 0 {
		return faults
	}
	return err
}

// checkViews checks the views on the open database: the queries that Load could not check, then the rows.
func (a *App) checkViews(ctx context.Context) error {
	m := a.Rules.Model
	if len(m.Views) == 0 {
		return nil
	}
	engine := view.SQLite(nil)
	onServer := a.Store.Dialect() == sqlgen.Postgres
	if onServer {
		engine = view.Postgres(func(query string) (store.Description, error) { return a.Store.Describe(ctx, query) })
	}
	if faults := view.Missing(m, engine); len(faults) > 0 {
		return faults
	}
	if onServer {
		if err := asError(view.Check(m, engine)); err != nil {
			return err
		}
	}
	return asError(view.CheckRows(ctx, a.Store, m, a.cfg.Logger))
}
