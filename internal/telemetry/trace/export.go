package trace

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"

	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Bounds of the export.
const (
	queueSize = 2048             // traces that wait, about 1 MB
	batchSize = 128              // traces of one call
	pause     = 2 * time.Second  // longest wait of a trace for others
	callTime  = 10 * time.Second // of one call
	retryTime = 30 * time.Second // of one batch with all its calls
	flushTime = 5 * time.Second  // of the last batches at a stop
	tellEvery = time.Minute      // least time between two log lines
)

// ExportConfig configures an Exporter.
type ExportConfig struct {
	URL      string           // of the collector's traces, such as http://127.0.0.1:4318/v1/traces
	Headers  telemetry.Secret // "name=value,name=value", percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS
	Ratio    float64          // share of the traces that begin here to export, 0 to 1; slow and failed ones are always exported
	Service  string           // service.name; OTEL_SERVICE_NAME wins
	Version  string           // service.version
	Instance string           // service.instance.id
	Database string           // db.system.name: sqlite or postgresql
	Grace    time.Duration    // bounds the last calls at a stop; default: 5 s
	Egress   *outbound.Egress // default: one without settings
	Logger   *slog.Logger     // default: no log

	room int // length of the queue; set by tests
}

// Stats counts traces since the start of an Exporter.
type Stats struct {
	Exported int64
	Dropped  int64 // found the queue full
	Failed   int64 // the collector did not take them
	Queued   int   // wait now
}

// An Exporter sends traces to a collector by OTLP over HTTP. It is a background.Service. Work never waits for it: when its
// queue is full, it drops a trace and counts it.
type Exporter struct {
	cfg    ExportConfig
	texts  *texts
	client otlptrace.Client
	http   *http.Client // of client
	encode encoder

	mu    sync.Mutex
	queue []slot // a ring; it is allocated with the first trace
	head  int    // of the oldest trace
	size  int

	wake                      chan struct{}
	exported, dropped, failed atomic.Int64

	lastTold time.Time
	told     int64 // lost traces at the last log line
	problem  string
}

// NewExporter returns an Exporter. Its Run sends what the Traces that it is given to take.
func NewExporter(cfg ExportConfig) (*Exporter, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Grace == 0 || cfg.Grace > flushTime {
		cfg.Grace = flushTime
	}
	calls := newHTTPClient(cfg)
	client, err := newClient(cfg, calls)
	if err != nil {
		return nil, err
	}
	return &Exporter{cfg: cfg, texts: newTexts(), client: client, http: calls, encode: newEncoder(cfg), wake: make(chan struct{}, 1)}, nil
}

// Stats returns the counts.
func (e *Exporter) Stats() Stats {
	e.mu.Lock()
	queued := e.size
	e.mu.Unlock()
	return Stats{Exported: e.exported.Load(), Dropped: e.dropped.Load(), Failed: e.failed.Load(), Queued: queued}
}

// take queues the trace of a record if it is to be exported.
func (e *Exporter) take(number uint64, r *telemetry.Record, isSlow bool) {
	if !isExported(r, isSlow) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.queue == nil {
		e.queue = make([]slot, cmp.Or(e.cfg.room, queueSize))
	}
	if e.size == len(e.queue) {
		e.dropped.Add(1)
		return
	}
	e.queue[(e.head+e.size)%len(e.queue)].write(number, r, isSlow, e.texts)
	if e.size++; e.size >= batchSize {
		select {
		case e.wake <- struct{}{}:
		default:
		}
	}
}

// Sample decides at the begin of a trace whether all of it is exported. All services that take the same share decide alike.
func (e *Exporter) Sample(id telemetry.TraceID) bool { return inRatio(id, e.cfg.Ratio) }

// isExported follows what was decided where the trace began. A record is complete now, so slow and failed traces that begin here
// need not be left to chance.
func isExported(r *telemetry.Record, isSlow bool) bool {
	beginsHere := r.Parent == (telemetry.SpanID{})
	return r.Sampled || (beginsHere && (isSlow || r.Failed()))
}

// pop takes the oldest trace from the queue.
func (e *Exporter) pop() (t Trace, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.size == 0 {
		return t, false
	}
	t = e.queue[e.head].read(e.texts)
	e.head, e.size = (e.head+1)%len(e.queue), e.size-1
	return t, true
}

// Run sends traces until ctx ends. Then it sends the waiting ones within the grace time.
func (e *Exporter) Run(ctx context.Context) error {
	defer e.http.CloseIdleConnections()
	calls, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(e.cfg.Grace, cancel) })()
	if err := e.client.Start(calls); err != nil {
		return err
	}
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			e.drain(calls)
			e.tell(true)
			return nil
		case <-ticker.C:
		case <-e.wake:
		}
		e.drain(calls)
		e.tell(false)
	}
}

// drain sends all that waits.
func (e *Exporter) drain(ctx context.Context) {
	for {
		var batch []Trace
		for len(batch) < batchSize {
			t, ok := e.pop()
			if !ok {
				break
			}
			batch = append(batch, t)
		}
		if len(batch) == 0 {
			return
		}
		if err := e.client.UploadTraces(ctx, e.encode.spans(batch)); err != nil {
			e.failed.Add(int64(len(batch)))
			e.problem = clip(err.Error(), 300)
			e.tell(false)
			continue
		}
		e.exported.Add(int64(len(batch)))
	}
}

// tell logs how many traces were lost, at most once a minute.
func (e *Exporter) tell(isLast bool) {
	dropped, failed := e.dropped.Load(), e.failed.Load()
	if now := time.Now(); dropped+failed > e.told && (isLast || now.Sub(e.lastTold) >= tellEvery) {
		e.lastTold, e.told = now, dropped+failed
		e.cfg.Logger.Warn("traces were not exported", "dropped", dropped, "failed", failed, "error", e.problem)
	}
}
