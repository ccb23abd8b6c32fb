package record

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// DB is the rows of a model. It is safe for concurrent use.
type DB struct {
	store   store.DB
	rules   *rule.Rules
	dialect sqlgen.Dialect
	now     func() time.Time
	limits  limits
	tables  map[*model.Table]*table

	keepsAnswers  bool
	quickVersions bool // a version costs no turn on the wire
	worthwhile    time.Duration
	leastCost     int64        // see probation
	lookSpent     atomic.Int64 // nanoseconds that the look for a version lately took

	shapes   *shape.Shapes
	gate     *gate.Gate
	query    model.QueryLimit
	budget   *budget.Budget // nil: a query may read any number of rows
	kept     *cache.Cache[*kept]
	flights  flights // answers and totals under way
	tags     *tagger
	lookups  gate.Cost // of a look whether a kept answer is valid
	seen     sightings
	stale    staleness
	merging  rowLocks // rows that a patch is merged into
	refusals *refusals
	guard    Guard     // nil: no caller can end
	effects  Effector  // nil: writes have no effects
	check    CheckFunc // nil: bodies have no further checks

	requests sync.Pool // of *request
	blocks   sync.Pool // of *render.Block
}

// New returns the rows of a model. The database must have the model's tables.
func New(db store.DB, rules *rule.Rules, cfg Config) *DB {
	stored := rules.Model.Tables
	if cfg.System != nil {
		rules = rules.Join(systemRules(cfg.System))
		stored = slices.Concat(stored, cfg.System.Tables)
	}
	tables := slices.Concat(stored, rules.Model.Views)
	d := &DB{
		store: db, rules: rules, dialect: db.Dialect(), now: cfg.Now,
		limits:   defaultLimits(),
		tables:   map[*model.Table]*table{},
		shapes:   shape.NewShapes(rules, tables),
		gate:     gate.New(db),
		kept:     newKeptCache(max(cfg.Answers, totalsSize)),
		tags:     newTagger(cfg.TagKey),
		refusals: newRefusals(),
		stale:    newStaleness(tables),
		guard:    cfg.Guard,
		effects:  cfg.Effects,
		check:    cfg.Check,
	}
	d.keepsAnswers, d.quickVersions = cfg.Answers > 0, d.dialect == sqlgen.SQLite
	d.worthwhile, d.leastCost = worthwhile, leastCost
	if limits := rules.Model.Limits; limits != nil {
		d.query = limits.Query
		d.budget = budget.New(rules, d.dialect, d.query.Rows)
	}
	if d.now == nil {
		d.now = time.Now
	}
	for _, t := range tables {
		d.tables[t] = newTable(rules, t, sqlgen.ReachOf(stored, t))
	}
	return d
}

// KeptBytes returns the size of all answers and totals that are kept.
func (d *DB) KeptBytes() int64 { return d.kept.Size() }

// Gate returns counts of the gate that admits reads.
func (d *DB) Gate() admit.Stats { return d.gate.Stats() }

// Budget returns counts of the queries that were judged by their plans.
func (d *DB) Budget() budget.Stats { return d.budget.Stats() }

// systemRules returns the rules of system tables: they let nobody in.
func systemRules(own *model.Model) *rule.Rules {
	rules, faults := rule.CompileModel(own)
	if len(faults) > 0 {
		panic(faults) // they have no expressions
	}
	return rules
}
