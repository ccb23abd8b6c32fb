// Package app opens an app and serves it: its data folder, its database and its routes.
package app

import (
	"context"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	jobstart "github.com/ashlar-dev/ashlar/internal/job/start"
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/lookback"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/telemetry/refusal"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/telemetry/watch"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
	"github.com/ashlar-dev/ashlar/internal/web/health"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
	"github.com/ashlar-dev/ashlar/internal/web/work"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// An App is an app with its parts open. With SQLite it holds the lock of its data folder until it is closed.
type App struct {
	Rules *rule.Rules // of the model
	Store store.DB    // has the model's tables
	Rows  *record.DB  // the rows of Store
	Keys  *token.Keys // sign and verify tokens
	Audit *audit.Log  // the audit log in Store

	Archive   *archive.Archive  // the telemetry database; nil if the app has none
	Incidents *incident.Service // nil without a telemetry database

	Accounts *model.Accounts // with the values of their settings; nil if the model has none, or if Open did not open it
	Operate  *model.Operate  // with the values of its settings; nil if Open did not open it

	Objectives *objective.Service // how the objectives of Operate are doing; nil if Open did not open the app
	Costs      *cost.Ledger       // what work costs; nil without a telemetry database, or if Open did not open the app
	Traces     *trace.Traces      // of recent requests; nil if Open did not open it
	Watch      *watch.Watch       // finds events for the timeline; nil without an archive
	Fleet      *fleet.Fleet       // the servers of the database; nil if it is embedded, or if Open did not open it
	Profile    *profile.Recorder  // of CPU time; nil if the app takes no profiles

	work     *job.Queue               // of the jobs of the model
	actions  map[string]action.Func   // what the jobs of the model do, by name
	starts   *jobstart.Starter        // adds jobs to writes
	clock    *clock.Clock             // starts jobs at their times
	workers  *work.Handler            // of requests about jobs; nil if Open did not open the app
	egress   *outbound.Egress         // makes the clients that call other services
	depths   *job.History             // of work
	deaths   *deathAlerts             // of work; nil if Open did not open the app
	hub      *feed.Hub                // of streams and waits for lists; nil if Open did not open the app
	targets  map[string]*model.Target // of jobs and webhooks, by name; nil if Open did not open the app
	webhooks *delivery.Service        // nil for a model without webhooks
	keeping  *model.Backups           // with the values of its settings; nil without the key backups
	backups  *schedule.Service        // nil without the key backups, or if Open did not open the app
	accounts accounts
	limiter  *limit.Limiter // nil if Open did not open the app
	ledger   string         // what nodes share their limits in; "": nothing
	counts   *lookback.Ring[operation.Load]
	refused  *refusal.Clients
	counting bool // metrics count requests
	advice   *advise.Runner
	alerts   *alert.Sender
	deploys  *deploy.Service // nil without a telemetry database
	firing   firing
	identify func(*http.Request) (caller.Caller, error)

	dir          string
	base         string // path of the public address
	cfg          Config
	folder       folder
	routes       []web.Route // the routes of Handler
	ownRoutes    []web.Route // the routes for functions of the program: rows, and starts of jobs
	inside       atomic.Pointer[web.Inside]
	receiver     atomic.Pointer[web.Receiver]
	answers      func() admit.Stats       // of the data API
	services     []service                // run while Serve does, started in this order
	checks       []health.Check           // of /readyz
	sinks        []telemetry.Sink         // take the record of each request
	points       func() []telemetry.Point // values of the metrics; nil without metrics
	exporter     *trace.Exporter          // of Traces; nil without a collector
	metrics      *metric.Metrics
	labels       *profile.Labeler                              // of requests, for Profile; nil without it
	certificates tlscert.Source                                // nil: the listener speaks no TLS
	challenges   func(context.Context, string) (string, error) // answers HTTP-01; nil without ACME

	traffic  netconn.Traffic // of the listener
	bounds   *netconn.Bounds // of its connections
	stopping atomic.Bool
	roster   *fleet.Roster    // nil if Open did not open the app
	steps    steps            // of the migration at the start
	jobs     *telemetry.Jobs  // background work
	taking   *telemetry.Sinks // take the records of jobs; nil until Serve
	begun    time.Time
	writes   health.Check     // of writes: a probe each 15 s
	usage    *advise.Recorder // of queries

	closing sync.Once
	closed  error // outcome of closing
}

// Open opens an app to serve it. It checks the settings, locks the data folder, brings the tables to the model, loads
// the seed into a new database and checks the views.
//
// Open returns model.Faults for settings and functions that are missing here, for providers of accounts that cannot work, and for
// changes of the model that a server does not make by itself. It returns seed.Faults for the seed. Both leave the database
// unchanged. Only the database can check the rows of views, and all of a view on
// PostgreSQL. So model.Faults of views come last.
func Open(ctx context.Context, loaded *Loaded, cfg Config) (*App, error) {
	a := newApp(loaded, cfg)
	defer a.keepStarting(ctx)()
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(explainNoRoom(err, a.cfg.Data), a.Close())
	}
	return a, nil
}

