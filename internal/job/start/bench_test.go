package start

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const benchModel = `
ashlar: 1
name: bench
roles: [editor]
tables:
  customers: {fields: {name: {type: text}}, access: {read: true, write: true}}
  orders:
    fields:
      customer: {ref: customers, optional: true}
      state:    {type: enum, values: [draft, paid], default: draft}
      title:    {type: text, max: 200}
      total:    {type: int, default: 0, index: true}
      due_at:   {type: timestamp, optional: true}
    access: {read: true, write: "'editor' in auth.roles"}
`

// BenchmarkWrite writes rows with 32 writers: without jobs, with one on each write, and with a condition.
func BenchmarkWrite(b *testing.B) {
	const update = `jobs: {paid: {on: orders.update, when: "state == 'paid' && old.state != 'paid'", work: pull}}`
	for _, tt := range []struct{ name, jobs, op string }{
		{"create", "", "create"},
		{"create, job", `jobs: {made: {on: orders.create, work: pull}}`, "create"},
		{"create, condition", `jobs: {made: {on: orders.create, when: total >= 0, work: pull}}`, "create"},
		{"create, timer", `jobs: {due: {table: orders, at: "created_at + duration('24h')", work: pull}}`, "create"},
		{"update", "", "update"},
		{"update, job", `jobs: {changed: {on: orders.update, work: pull}}`, "update"},
		{"update, old", update, "update"},
	} {
		for _, engine := range []modeltest.Engine{
			modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()}), modeltest.Postgres(postgres.Config{Readers: 2, Writers: 4, Groups: 2}),
		} {
			if engine.Name == "PostgreSQL" && os.Getenv("ASHLAR_TEST_DATABASE_URL") == "" {
				continue // the server of tests does not sync
			}
			b.Run(tt.name+"/"+engine.Name, func(b *testing.B) { benchWrite(b, engine, benchModel+tt.jobs, tt.op) })
		}
	}
}

func benchWrite(b *testing.B, engine modeltest.Engine, source, op string) {
	w := open(b, engine.Empty(b), source)
	if w.start.Empty() {
		w.rows = record.New(w.db, w.rules, record.Config{})
	}
	orders := w.table("orders")
	body := members(b, `{"title":"A title of some words","total":3}`)
	patches := [2][]value.Member{members(b, `{"state":"paid"}`), members(b, `{"state":"draft"}`)}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		row, err := w.rows.Create(b.Context(), anybody, orders, body)
		for i := 0; pb.Next() && err == nil; i++ {
			if op == "create" {
				_, err = w.rows.Create(b.Context(), anybody, orders, body)
			} else {
				_, err = w.rows.Update(b.Context(), anybody, orders, row.ID, patches[i%2], nil)
			}
		}
		if err != nil {
			b.Error(err)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// What a write sends for its job: one statement more, in the packet or the group of the write.
func TestCostInStatements(t *testing.T) {
	for _, tt := range []struct {
		jobs       string
		op         record.Op
		statements int
		bytes      int // of values, at most
	}{
		{`jobs: {made: {on: orders.create, work: pull}}`, record.Create, 1, 200},
		{`jobs: {made: {on: orders.create, when: total >= 0, work: pull}}`, record.Create, 1, 200},
		{`jobs: {due: {table: orders, at: due_at, work: pull}}`, record.Create, 1, 200},
		{`jobs: {changed: {on: orders.update, work: pull}}`, record.Update, 1, 200},
		{`jobs: {paid: {on: orders.update, when: "state == 'paid' && old.state != 'paid'", work: pull}}`, record.Update, 1, 200},
		{`jobs: {due: {table: orders, at: due_at, work: pull}}`, record.Update, 0, 0}, // the update sets another field
		{`jobs: {once: {on: orders.update, once: true, work: pull}}`, record.Update, 2, 300},
		{`jobs: {gone: {on: orders.delete, work: pull}}`, record.Delete, 1, 200},
	} {
		rules := modeltest.Rules(t, benchModel+tt.jobs)
		engine := modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()}).Empty(t)
		s := New(engine, rules, job.Open(engine, job.Config{Logger: quiet()}), Config{Logger: quiet()})
		orders := rules.Model.Table("orders")
		b := s.binding()
		key, _ := value.ParseUUID("0190f5a0-0000-7000-8000-000000000000")
		effects, err := s.Effects(&record.Written{
			Binding: b, Table: orders, Op: tt.op, ID: value.OfUUID(key), Revision: 1,
			Fields: append(orders.Fields[:0:0], orders.Field("state")), Values: []value.Value{value.OfText("paid")},
		})
		if err != nil {
			t.Fatal(err)
		}
		all, bytes := append(effects.Before, effects.Steps...), 0
		for _, step := range all {
			for _, v := range step.Args {
				bytes += 8 + len(v.Text)
			}
			t.Logf("%s: %d values, %d bytes, text of %d", tt.jobs, len(step.Args), bytes, len(step.SQL))
		}
		if len(all) != tt.statements || bytes > tt.bytes {
			t.Errorf("%s: %d statements with %d bytes, want %d and at most %d", tt.jobs, len(all), bytes, tt.statements, tt.bytes)
		}
		if batched, want := all != nil && all[0].Batch != nil, strings.HasPrefix(tt.jobs, "jobs: {made: {on: orders.create, work"); batched != want {
			t.Errorf("%s: added together with others: %t, want %t", tt.jobs, batched, want)
		}
		if effects.NoGroup != strings.Contains(tt.jobs, "once") {
			t.Errorf("%s: apart from groups: %t", tt.jobs, effects.NoGroup)
		}
	}
}

// BenchmarkWake measures from the answer of a write to the start of its job.
func BenchmarkWake(b *testing.B) {
	engine := modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()})
	w := open(b, engine.Empty(b), benchModel+`jobs: {made: {on: orders.create, when: total > 0, work: go}}`)
	began := make(chan time.Time, 1)
	w.queue.Handle("made", 0, func(context.Context, *job.Job) error { began <- time.Now(); return nil })
	ctx, cancel := context.WithCancel(b.Context())
	ended := background.Async("a queue", func() error { return w.queue.Run(ctx) })
	body, late := members(b, `{"title":"A title","total":3}`), time.Duration(0)
	for b.Loop() {
		if _, err := w.rows.Create(b.Context(), anybody, w.table("orders"), body); err != nil {
			b.Fatal(err)
		}
		committed := time.Now()
		late = max(late, (<-began).Sub(committed))
	}
	cancel()
	<-ended
	b.ReportMetric(float64(late.Microseconds())/1000, "max-ms")
}
