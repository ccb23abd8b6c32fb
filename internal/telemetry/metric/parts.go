package metric

import (
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// parts are the numbers that other parts of the server keep. They are read when somebody asks.
type parts struct {
	cfg    Config
	all    []Description
	info   *prometheus.Desc
	descs  map[string]*prometheus.Desc
	labels map[string][]string // names of labels, by metric
}

// A number is one value of a metric.
type number struct {
	name   string
	value  float64
	labels []string
}

// storeDescriptions describes the numbers of storeNumbers.
func storeDescriptions() []Description {
	pool := []string{"pool"}
	return []Description{
		{"ashlar_pool_connections", "Connections to the database, by pool and state: used or idle.", []string{"pool", "state"}},
		{"ashlar_pool_waiting", "Callers that wait for a connection to the database.", pool},
		{"ashlar_pool_waits_total", "Callers that had to wait for a connection to the database.", pool},
		{"ashlar_pool_wait_seconds_total", "Time that callers waited for a connection to the database.", pool},
		{"ashlar_pool_refused_total", "Callers that would have waited too long for a connection to the database, and were refused.", pool},
		{"ashlar_writer_waiting", "Writes that wait for their turn.", nil},
		{"ashlar_writer_writes_total", "Writes that the database ran. Several may share a commit.", nil},
		{"ashlar_writer_wait_seconds_total", "Time that writes waited for their turn.", nil},
		{"ashlar_writer_commits_total", "Transactions that were committed. Writes divided by commits is the size of a group.", nil},
		{"ashlar_writer_rollbacks_total", "Transactions that were rolled back.", nil},
		{"ashlar_writer_refused_total", "Writes that found the queue full, and were refused.", nil},
		{"ashlar_database_connections_opened_total", "Connections to the database that were opened.", nil},
		{"ashlar_database_connections_lost_total", "Connections to the database that broke or were given up.", nil},
		{"ashlar_database_conflicts_total", "Transactions that ran again because another one was in the way.", nil},
		{"ashlar_database_busy_total", "Groups of writes that were refused because another process held the database.", nil},
		{"ashlar_database_writable", "1 if the database takes writes, 0 if its disk is full or broken.", nil},
		{"ashlar_database_bytes", "Size of the database.", nil},
		{"ashlar_database_free_bytes", "Free space on the disk of the database, if it is on this machine.", nil},
		{"ashlar_database_replica_lag_seconds", "How far a standby of the database is behind, if the database says so.", []string{"replica"}},
		{"ashlar_wal_bytes", "Size of the file of SQLite's write-ahead log.", nil},
		{"ashlar_wal_pages", "Pages in SQLite's write-ahead log since it last began anew.", nil},
		{"ashlar_wal_pending_pages", "Pages in SQLite's write-ahead log that are not in the database yet.", nil},
		{"ashlar_wal_checkpoints_total", "Commits that moved pages from SQLite's write-ahead log into the database.", nil},
		{"ashlar_wal_checkpoint_seconds_total", "Time of the commits that moved pages from SQLite's write-ahead log into the database.", nil},
	}
}

// gateDescriptions describes the numbers of gateNumbers.
func gateDescriptions() []Description {
	gate := []string{"gate"}
	return []Description{
		{"ashlar_gate_taken", "Slots of a gate that are taken; of the gate for answers, bytes.", gate},
		{"ashlar_gate_waiting", "Callers that wait for a slot of a gate.", gate},
		{"ashlar_gate_admissions_total", "Callers that a gate let in.", gate},
		{"ashlar_gate_refusals_total", "Callers that a gate refused, because they would have waited too long, or their client had its share.", gate},
	}
}

// limitDescription describes the refusals of Config.Limits.
func limitDescription() Description {
	return Description{"ashlar_limit_refusals_total", "Requests that a limit of the model refused.", []string{"limit"}}
}

// budgetDescription describes the numbers of Config.BudgetLeft. The rules of package monitor have the same labels.
func budgetDescription() Description {
	return Description{BudgetLeft, "Share of the budget of 30 days that an objective has left on this server. Below 0 it is overspent.", []string{"slo", "objective"}}
}

func newParts(cfg Config) *parts {
	p := &parts{cfg: cfg, descs: map[string]*prometheus.Desc{}, labels: map[string][]string{}}
	info := Description{BuildInfo, "The program, the model and the database engine that run here. The value is always 1.",
		[]string{"version", "model", "engine", "goversion"}}
	p.info = info.desc(nil)
	all := []Description{info}
	if cfg.Store != nil {
		all = append(all, storeDescriptions()...)
	}
	if len(cfg.Gates) > 0 {
		all = append(all, gateDescriptions()...)
	}
	if len(cfg.Limits) > 0 {
		all = append(all, limitDescription())
	}
	if len(cfg.Objectives) > 0 {
		all = append(all, budgetDescription())
	}
	for _, reading := range cfg.Readings {
		all = append(all, Description{reading.Name, reading.Help, nil})
	}
	for _, family := range cfg.Families {
		all = append(all, Description{family.Name, family.Help, family.Labels})
	}
	p.all = all
	for _, d := range all {
		p.descs[d.Name], p.labels[d.Name] = d.desc(nil), d.Labels
	}
	return p
}

// Describe implements prometheus.Collector.
func (p *parts) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range p.descs {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (p *parts) Collect(metrics chan<- prometheus.Metric) {
	metrics <- prometheus.MustNewConstMetric(p.info, prometheus.GaugeValue, 1, p.cfg.Build, p.cfg.Revision, p.cfg.Engine, runtime.Version())
	for _, n := range p.read() {
		kind := prometheus.GaugeValue
		if strings.HasSuffix(n.name, "_total") {
			kind = prometheus.CounterValue
		}
		metrics <- prometheus.MustNewConstMetric(p.descs[n.name], kind, n.value, n.labels...)
	}
}

// read reads all numbers.
func (p *parts) read() []number {
	var all []number
	if p.cfg.Store != nil {
		all = storeNumbers(p.cfg.Store.Stats(), p.cfg.Store.Writable() == nil)
	}
	for _, gate := range p.cfg.Gates {
		all = append(all, gateNumbers(gate.Name, gate.Stats())...)
	}
	for _, limit := range p.cfg.Limits {
		all = append(all, number{limitDescription().Name, float64(limit.Refused()), []string{limit.Name}})
	}
	if len(p.cfg.Objectives) > 0 {
		for i, left := range p.cfg.BudgetLeft() {
			all = append(all, number{BudgetLeft, left, []string{p.cfg.Objectives[i].Name, p.cfg.Objectives[i].Kind}})
		}
	}
	for _, reading := range p.cfg.Readings {
		all = append(all, number{reading.Name, reading.Value(), nil})
	}
	for _, family := range p.cfg.Families {
		for _, labelled := range family.Values() {
			all = append(all, number{family.Name, labelled.Value, labelled.Labels})
		}
	}
	return all
}

func gateNumbers(name string, stats admit.Stats) []number {
	labels := []string{name}
	return []number{
		{"ashlar_gate_taken", float64(stats.Taken), labels},
		{"ashlar_gate_waiting", float64(stats.Waiting), labels},
		{"ashlar_gate_admissions_total", float64(stats.Admitted), labels},
		{"ashlar_gate_refusals_total", float64(stats.Refused), labels},
	}
}

func storeNumbers(s store.Stats, writable bool) []number {
	one := func(name string, value float64) number { return number{name, value, nil} }
	works := 0.0
	if writable {
		works = 1
	}
	all := []number{
		one("ashlar_writer_waiting", float64(s.Writer.Waiting)),
		one("ashlar_writer_writes_total", float64(s.Writer.Writes)),
		one("ashlar_writer_wait_seconds_total", s.Writer.Waited.Seconds()),
		one("ashlar_writer_commits_total", float64(s.Writer.Commits)),
		one("ashlar_writer_rollbacks_total", float64(s.Writer.Failed)),
		one("ashlar_writer_refused_total", float64(s.Writer.Refused)),
		one("ashlar_database_connections_opened_total", float64(s.Opened)),
		one("ashlar_database_connections_lost_total", float64(s.Lost)),
		one("ashlar_database_conflicts_total", float64(s.Conflicts)),
		one("ashlar_database_busy_total", float64(s.Busy)),
		one("ashlar_database_writable", works),
	}
	if s.Size >= 0 {
		all = append(all, one("ashlar_database_bytes", float64(s.Size)))
	}
	if s.Free >= 0 {
		all = append(all, one("ashlar_database_free_bytes", float64(s.Free)))
	}
	for _, pool := range s.Pools {
		all = append(all, poolNumbers(pool)...)
	}
	if s.Log != nil {
		all = append(all,
			one("ashlar_wal_bytes", float64(s.Log.Bytes)),
			one("ashlar_wal_pages", float64(s.Log.Pages)),
			one("ashlar_wal_pending_pages", float64(s.Log.Pending)),
			one("ashlar_wal_checkpoints_total", float64(s.Log.Checkpoints)),
			one("ashlar_wal_checkpoint_seconds_total", s.Log.Moving.Seconds()))
	}
	return append(all, replicaNumbers(s.Replicas)...)
}

func poolNumbers(pool store.Pool) []number {
	labels := []string{pool.Name}
	return []number{
		{"ashlar_pool_connections", float64(pool.InUse), []string{pool.Name, "used"}},
		{"ashlar_pool_connections", float64(pool.Size - pool.InUse), []string{pool.Name, "idle"}},
		{"ashlar_pool_waiting", float64(pool.Waiting), labels},
		{"ashlar_pool_waits_total", float64(pool.Waits), labels},
		{"ashlar_pool_wait_seconds_total", pool.Waited.Seconds(), labels},
		{"ashlar_pool_refused_total", float64(pool.Refused), labels},
	}
}

// maxReplicas bounds the series of replicas, whose names come from the database server.
const maxReplicas = 16

// replicaNumbers returns the lag of each replica. Replicas of one name count as the slowest of them.
func replicaNumbers(replicas []store.Replica) (all []number) {
	lags := map[string]float64{}
	for _, replica := range replicas {
		name := strings.ToValidUTF8(errs.Clip(replica.Name, 64), "?")
		if _, known := lags[name]; !known && len(lags) >= maxReplicas {
			continue
		}
		lags[name] = max(lags[name], replica.Lag.Seconds())
	}
	for name, lag := range lags {
		all = append(all, number{"ashlar_database_replica_lag_seconds", lag, []string{name}})
	}
	return all
}

// maxPools is how many pools an engine has at most.
const maxPools = 3

// series returns how many series there can be.
func (p *parts) series() int {
	n := 1 + len(p.cfg.Gates)*len(gateDescriptions()) + len(p.cfg.Limits) + len(p.cfg.Objectives) + len(p.cfg.Readings)
	for _, family := range p.cfg.Families {
		n += family.Most
	}
	if p.cfg.Store == nil {
		return n
	}
	for _, d := range storeDescriptions() {
		switch len(d.Labels) {
		case 0:
			n++
		case 1:
			n += maxPools
		case 2:
			n += 2 * maxPools
		}
	}
	return n + maxReplicas - maxPools // replica lag has another label
}
