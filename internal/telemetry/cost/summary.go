package cost

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// sampleTime is the CPU time that a sample stands for. Package runtime/pprof takes 100 in a second of CPU time. Profiles take them
// for a fifth of each minute.
const sampleTime = 50 * time.Millisecond

// A summary adds up sums of an archive, and makes the report.
type summary struct {
	prices   model.Costs
	from, to time.Time
	sheet    sheet
}

func (s *summary) add(sum archive.Sum) {
	if s.from.IsZero() {
		s.from = sum.At
	}
	s.to = sum.At.Add(sum.Length)
	s.sheet = append(s.sheet, decode(sum.Body)...)
}

// rows collects rows by what they have in common.
type rows struct {
	byKey map[Row]int
	list  []Row
}

// row returns the row of a key: a Row with nothing but what the row is about.
func (r *rows) row(key Row) *Row {
	at, known := r.byKey[key]
	if !known {
		if r.byKey == nil {
			r.byKey = map[Row]int{}
		}
		at = len(r.list)
		r.byKey[key] = at
		r.list = append(r.list, key)
	}
	return &r.list[at]
}

func (r *Row) add(e *entry) {
	r.Amounts.Add(e.amounts())
	r.Own += time.Duration(e.numbers[numberOwn]) * time.Microsecond
	r.profiled += e.numbers[numberProfiled]
}

func (s *summary) report() Report {
	r := Report{From: s.from, To: s.to, Prices: s.prices}
	var routes, jobs, operations, tables, keys rows
	s.sheet = s.sheet.join()
	for i := range s.sheet {
		e := &s.sheet[i]
		switch e.kind {
		case kindProcess:
			r.Total.Add(e.amounts())
			r.Total.Units = 0
			r.Counted += time.Duration(e.numbers[numberUnits]) * time.Millisecond
			r.Profiled += time.Duration(e.numbers[numberProfiled]) * time.Millisecond
		case kindRoute:
			route, table, operation := e.parts()
			routes.row(Row{Route: cmp.Or(route, NoRoute), Table: table}).add(e)
			if table != "" {
				operations.row(Row{Table: table, Operation: operation}).add(e)
				tables.row(Row{Table: table}).add(e)
			}
		case kindJob:
			jobs.row(Row{Job: e.name}).add(e)
		case kindKey:
			keys.row(Row{Key: e.name}).add(e)
		case kindPart:
			cpu, own := e.numbers[numberCPU], e.numbers[numberOwn]
			r.Parts = append(r.Parts, Part{Name: e.name, CPU: time.Duration(max(cpu, own)) * time.Microsecond, Shared: cpu == 0})
		case kindTable:
			row := tables.row(Row{Table: e.name})
			row.Stored = storedOf(e)
			row.Price.Storage = storagePrice(s.prices, row.Stored.Bytes(), r.To.Sub(r.From))
			r.Stored.Rows += row.Stored.Rows
			r.Stored.Indexes += row.Stored.Indexes
		}
	}
	work := sumOf(append(slices.Clone(routes.list), jobs.list...))
	r.Total.Units, r.Total.Statements, r.Total.Database = work.Units, work.Statements, work.Database
	r.Rest = s.finish(Row{Other: true, Amounts: r.Total.less(work)})
	r.Routes, r.Jobs = s.finished(routes.list), s.finished(jobs.list)
	r.Operations = s.finished(s.whole(operations.list, r.Total))
	r.Tables = s.finished(s.whole(tables.list, r.Total))
	r.Keys = s.finished(s.whole(keys.list, r.Total))
	r.Price = priceOf(s.prices, r.Total)
	r.Price.Storage = storagePrice(s.prices, r.Stored.Bytes(), r.To.Sub(r.From))
	slices.SortStableFunc(r.Parts, func(a, b Part) int { return cmp.Compare(b.CPU, a.CPU) })
	return r
}

func sumOf(list []Row) (sum Amounts) {
	for i := range list {
		sum.Add(list[i].Amounts)
	}
	return sum
}

// whole adds what is in no row to a list, so that its sum is the process.
func (s *summary) whole(list []Row, total Amounts) []Row {
	rest := total.less(sumOf(list))
	if rest == (Amounts{}) {
		return list
	}
	return append(list, Row{Other: true, Amounts: rest})
}

// finished returns rows with their prices, what cost most first. The rest comes last.
func (s *summary) finished(list []Row) []Row {
	for i := range list {
		list[i] = s.finish(list[i])
	}
	slices.SortStableFunc(list, func(a, b Row) int {
		switch {
		case a.Other != b.Other:
			return map[bool]int{true: 1, false: -1}[a.Other]
		default:
			return cmp.Or(cmp.Compare(b.Price.Total(), a.Price.Total()), cmp.Compare(b.CPU, a.CPU), cmp.Compare(b.Units, a.Units), strings.Compare(a.Name(), b.Name()))
		}
	})
	return list
}

func (s *summary) finish(r Row) Row {
	storage := r.Price.Storage
	r.Price = priceOf(s.prices, r.Amounts)
	r.Price.Storage = storage
	r.Margin = marginOf(r.Own)
	return r
}

// marginOf returns the margin of a CPU time. Its samples come by chance, so their number varies by its square root.
func marginOf(own time.Duration) float64 {
	samples := float64(own) / float64(sampleTime)
	if samples <= 4 {
		return 1
	}
	return 2 / math.Sqrt(samples)
}

// storedOf returns the mean storage of an entry.
func storedOf(e *entry) Stored {
	known := e.numbers[numberStored]
	if known == 0 {
		return Stored{}
	}
	mean := func(sum int64) int64 { return int64(float64(sum) * million / float64(known)) }
	return Stored{Rows: mean(e.numbers[numberRows]), Indexes: mean(e.numbers[numberIndexes])}
}
