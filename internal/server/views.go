package server

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/view"
)

// checkQueries checks the queries that views have for SQLite, against empty tables in memory, whatever engine the app is
// served with: a text that is for both must be right for both.
func checkQueries(m *model.Model) (err error) {
	if len(m.Views) == 0 {
		return nil
	}
	scratch, err := sqlite.OpenScratch(ddl.Create(ddl.SQLite, m))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	return asError(view.Check(m, view.SQLite(scratch.Describe)))
}

func asError(faults model.Faults, err error) error {
	if err == nil && len(faults) > 0 {
		return faults
	}
	return err
}

// describer is an engine that checks queries on its own tables.
type describer interface {
	Describe(ctx context.Context, query string) (store.Description, error)
}

// checkViews checks the views of an open database: their queries, where Load could not, then the rows that are there.
func (f folder) checkViews(ctx context.Context, db store.DB) error {
	m := f.rules.Model
	if len(m.Views) == 0 {
		return nil
	}
	engine, dialect := view.SQLite(nil), sqlgen.Dialect(sqlgen.SQLite{})
	remote, onServer := db.(describer)
	if onServer {
		dialect = sqlgen.Postgres{}
		engine = view.Postgres(func(query string) (store.Description, error) { return remote.Describe(ctx, query) })
	}
	if faults := view.Missing(m, engine); len(faults) > 0 {
		return faults
	}
	if onServer {
		if err := asError(view.Check(m, engine)); err != nil {
			return err
		}
	}
	return asError(view.CheckRows(ctx, db, dialect, m, f.cfg.Logger))
}
