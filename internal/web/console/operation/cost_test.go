package operation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
)

// sums are the sums of a ledger, in memory.
type sums struct{ list []archive.Sum }

func (s *sums) AddSum(at time.Time, body []byte, _ func(sum, more []byte) []byte) {
	s.list = append(s.list, archive.Sum{At: at, Length: time.Minute, Body: body})
}

func (s *sums) Sums(context.Context, time.Time, time.Time) ([]archive.Sum, error) { return s.list, nil }

// costly returns a ledger that counted some work, with a text at the end of all names.
func costly(text string, prices model.Costs) *cost.Ledger {
	now, cpu, out := time.Now().Add(-time.Hour), time.Duration(0), int64(0)
	storage := []cost.Storage{{Table: "notes" + text, Stored: cost.Stored{Rows: 80_000_000, Indexes: 20_000_000}}}
	l := cost.New(cost.Config{
		Archive: &sums{}, Prices: prices, CPU: func() time.Duration { return cpu }, Traffic: func() (int64, int64) { return out / 10, out }, Now: func() time.Time { return now },
		Storage: func(context.Context) ([]cost.Storage, error) { return storage, nil },
	})
	l.Profiled(nil)
	for i := range 3000 {
		r := &telemetry.Record{Work: telemetry.WorkRequest, Route: "GET /api/{table}", Table: "notes" + text, Operation: "list", Bytes: 40_000}
		if i%10 == 0 {
			r.Route, r.Operation, r.Key = "POST /api/{table}", "create", "key-hammer"+text
		}
		r.Statements.Count, r.Statements.Took = 2, time.Millisecond
		l.Take(r)
	}
	now, cpu, out = now.Add(time.Minute), 30*time.Second, 130_000_000
	l.Profiled([]cost.Usage{
		{Route: "GET /api/{table}", Table: "notes" + text, Operation: "list", CPU: 20 * time.Second}, {Route: "POST /api/{table}", Table: "notes" + text, Operation: "create", Key: "key-hammer" + text, CPU: 4 * time.Second},
		{Part: "garbage collection" + text, Way: cost.ByCPU, CPU: 5 * time.Second}, {Part: "other" + text, CPU: time.Second},
	})
	return l
}

func TestCostsAreDividedAmongWork(t *testing.T) {
	w := newWorld(t)
	w.costs = costly("", model.Costs{CPUHour: 0.04, GBOut: 0.09})
	w.serve(w.objectives)
	v := w.operator("viewer")
	body := v.get("/console/cost", 200, "GET /api/notes", "POST /api/notes", "2,700", "everything else", "130 MB", "garbage collection", "among the rows", "Prices are those of", "of CPU")
	if first, second := strings.Index(body, "GET /api/notes"), strings.Index(body, "POST /api/notes"); first > second {
		t.Error("what costs more comes later")
	}
	v.get("/console/cost?by=key&range=7d", 200, "key-hammer", `aria-current="true">Keys</a>`)
	v.get("/console/cost?by=operation", 200, "create notes")
	v.get("/console/cost?by=table", 200, "of indexes")
	for _, query := range []string{"range=2h", "by=color"} {
		v.get("/console/cost?"+query, 400)
	}
	w.costs = costly("", model.Costs{})
	w.serve(w.objectives)
	if body := v.get("/console/cost", 200, "With prices below"); strings.Contains(body, "<th scope=\"col\">Price</th>") {
		t.Error("a price without prices")
	}
}
