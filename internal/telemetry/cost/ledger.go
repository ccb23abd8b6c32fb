package cost

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// An Archive keeps sums by time. *archive.Archive is one.
type Archive interface {
	AddSum(at time.Time, body []byte, merge func(sum, more []byte) []byte)
	Sums(ctx context.Context, from, to time.Time) ([]archive.Sum, error)
}

// Config says what a Ledger counts.
type Config struct {
	Archive Archive
	Prices  model.Costs
	CPU     func() time.Duration                     // of the process since its start; nil: not known
	Traffic func() (in, out int64)                   // bytes on the connections of the process since its start; nil: not known
	Storage func(context.Context) ([]Storage, error) // of the database; nil: not known
	Logger  *slog.Logger                             // nil means no log
	Now     func() time.Time                         // nil means time.Now
}

// Storage is the space of one table.
type Storage struct {
	Table string
	Stored
}

// A Ledger counts what work costs. It is a telemetry.Sink and a background.Service.
type Ledger struct {
	cfg Config
	*tally

	mu      sync.Mutex
	since   time.Time     // the last flush
	cpu     time.Duration // of the process at the last flush
	in, out int64         // bytes at the last flush
	stored  []Storage
}

// New returns a Ledger that has counted nothing.
func New(cfg Config) *Ledger {
	if cfg.CPU == nil {
		cfg.CPU = func() time.Duration { return 0 }
	}
	if cfg.Traffic == nil {
		cfg.Traffic = func() (in, out int64) { return 0, 0 }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Ledger{cfg: cfg, tally: newTally()}
	l.since = cfg.Now() // what the process took before belongs to it too
	return l
}

var _ telemetry.Sink = (*Ledger)(nil)

const (
	flushEvery   = time.Minute
	flushLate    = 90 * time.Second // without a profile for as long, what was counted has no CPU time
	storageEvery = time.Hour
	storageShare = 1000 // looking at the storage takes at most this part of the time
)

// Run writes what was counted each minute, and looks at the storage each hour, until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			l.flush(nil, false)
			return nil
		case <-ticker.C:
			if l.age() > flushLate {
				l.flush(nil, false)
			}
		case <-look.C:
			look.Reset(l.look(ctx))
		}
	}
}

// age returns the time since the last flush.
func (l *Ledger) age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cfg.Now().Sub(l.since)
}

// look finds out how large the tables are, and returns the time until the next look.
func (l *Ledger) look(ctx context.Context) time.Duration {
	if l.cfg.Storage == nil {
		return storageEvery
	}
	begin := l.cfg.Now()
	stored, err := l.cfg.Storage(ctx)
	if err != nil && ctx.Err() == nil {
		l.cfg.Logger.Warn("the size of the tables is not known", "error", err)
	}
	if err == nil {
		l.mu.Lock()
		l.stored = stored
		l.mu.Unlock()
	}
	return max(storageEvery, storageShare*l.cfg.Now().Sub(begin))
}

// Profiled takes the CPU time of the time since the last call. A profile of that time has just ended.
func (l *Ledger) Profiled(usage []Usage) { l.flush(usage, true) }

func (l *Ledger) flush(usage []Usage, profiled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, cpu := l.cfg.Now(), l.cfg.CPU()
	in, out := l.cfg.Traffic()
	length := now.Sub(l.since)
	p := pass{counts: l.tally.empty(), usage: usage, profiled: profiled, cpu: cpu - l.cpu, in: in - l.in, out: out - l.out}
	s := p.sheet()
	s[0].numbers[numberUnits] = max(0, length.Milliseconds())
	if profiled {
		s[0].numbers[numberProfiled] = s[0].numbers[numberUnits]
	}
	at := l.since
	if length < 0 || length > 2*flushLate { // the clock was set, or the machine slept
		at = now
	}
	s = append(s, storedEntries(l.stored, min(max(0, length), 2*flushLate))...)
	l.cfg.Archive.AddSum(at, s.tidy().encode(), merge)
	l.since, l.cpu, l.in, l.out = now, cpu, in, out
}

// storedEntries returns the entries of tables that took their space for some time.
func storedEntries(stored []Storage, length time.Duration) (s sheet) {
	for _, one := range stored {
		e := entry{kind: kindTable, name: one.Table}
		e.numbers[numberRows] = one.Rows * length.Milliseconds() / million
		e.numbers[numberIndexes] = one.Indexes * length.Milliseconds() / million
		e.numbers[numberStored] = length.Milliseconds()
		s = append(s, e)
	}
	return s
}

// Report returns what the server cost between two times.
func (l *Ledger) Report(ctx context.Context, from, to time.Time) (Report, error) {
	return Read(ctx, l.cfg.Archive, l.cfg.Prices, from, to)
}

// Read returns what a server cost between two times, as its archive tells.
func Read(ctx context.Context, from Archive, prices model.Costs, begin, end time.Time) (_ Report, err error) {
	defer errs.Wrap(&err, "cost.Read")
	if !begin.Before(end) {
		return Report{}, errs.New(errs.Malformed, "the time of a report must begin before its end")
	}
	sums, err := from.Sums(ctx, begin, end)
	if err != nil {
		return Report{}, err
	}
	s := &summary{prices: prices}
	for _, sum := range sums {
		s.add(sum)
	}
	return s.report(), nil
}
