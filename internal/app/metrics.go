package app

import (
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/live"
)

// openMetrics makes the metrics of the app, which has its routes.
func (a *App) openMetrics() {
	cfg := metricConfig(a.Rules.Model, a.routes)
	process := a.process()
	cfg.Build, cfg.Revision, cfg.Logger = process.Build, process.Revision, a.cfg.Logger
	cfg.Store = a.Store
	cfg.Engine = "sqlite"
	if a.Store.Dialect() == sqlgen.Postgres {
		cfg.Engine = "postgresql"
	}
	cfg.Gates = a.gates()
	for i := range cfg.Limits {
		cfg.Limits[i].Refused = func() uint64 { return a.limiter.Refused(i) }
	}
	cfg.Readings = append(a.readings(), a.tlsReadings()...)
	cfg.Families = append(jobFamilies(a.Rules.Model, a.work, a.depths), backupFamilies(a.Rules.Model, a.backups, a.cfg.Now)...)
	cfg.BudgetLeft = a.budgetsLeft
	a.metrics = metric.New(cfg)
	if a.cfg.Telemetry != NoTelemetry || a.cfg.Operate.Listener != nil { // else nobody can read them
		a.sinks = append(a.sinks, a.metrics)
		a.counting = true
	}
	a.points = a.metrics.Points
}

// gates returns the gates of the app, each with a name for metrics and pages.
func (a *App) gates() []metric.Gate {
	return []metric.Gate{
		{Name: "request", Stats: a.places}, {Name: "turn", Stats: a.turns}, {Name: "newcomer", Stats: a.newcomers},
		{Name: "answer", Stats: a.answers}, {Name: "connection", Stats: a.bounds.Stats}, {Name: "read", Stats: a.Rows.Gate}, {Name: "password", Stats: a.accounts.hasher.Gate},
	}
}

// places returns counts of the requests at work.
func (a *App) places() (none admit.Stats) {
	if receiver := a.receiver.Load(); receiver != nil {
		return receiver.Places()
	}
	return none
}

// turns returns counts of the requests that compute.
func (a *App) turns() (none admit.Stats) {
	if receiver := a.receiver.Load(); receiver != nil {
		return receiver.Turns().Stats()
	}
	return none
}

// newcomers returns counts of the connections of newcomers.
func (a *App) newcomers() admit.Stats { return a.known().Stats() }

// known returns the clients that are no newcomers.
func (a *App) known() *admit.Known {
	if receiver := a.receiver.Load(); receiver != nil {
		return receiver.Known()
	}
	return &admit.Known{}
}

// budgetsLeft returns the share of the budget that each objective of the model has left.
func (a *App) budgetsLeft() (left []float64) {
	for _, status := range a.Objectives.Statuses() {
		left = append(left, status.BudgetLeft)
	}
	return left
}

