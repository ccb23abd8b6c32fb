package app

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/live"
)

// watched returns the tables that clients may watch.
func watched(m *model.Model) (tables []*model.Table, names []string) {
	for _, table := range m.Tables {
		if table.Watch {
			tables, names = append(tables, table), append(names, table.Name)
		}
	}
	return tables, names
}

// installFeed makes the log of changes and its triggers, after the tables were brought to the model. result says what was
// changed. A node leaves the triggers of tables that its model does not watch: the model of another node may.
func (a *App) installFeed(ctx context.Context, db store.DB, result migrate.Result) error {
	_, names := watched(a.Rules.Model)
	if a.cfg.KeepTables && !result.Created {
		return a.requireFeed(ctx, db, names)
	}
	return feed.Install(ctx, db, feed.Setup{Tables: names, Shared: db.Dialect() == sqlgen.Postgres, Altered: len(result.Applied) > 0})
}

// requireFeed refuses a database whose changes are not logged.
func (a *App) requireFeed(ctx context.Context, db store.DB, names []string) error {
	missing, err := feed.Missing(ctx, db, names)
	if err != nil || len(missing) == 0 {
		return err
	}
	var faults model.Faults
	for _, name := range missing {
		table := a.Rules.Model.Table(name)
		faults = append(faults, a.Rules.Model.Fault(table.Pos, "%s has `watch: true`, its changes are not logged yet, and --migrate=off forbids to make the triggers: run `ashlar migrate`", name))
	}
	return faults.Sort()
}

// migrateFeed is installFeed for a command, which knows of all that is to be. It removes the triggers that nobody needs.
func (d *Database) migrateFeed(ctx context.Context, result migrate.Result) error {
	_, names := watched(d.app.Rules.Model)
	return feed.Install(ctx, d.app.Store, feed.Setup{Tables: names, Shared: d.attached, Altered: len(result.Applied) > 0})
}

// openFeed opens the hub of the watchers. All nodes derive its key from the keys that they share.
func (a *App) openFeed() {
	tables, _ := watched(a.Rules.Model)
	key := a.Keys.Derive("rows of watched lists")
	a.hub = feed.NewHub(a.Rows, a.Store, tables, feed.Config{Key: key[:], Logger: a.cfg.Logger, Now: a.cfg.Now})
	a.services = append(a.services, service{"watched lists", a.hub})
}

// followed returns the routes of rows with lists that clients can follow, and what they are described as.
func (a *App) followed(rows []web.Route) (routes, described []web.Route) {
	return live.New(a.hub, a.Rows, a.Rules.Model, live.Config{Identify: a.identify}).Follow(rows)
}
