package job

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// benchEach runs a benchmark on each engine. SQLite commits durably; the server of ASHLAR_TEST_DATABASE_URL does too.
func benchEach(b *testing.B, bench func(b *testing.B, db store.DB)) {
	b.Run("SQLite", func(b *testing.B) {
		bench(b, openSQLite(b, filepath.Join(b.TempDir(), "bench.db")))
	})
	if os.Getenv("ASHLAR_TEST_DATABASE_URL") != "" {
		b.Run("PostgreSQL", func(b *testing.B) { bench(b, openPostgres(b, pgtest.URL(b), false)) })
	}
}

// addMany adds jobs in large transactions.
func addMany(b *testing.B, q *Queue, jobs int, spec func(i int) Insert) {
	b.Helper()
	for from := 0; from < jobs; from += 1000 {
		err := q.db.Write(b.Context(), func(tx store.Tx) error {
			for i := from; i < min(from+1000, jobs); i++ {
				if _, _, err := q.Enqueue(tx, spec(i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNoOp does jobs that do nothing, as they wait in the table: without limits, and with each of them.
func BenchmarkNoOp(b *testing.B) {
	for _, tt := range []struct {
		name  string
		queue QueueConfig
		keys  int
	}{
		{"8 workers", QueueConfig{Workers: 8}, 1},
		{"500 workers", QueueConfig{Workers: 500}, 1},
		{"500 workers, rate", QueueConfig{Workers: 500, Rate: &Rate{1_000_000, time.Second}}, 1},
		{"500 workers, 100 keys", QueueConfig{Workers: 500, Each: &Each{AtOnce: 20}}, 100},
	} {
		b.Run(tt.name, func(b *testing.B) {
			benchEach(b, func(b *testing.B, db store.DB) {
				tt.queue.Name = "default"
				q := Open(db, Config{Queues: []QueueConfig{tt.queue}, Logger: quiet()})
				var finished atomic.Int64
				all := make(chan bool, 1)
				q.Handle("work", 0, func(context.Context, *Job) error {
					if finished.Add(1) == int64(b.N) {
						all <- true
					}
					return nil
				})
				addMany(b, q, b.N, func(i int) Insert {
					return Insert{Name: "work", Queue: "default", Priority: 5, Key: fmt.Sprint("k", i%tt.keys), Args: []byte(`{}`)}
				})
				b.ResetTimer()
				stop := start(b, q)
				<-all
				stop() // every job is settled
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
			})
		})
	}
}

// BenchmarkLatency adds one job at a time and measures from the acknowledgement of the write to the start of the work.
func BenchmarkLatency(b *testing.B) {
	benchEach(b, func(b *testing.B, db store.DB) {
		q := Open(db, Config{Queues: []QueueConfig{{Name: "default"}}, Logger: quiet()})
		began := make(chan time.Time, 1)
		q.Handle("work", 0, func(context.Context, *Job) error { began <- time.Now(); return nil })
		start(b, q)
		var all []time.Duration
		for b.Loop() {
			addMany(b, q, 1, func(int) Insert { return Insert{Name: "work", Queue: "default"} })
			committed := time.Now()
			all = append(all, (<-began).Sub(committed))
			time.Sleep(5 * time.Millisecond)
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	})
}

// BenchmarkEnqueue writes a row, with a job and without.
func BenchmarkEnqueue(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(fmt.Sprint("job ", with), func(b *testing.B) {
			benchEach(b, func(b *testing.B, db store.DB) {
				q := Open(db, Config{Queues: []QueueConfig{{Name: "default"}}, Logger: quiet()})
				next := atomic.Int64{}
				b.SetParallelism(16)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := writeNote(q, next.Add(1), with, false); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			})
		})
	}
}
