package cost

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// BenchmarkTake measures what a request pays.
func BenchmarkTake(b *testing.B) {
	t := newTally()
	r := &telemetry.Record{Work: telemetry.WorkRequest, Route: "GET /api/{table}/{id}", Table: "skill_gaps", Operation: "get", Bytes: 500}
	r.Statements.Count, r.Statements.Took = 1, 20_000
	for _, table := range []string{"posts", "users", "occupations", "profiles", "employers", "skills", "jobs"} {
		for _, route := range []string{"GET /api/{table}/{id}", "GET /api/{table}", "POST /api/{table}"} {
			other := &telemetry.Record{Work: telemetry.WorkRequest, Route: route, Table: table}
			t.Take(other)
		}
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.Take(r)
		}
	})
	b.Run("key", func(b *testing.B) {
		keyed := *r
		keyed.Key = "018f0000-0000-7000-8000-0000000000d1"
		b.ReportAllocs()
		for b.Loop() {
			t.Take(&keyed)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				t.Take(r)
			}
		})
	})
}