// OpenOrAttach opens an app for a short time. If no server has the data folder, it opens the app like Open, without
// the views. Otherwise it opens the database of that server, and changes no tables.
func OpenOrAttach(ctx context.Context, loaded *Loaded, cfg Config) (*App, error) {
	a := newApp(loaded, cfg)
	if err := a.openOrAttach(ctx); err != nil {
		return nil, errors.Join(explainNoRoom(err, a.cfg.Data), a.Close())
	}
	return a, nil
}

func newApp(loaded *Loaded, cfg Config) *App {
	a := &App{Rules: loaded.Rules, dir: loaded.Dir, cfg: cfg.withDefaults(loaded.Dir)}
	a.egress = outbound.New(outbound.Config{Allow: a.cfg.AllowPrivate, Proxy: a.cfg.OutboundProxy})
	a.jobs = telemetry.NewJobs(a.takeJob, a.sampleJob)
	a.begun = a.cfg.Now()
	return a
}

// Close closes the database, then releases the data folder. Further calls do nothing. An App that has served is closed.
func (a *App) Close() error {
	a.closing.Do(func() {
		if a.Store != nil {
			a.closed = a.Store.Close()
		}
		if a.Archive != nil { // without it the app works all the same
			if err := a.Archive.Close(); err != nil {
				a.cfg.Logger.Warn("closing the telemetry database failed", "error", err)
			}
		}
		a.closed = errors.Join(a.closed, a.folder.unlock())
	})
	return a.closed
}

// lockPatience bounds the wait for a process that holds the lock for a moment: `ashlar token`, or a server about to
// stop.
const lockPatience = time.Second