// readings returns the numbers of parts that metrics know nothing of.
func (a *App) readings() []metric.Reading {
	mails, audit, limits := a.accounts.outbox.Stats, a.Audit, a.limiter.Stats
	return []metric.Reading{
		{Name: "ashlar_mails_sent_total", Help: "Mails that this process has sent.", Value: func() float64 { return float64(mails().Sent) }},
		{Name: "ashlar_mails_failed_total", Help: "Mails that this process gave up.", Value: func() float64 { return float64(mails().Failed) }},
		{Name: "ashlar_mails_repeated_total", Help: "Attempts to send a mail that failed and will be repeated.", Value: func() float64 { return float64(mails().Repeated) }},
		{Name: "ashlar_mails_due", Help: "Mails that are due and wait, at the last count of this process.", Value: func() float64 { return float64(a.mailsDue()) }},
		{Name: "ashlar_audit_events_total", Help: "Events that this process has appended to the audit log.", Value: func() float64 { return float64(audit.Appended()) }},
		{Name: "ashlar_query_looks_total", Help: "Plans of queries that were looked at, for limits.query.rows.", Value: func() float64 { return float64(a.Rows.Budget().Looks) }},
		{Name: "ashlar_query_refusals_total", Help: "Queries that were refused for the rows that they would read.", Value: func() float64 { return float64(a.Rows.Budget().Refusals) }},
		{Name: "ashlar_sessions", Help: "Sessions of users and operators that have not expired, at the last count of this process, up to a million.", Value: func() float64 { return float64(a.accounts.service.LiveSessions()) }},
		{Name: "ashlar_limit_checks_total", Help: "Checks of limits: most requests need two, before and after they have a route.", Value: func() float64 { return float64(limits().Checks) }},
		{Name: "ashlar_limit_forgotten_total", Help: "Addresses, callers and keys whose limit was reset for lack of memory.", Value: func() float64 { return float64(limits().Forgotten) }},
		{Name: "ashlar_newcomers_rushes_total", Help: "Times that many new clients began to wait for each other.", Value: func() float64 { return float64(a.known().Rushes()) }},
		{Name: "ashlar_connections_closed_total", Help: "Idle connections of clients that were closed for new ones.", Value: func() float64 { return float64(a.bounds.Closed()) }},
		{Name: "ashlar_limit_ledger_asks_total", Help: "Batches in which this process asked the database or Redis for room in shared limits.", Value: func() float64 { return float64(limits().Asks) }},
		{Name: "ashlar_limit_ledger_buckets_total", Help: "Addresses, callers and keys in these batches.", Value: func() float64 { return float64(limits().Asked) }},
		{Name: "ashlar_limit_ledger_failures_total", Help: "Batches that failed.", Value: func() float64 { return float64(limits().Failures) }},
		{Name: "ashlar_limit_ledger_alone_total", Help: "Requests that this process decided by its own counts, because the shared ones were away.", Value: func() float64 { return float64(limits().Alone) }},
		{Name: "ashlar_answer_cache_bytes", Help: "Memory of the answers and totals that are kept, in bytes.", Value: func() float64 { return float64(a.Rows.KeptBytes()) }},
		{Name: "ashlar_outbound_requests_total", Help: "Requests that this process sent to other services, or meant to send.", Value: func() float64 { return float64(a.egress.Stats().Calls) }},
		{Name: "ashlar_outbound_failures_total", Help: "Requests to other services that had no answer, or one with a status of 300 or more.", Value: func() float64 { return float64(a.egress.Stats().Failed) }},
		{Name: "ashlar_outbound_refusals_total", Help: "Requests to other services that were not sent, because their host is not public.", Value: func() float64 { return float64(a.egress.Stats().Refused) }},
		{Name: "ashlar_watchers", Help: "Streams of watched lists that are open.", Value: func() float64 { return float64(a.hub.Stats().Watchers) }},
		{Name: "ashlar_watched_lists", Help: "Different lists that these streams watch.", Value: func() float64 { return float64(a.hub.Stats().Windows) }},
		{Name: "ashlar_waiting_lists", Help: "Lists that wait for a change, by wait=.", Value: func() float64 { return float64(a.hub.Stats().Waiting) }},
		{Name: "ashlar_watch_lag_seconds", Help: "How long ago the log of changes was last read to its end, while somebody watches.", Value: func() float64 { return a.hub.Stats().Lag.Seconds() }},
		{Name: "ashlar_watch_events_total", Help: "Events that streams were told.", Value: func() float64 { return float64(a.hub.Stats().Events) }},
		{Name: "ashlar_watch_resets_total", Help: "Streams that could not resume, and were told to forget their rows.", Value: func() float64 { return float64(a.hub.Stats().Resets) }},
		{Name: "ashlar_watch_slow_total", Help: "Streams that were cut because their client read too slowly.", Value: func() float64 { return float64(a.hub.Stats().Slow) }},
		{Name: "ashlar_webhook_deliveries_total", Help: "Messages of webhooks that this process has delivered.", Value: func() float64 { return float64(a.webhooks.Stats().Delivered) }},
		{Name: "ashlar_webhook_failures_total", Help: "Attempts to deliver messages of webhooks that failed.", Value: func() float64 { return float64(a.webhooks.Stats().Failed) }},
		{Name: "ashlar_webhook_given_up_total", Help: "Messages of webhooks that this process gave up.", Value: func() float64 { return float64(a.webhooks.Stats().GivenUp) }},
		{Name: "ashlar_webhook_disabled_total", Help: "Endpoints of webhooks that this process has disabled.", Value: func() float64 { return float64(a.webhooks.Stats().Disabled) }},
		{Name: "ashlar_start_time_seconds", Help: "When the app was opened, in seconds since 1970.", Value: constant(float64(time.Now().UnixMilli()) / 1000)},
	}
}

func constant(value float64) func() float64 { return func() float64 { return value } }

