// Package metric counts what a server does, for Prometheus.
//
// Each series is known when the Metrics are made: its labels are routes and tables of the configuration. What is not among
// them counts as "_other". So no request adds a series.
package metric

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Config says what there is to count.
type Config struct {
	Build, Revision string // of the program and of the model
	Engine          string // db.system.name: "sqlite" or "postgresql"
	Routes          []Route
	Tables          []Table
	Jobs            []string        // names of background work
	Fast            []time.Duration // limits of objectives, which become bounds of buckets
	Store           Store           // nil: no metrics of a database
	Gates           []Gate
	Limits          []Limit
	Objectives      []Objective
	BudgetLeft      func() []float64 // share of the budget that each of the Objectives has left
	Readings        []Reading
	Families        []Family
	Logger          *slog.Logger // gets errors of a scrape; default: no log
}

// A Store is a database, as far as it tells of itself.
type Store interface {
	Stats() store.Stats
	Writable() error
}

// A Gate is a gate under its name.
type Gate struct {
	Name  string
	Stats func() admit.Stats
}

// A Limit is a limit of the model under its name.
type Limit struct {
	Name    string
	Refused func() uint64 // requests
}

// An Objective is one objective of an SLO.
type Objective struct {
	Name string // of the SLO
	Kind string // available or fast
}

// A Reading is one number of another part of the server. Its name ends in _total if it only rises.
type Reading struct {
	Name, Help string
	Value      func() float64 // is quick, and safe for concurrent use
}

// A Family is numbers of another part of the server with labels. Its name ends in _total if they only rise.
type Family struct {
	Name, Help string
	Labels     []string
	Most       int               // numbers that Values returns at most
	Values     func() []Labelled // is quick, and safe for concurrent use
}

// A Labelled is a number with the values of the labels of its family.
type Labelled struct {
	Labels []string
	Value  float64
}

// Metrics counts the work of a server. It is a telemetry.Sink.
type Metrics struct {
	registry   *prometheus.Registry
	runtime    *prometheus.Registry // of the Go runtime and the process
	requests   *requests
	operations *operations
	statements *statements
	jobs       *jobs
	parts      *parts
	tables     []Table
	log        *slog.Logger
}

// New returns the metrics of a server.
func New(cfg Config) *Metrics {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{
		registry:   prometheus.NewRegistry(),
		runtime:    prometheus.NewRegistry(),
		requests:   newRequests(cfg.Routes, cfg.Fast),
		operations: newOperations(cfg.Tables, cfg.Fast),
		statements: newStatements(cfg.Engine, cfg.Tables),
		jobs:       newJobs(cfg.Jobs),
		parts:      newParts(cfg),
		tables:     cfg.Tables,
		log:        cfg.Logger,
	}
	m.registry.MustRegister(m.requests, m.operations, m.statements, m.jobs, m.parts)
	m.runtime.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Take implements telemetry.Sink.
func (m *Metrics) Take(r *telemetry.Record) {
	switch r.Work {
	case telemetry.WorkRequest:
		m.requests.take(r)
		m.operations.take(r)
	case telemetry.WorkJob:
		m.jobs.take(r)
	}
	m.statements.take(r)
}

// Limits of a scrape. Two Prometheus servers may scrape at once, and one more may try.
const (
	scrapeTimeout = 10 * time.Second
	maxScrapes    = 3
)

// Handler returns the handler that Prometheus scrapes, in its text format, as OpenMetrics, or with native histograms in its
// binary format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{m.registry, m.runtime}, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            errorLog{m.log},
		MaxRequestsInFlight: maxScrapes,
		Timeout:             scrapeTimeout,
	})
}

// errorLog implements promhttp.Logger.
type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) { l.log.Error("a scrape of the metrics failed", "error", v) }

// Series returns the most series that there can be, without the series of the Go runtime and the process. There
// are about RuntimeSeries of them.
func (m *Metrics) Series() int {
	return m.requests.series() + m.operations.series() + m.statements.series(m.tables) + m.jobs.series() + m.parts.series()
}

// RuntimeSeries is about how many series tell of the Go runtime and the process. Releases of Go change it.
const RuntimeSeries = 60

// SeriesBudget returns the most series of a server with these routes and tables.
func SeriesBudget(cfg Config) int { return New(cfg).Series() + RuntimeSeries }
