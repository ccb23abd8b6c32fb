package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// consoleRoutes returns the pages of operators. A page knows all requests that were answered before.
func (a *App) consoleRoutes() []web.Route {
	routes := console.New(console.Config{
		App: a.Rules.Model.Name, Accounts: a.accounts.service, Audit: a.Audit, Keys: a.Keys, Now: a.cfg.Now,
		Sections: slices.Concat(a.operationSections(), a.workSections(), a.backupSections(), a.certificateSections()),
	}).Routes()
	for i := range routes {
		page := routes[i].Handler
		routes[i].Handler = func(w http.ResponseWriter, r *http.Request) error {
			a.flushRecords()
			return page(w, r)
		}
	}
	return routes
}

// flushRecords hands on the records of all requests that were answered.
func (a *App) flushRecords() {
	if receiver := a.receiver.Load(); receiver != nil {
		receiver.Records().Flush()
	}
}

// operationSections returns the pages of the console about how the app is doing.
func (a *App) operationSections() []console.Section {
	cfg := operation.Config{Objectives: a.objectivesOfAll(), Process: a.process(), Sharing: a.sharing(), Watchers: a.hub, Now: a.cfg.Now}
	if a.roster != nil {
		cfg.Roster = a.roster
	}
	if a.Costs != nil {
		cfg.Costs = a.Costs
	}
	if a.Profile != nil {
		cfg.Profiles = a.Profile
	}
	if a.Traces != nil {
		cfg.Traces = a.Traces
	}
	if a.advice != nil {
		cfg.Advice = a.advice
	}
	if a.Incidents != nil {
		cfg.Incidents = a.Incidents
	}
	if a.deploys != nil {
		cfg.Deploys = a.deploys
	}
	if a.Archive != nil {
		cfg.Records, cfg.History, cfg.Kept = a.Archive, a.Archive, a.Archive
	}
	if a.Fleet != nil {
		cfg.Nodes = a.Fleet
		if a.Archive != nil {
			cfg.History = nodesHistory{a.Archive, a.Fleet}
		}
	}
	return operation.Sections(cfg)
}

// FirstOperatorLink returns the path of the page that makes the first owner of a server without operators, or "". Whoever has
// the path becomes an owner, so show it to nobody else.
func (a *App) FirstOperatorLink(ctx context.Context) (path string, err error) {
	secret, err := a.accounts.service.FirstLink(ctx)
	if err != nil || secret == "" {
		return "", err
	}
	return console.LinkPath(secret), nil
}

// NewOperatorLink returns the path of the page that makes an operator of a role. A server may run at the same time.
func NewOperatorLink(ctx context.Context, loaded *Loaded, cfg Config, role string) (path string, err error) {
	err = withAccounts(ctx, loaded, cfg, func(s *account.Service) error {
		secret, err := s.OperatorLink(ctx, role)
		path = console.LinkPath(secret)
		return err
	})
	return path, err
}

// ImportUsers makes users from lines of JSON. A server may run at the same time.
func ImportUsers(ctx context.Context, loaded *Loaded, cfg Config, r io.Reader, how account.Import) (done account.Imported, err error) {
	err = withAccounts(ctx, loaded, cfg, func(s *account.Service) error {
		done, err = s.Import(ctx, r, how)
		return err
	})
	return done, err
}

// withAccounts runs f on the accounts of an app. A server may run at the same time.
func withAccounts(ctx context.Context, loaded *Loaded, cfg Config, f func(*account.Service) error) (err error) {
	a, err := OpenOrAttach(ctx, loaded, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(explainNoRoom(err, a.cfg.Data), a.Close()) }()
	return f(a.accounts.service)
}