// metricConfig returns what the metrics of a model and its routes are about.
func metricConfig(m *model.Model, routes []web.Route) metric.Config {
	cfg := metric.Config{Jobs: jobNames(), Families: append(jobFamilies(m, nil, nil), backupFamilies(m, nil, nil)...)}
	for _, route := range routes {
		if strings.Contains(route.Pattern, "}:") { // it only describes what another one serves
			continue
		}
		cfg.Routes = append(cfg.Routes, metric.Route{Pattern: route.Pattern, Path: pagesOf(route.Pattern)})
	}
	cfg.Routes = append(cfg.Routes, metric.Route{Pattern: live.WatchPattern, Path: model.RowsPath}) // a stream counts as a list
	for _, table := range m.All() {
		cfg.Tables = append(cfg.Tables, metric.Table{Name: table.Name, View: table.View != nil})
	}
	for _, rule := range m.Limits.Rules {
		cfg.Limits = append(cfg.Limits, metric.Limit{Name: rule.Name})
	}
	for _, slo := range m.Operate.SLOs {
		cfg.Fast = append(cfg.Fast, slo.FastBelow)
	}
	for _, o := range objective.Of(m.Operate) {
		cfg.Objectives = append(cfg.Objectives, metric.Objective{Name: o.Name, Kind: string(o.Kind)})
	}
	return cfg
}

// pagesOf returns the label that a group of routes shares, or "" for a route that has its own. There are more pages than routes
// of the API, and few people look at each. Other groups are of one thing, such as the keys of an account: their methods tell
// enough, and each route has 23 series.
func pagesOf(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	for _, group := range [...]string{
		"/console", "/account", "/docs", "/mailbox", "/.well-known", "/jobs", "/webhooks", "/auth/keys", "/auth/totp", "/auth/password",
	} {
		if path == group || strings.HasPrefix(path, group+"/") || strings.HasPrefix(path, group+":") {
			return group + "/*"
		}
	}
	return ""
}

// SeriesBudget returns the most series that the metrics of a model have, so that it can be known before a server runs.
func SeriesBudget(m *model.Model) int {
	patterns := append(load.FixedRoutes(), dataRoutes()...)
	patterns = append(patterns, pageRoutes()...)
	patterns = append(patterns, workRoutes(m)...)
	routes := make([]web.Route, len(patterns))
	for i, pattern := range patterns {
		routes[i].Pattern = pattern
	}
	cfg := metricConfig(m, routes)
	cfg.Store, cfg.Gates = noStore{}, make([]metric.Gate, gateCount)
	return metric.SeriesBudget(cfg) + readingCount
}

// gateCount and readingCount are how many gates and readings openMetrics has, with TLS.
const (
	gateCount    = 7
	readingCount = 33
)

// jobNames returns the names of all jobs that an app may have. A test compares them with the jobs of an app that has all.
func jobNames() []string {
	return []string{
		"account census", "account purge", "alert alertmanager", "alert mail", "alert webhook", outbox.Queue, "audit trim", "deploy audit", "index trial",
	}
}

// dataRoutes returns the routes of rows. pageRoutes returns one route for each other label of a page or a probe. A test
// compares both with the routes of an app.
func dataRoutes() []string {
	return []string{"GET /api/{table}", "POST /api/{table}", "GET /api/{table}/{id}", "PATCH /api/{table}/{id}", "DELETE /api/{table}/{id}"}
}

func pageRoutes() []string {
	return []string{
		"GET /{$}", "GET /healthz", "GET /readyz", "GET /problems", "GET /problems/{kind}", "GET /openapi.json", "GET /docs", "GET /mailbox",
		"GET /account", "POST /account/sign-in", "GET /console", "POST /console/sign-in",
	}
}

// workRoutes returns a route for each label of jobs and webhooks.
func workRoutes(m *model.Model) (patterns []string) {
	for _, j := range m.Jobs {
		if j.Enqueue != nil {
			patterns = append(patterns, "GET /jobs/{id}", "POST /jobs/{id}")
		}
		if j.Pull {
			patterns = append(patterns, "POST /jobs/{id}")
		}
	}
	if len(m.Webhooks) > 0 {
		patterns = append(patterns, "GET /.well-known/webhook-keys.json", "GET /webhooks/{name}", "POST /webhooks/{name}")
	}
	return patterns
}

// noStore stands for a database that is not open.
type noStore struct{}

func (noStore) Stats() (none store.Stats) { return none }
func (noStore) Writable() error           { return nil }
