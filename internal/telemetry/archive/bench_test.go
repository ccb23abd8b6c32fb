package archive

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// BenchmarkTake measures what a request pays: a record that is kept, and one that is not.
func BenchmarkTake(b *testing.B) {
	b.Run("kept", func(b *testing.B) {
		r := openTest(b, Config{Now: time.Now})
		record := r.request(1)
		record.Duration = time.Second
		b.ReportAllocs()
		for b.Loop() {
			r.Take(record)
			if r.queue.length() == maxItems/2 {
				b.StopTimer()
				r.queue.giveBack(first(r.queue.take()))
				b.StartTimer()
			}
		}
	})
	b.Run("healthy", func(b *testing.B) {
		r := openTest(b, Config{Now: time.Now})
		record := r.request(1)
		r.sample.Share = 1e-9
		b.ReportAllocs()
		for b.Loop() {
			r.Take(record)
		}
	})
}

func first(c content, _ int64) content { return c }

// BenchmarkWrite measures what the writer pays for each record.
func BenchmarkWrite(b *testing.B) {
	r := openTest(b, Config{Now: time.Now, Size: 256 << 20})
	record := r.request(1)
	record.Duration = time.Second
	for i := 0; b.Loop(); i++ {
		r.Take(record)
		if i%batch == batch-1 {
			r.Flush()
		}
	}
	b.StopTimer()
	r.Flush()
	b.ReportMetric(float64(sizeOnDisk(r.path))/float64(r.Stats().Written), "bytes/record")
}

// metrics fills an archive with a day of 400 series.
func metrics(b *testing.B) *rig {
	m := &meter{points: make([]telemetry.Point, 400)}
	r := openTest(b, Config{Points: m.read})
	for i := range m.points {
		m.points[i] = telemetry.Point{Series: fmt.Sprintf("http_requests_total{route=\"GET /api/t%d\"}", i), Counter: i%4 != 0}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 24 * hourTicks {
		r.clock.pass(tickStep)
		for i := range m.points {
			p := &m.points[i]
			switch {
			case i%4 == 0:
				p.Value = float64(random.IntN(1000))
			case i%4 == 1:
				p.Value += random.Float64() // seconds
			case i%4 == 2:
				p.Value += float64(random.IntN(100))
			}
		}
		r.Sample()
	}
	return r
}

func BenchmarkSample(b *testing.B) {
	m := &meter{points: make([]telemetry.Point, 400)}
	r := openTest(b, Config{Points: m.read})
	for i := range m.points {
		m.points[i] = telemetry.Point{Series: fmt.Sprint("s", i), Counter: true}
	}
	for b.Loop() {
		r.clock.pass(tickStep)
		for i := range m.points {
			m.points[i].Value += float64(i)
		}
		r.Sample()
	}
}

// BenchmarkSeries reads six of 400 series for a day.
func BenchmarkSeries(b *testing.B) {
	r := metrics(b)
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("http_requests_total{route=\"GET /api/t%d\"}", 50*i+i))
	}
	for b.Loop() {
		if _, err := r.Series(b.Context(), noon, noon.Add(24*time.Hour), tickStep, names...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sizeOnDisk(r.path)), "bytes/day")
}

// BenchmarkDifference compares 1,000 failed records with 100,000 others.
func BenchmarkDifference(b *testing.B) {
	r := openTest(b, Config{Sample: 1})
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 101_000 {
		r.clock.pass(10 * time.Millisecond)
		record := ordinary(random, r.clock.Now())
		if i%101 == 0 {
			record.Status = 500
		}
		r.Take(record)
		if i%4000 == 0 {
			r.Flush()
		}
	}
	r.Flush()
	for b.Loop() {
		if _, err := r.Difference(b.Context(), Filter{Failed: true}, Filter{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens an archive that has a day of 400 series.
func BenchmarkOpen(b *testing.B) {
	r := metrics(b)
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := Open(r.path, Config{Now: r.clock.Now}).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
