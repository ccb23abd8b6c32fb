package metric

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Table is a table or a view of the model.
type Table struct {
	Name string
	View bool // is only read
}

// operationNames are the operations on a table. A view has the first two.
func operationNames() [5]string { return [...]string{"list", "get", "create", "update", "delete"} }

// An operation has the numbers of one operation on one table.
type operation struct {
	table, name string
	duration    histogram     // beside the other counters, so that a request touches few lines of the cache
	refused     atomic.Uint64 // 4xx
	failed      atomic.Uint64 // our fault
	rows, bytes atomic.Int64

	lists        bool          // the operation has answers that may be kept
	kept, missed atomic.Uint64 // answers

	stale, notModified, public atomic.Uint64 // see Answers; no series has them
}

// operations counts requests by table and operation.
type operations struct {
	byName map[string]map[string]*operation // table → operation
	all    []*operation
	other  *operation

	duration, errors, rows, bytes, answers *prometheus.Desc
}

func newOperations(tables []Table, fast []time.Duration) *operations {
	described := operationDescriptions()
	ops := &operations{
		byName:   map[string]map[string]*operation{},
		duration: described[0].desc(nil),
		errors:   described[1].desc(nil),
		rows:     described[2].desc(nil),
		bytes:    described[3].desc(nil),
		answers:  described[4].desc(nil),
	}
	layout := newLayout(fast...)
	add := func(table, name string) *operation {
		op := &operation{table: table, name: name, duration: histogram{layout: layout, cells: layout.counters()}, lists: name == operationNames()[0]}
		ops.all = append(ops.all, op)
		return op
	}
	for _, table := range tables {
		if ops.byName[table.Name] != nil {
			continue
		}
		own := map[string]*operation{}
		ops.byName[table.Name] = own
		for i, name := range operationNames() {
			if i < 2 || !table.View {
				own[name] = add(table.Name, name)
			}
		}
	}
	ops.other = add(Other, Other)
	return ops
}

func (ops *operations) take(r *telemetry.Record) {
	if r.Table == "" {
		return
	}
	op := ops.byName[r.Table][r.Operation]
	if op == nil {
		op = ops.other
	}
	op.duration.observe(r.Busy())
	switch answer := answerOf(r); {
	case answer.failed():
		op.failed.Add(1)
	case answer == answer4xx:
		op.refused.Add(1)
	}
	op.rows.Add(int64(r.Rows))
	op.bytes.Add(r.Bytes)
	switch r.Cache {
	case "hit", "stale", "shared":
		op.kept.Add(1)
	case "miss":
		op.missed.Add(1)
	}
	if r.Cache == "stale" {
		op.stale.Add(1)
	}
	if r.Status == http.StatusNotModified {
		op.notModified.Add(1)
	}
	if r.Public > 0 {
		op.public.Add(1)
	}
}

// Answers counts the answers to reads of a table since the start.
type Answers struct {
	Table       string
	Lists       uint64 // requests for lists, refused ones too
	Kept        uint64 // lists from the cache, or from the computation of another request
	Stale       uint64 // among Kept: not compared with the rows, see model.Cache.Stale
	Missed      uint64 // lists that had to be read; the rest of Lists never asked the cache
	NotModified uint64 // lists and rows that the client had already
	Public      uint64 // lists and rows that others may keep, see model.Cache.Public
}

// Answers returns the counts of all tables and views, in the order of the configuration. They are more than there are series.
func (m *Metrics) Answers() (all []Answers) {
	for _, list := range m.operations.all {
		if !list.lists {
			continue
		}
		get := m.operations.byName[list.table][operationNames()[1]]
		all = append(all, Answers{
			Table: list.table, Lists: list.duration.count(), Kept: list.kept.Load(), Stale: list.stale.Load(), Missed: list.missed.Load(),
			NotModified: list.notModified.Load() + get.notModified.Load(), Public: list.public.Load() + get.public.Load(),
		})
	}
	return all
}

// Describe implements prometheus.Collector.
func (ops *operations) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{ops.duration, ops.errors, ops.rows, ops.bytes, ops.answers} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (ops *operations) Collect(metrics chan<- prometheus.Metric) {
	for _, op := range ops.all {
		metrics <- &sample{ops.duration, prometheus.MakeLabelPairs(ops.duration, []string{op.table, op.name}), op.duration.read()}
		metrics <- counter(ops.errors, op.refused.Load(), op.table, op.name, "4xx")
		metrics <- counter(ops.errors, op.failed.Load(), op.table, op.name, "5xx")
		metrics <- counter(ops.rows, op.rows.Load(), op.table, op.name)
		metrics <- counter(ops.bytes, op.bytes.Load(), op.table, op.name)
		if op.lists {
			metrics <- counter(ops.answers, op.kept.Load(), op.table, "hit")
			metrics <- counter(ops.answers, op.missed.Load(), op.table, "miss")
		}
	}
}

func (ops *operations) series() int {
	return len(ops.all)*(seriesOf(ops.other.duration.layout)+4) + len(ops.byName)*2
}