func (a *App) open(ctx context.Context) (err error) {
	if err := (&Loaded{a.dir, a.Rules}).CheckFunctions(a.cfg.Functions); err != nil {
		return err
	}
	if err := web.CheckOrigins(a.cfg.CORS); err != nil {
		return err
	}
	var missing model.Faults
	if a.Accounts, missing = a.Rules.Model.Resolve(os.LookupEnv, os.ReadFile); len(missing) > 0 {
		return missing
	}
	if a.Operate, missing = a.Rules.Model.ResolveOperate(os.LookupEnv, os.ReadFile); len(missing) > 0 {
		return missing
	}
	if a.keeping, missing = a.Rules.Model.ResolveBackups(os.LookupEnv, os.ReadFile); len(missing) > 0 {
		return missing
	}
	if err := a.readBase(); err != nil {
		return err
	}
	if err := a.openProviders(ctx); err != nil {
		return err
	}
	if err := a.openCertificateFiles(); err != nil {
		return err
	}
	if a.cfg.Claim != nil {
		if err := a.cfg.Claim(ctx); err != nil {
			return err
		}
	}
	if a.folder, err = openFolder(ctx, a.cfg, lockPatience); err != nil {
		return err
	}
	if a.cfg.Keys != "" {
		if err := token.Import(a.cfg.Keys, a.folder.key()); err != nil {
			return err
		}
	}
	if err := a.prepare(ctx); err != nil {
		return err
	}
	if err := a.setStore(a.openStore(ctx, 0)); err != nil {
		return err
	}
	if err := checkWrites(ctx, a.Store); err != nil {
		return err
	}
	if err := a.checkViews(ctx); err != nil {
		return err
	}
	if err := a.openRows(ctx); err != nil {
		return err
	}
	if err := a.openActions(); err != nil {
		return err
	}
	a.openWebhooks()
	a.openArchive()
	a.openSlow()
	a.services = append(a.services, service{"signing keys", token.Watcher{Keys: a.Keys, Logger: a.cfg.Logger}})
	a.openHealth()
	a.openObjectives()
	a.openDeaths()
	if err := a.openBackups(); err != nil {
		return err
	}
	a.openFleet()
	a.openRoster()
	a.openIncidents()
	a.openDeploys(ctx)
	if err := a.openTraces(); err != nil {
		return err
	}
	a.openAdvice()
	a.openWatch(ctx)
	a.openCost()
	a.openProfile() // stops before the costs, which take the CPU time of the last profile
	a.openLimits(ctx)
	a.openFeed()
	a.openSharing()
	if err := a.openTLS(ctx); err != nil {
		return err
	}
	a.routes = a.allRoutes()
	if err := a.checkBase(); err != nil {
		return err
	}
	a.bounds = netconn.NewBounds(a.cfg.MaxConnections, a.cfg.Proxies)
	a.openMetrics()
	a.tellSteps()
	return nil
}

func (a *App) openOrAttach(ctx context.Context) (err error) {
	a.folder, err = openFolder(ctx, a.cfg, 0)
	_, inUse := errors.AsType[*sqlite.InUseError](err)
	if inUse {
		err = a.setStore(a.attach(ctx))
	} else if err == nil {
		if err = a.prepare(ctx); err == nil {
			err = a.setStore(a.openStore(ctx, 0))
		}
	}
	if err != nil {
		return err
	}
	return a.openRows(ctx)
}

// setStore keeps an opened store. After an error, db may hold a nil pointer, and Close must not see it.
func (a *App) setStore(db store.DB, err error) error {
	if err == nil {
		a.Store = db
	}
	return err
}

// openRows opens the rows, the audit log, the keys and the accounts.
func (a *App) openRows(ctx context.Context) error {
	own, err := migrate.SystemModel(ctx, a.Store, a.Rules.Model, a.migrateOptions(a.Store))
	if err != nil {
		return err
	}
	if a.Keys, err = token.Open(a.folder.key()); err != nil {
		return err
	}
	if err := a.openJobs(); err != nil {
		return err
	}
	a.openStarts()
	tags := a.Keys.Derive("tags of lists")
	a.Rows = record.New(a.Store, a.Rules, record.Config{
		Now: a.cfg.Now, System: own, Guard: a.guard, Effects: a.effects(), Check: a.checkValue, Answers: a.cfg.Answers, TagKey: tags[:16],
	})
	a.Audit = audit.New(a.Rows, audit.Config{Now: a.cfg.Now})
	if own := a.Rules.Model.Accounts; own != nil && own.Audit.Keep > 0 {
		a.services = append(a.services, service{"audit", audit.NewKeeper(a.Audit, own.Audit.Keep, a.jobs)})
	}
	return a.openAccounts()
}

// prepare brings the tables to the model and loads the seed. It has a database handle of its own, without the usual
// deadlines.
func (a *App) prepare(ctx context.Context) (err error) {
	db, err := a.openStore(ctx, prepareTime)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	result, err := a.migrateOnStart(ctx, db)
	if err != nil {
		return err
	}
	err = seed.Fill(ctx, seed.Target{
		Dir:   a.dir,
		Model: a.Rules.Model,
		Store: db,
		Rows:  record.New(db, a.Rules, record.Config{Now: a.cfg.Now}),
		Log:   a.cfg.Logger,
	})
	if err != nil {
		return err
	}
	return a.installFeed(ctx, db, result)
}
