package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A Slow logs slow statements with their plans. It logs a statement at most once a minute, and asks for the plan on its own
// goroutine. It is a Sink.
type Slow struct {
	log   *slog.Logger
	from  time.Duration
	plan  func(ctx context.Context, sql string) (string, error)
	found chan slowStatement

	mu   sync.Mutex
	said map[string]*saying // by SQL
}

// slowStatement is what a line says.
type slowStatement struct {
	Statement
	id, table, operation, shape string
	trace                       TraceID
	left                        int // lines left out since the last one
}

// saying is what was said about one statement.
type saying struct {
	at   time.Time
	left int
}

const (
	slowEvery   = time.Minute     // least time between two lines about one statement
	maxSaid     = 1000            // statements to remember
	maxFound    = 16              // statements that wait for their plans
	planTimeout = 5 * time.Second // of one plan
	maxSlowSQL  = 4 << 10         // bytes of a statement in a line
)

// NewSlow returns a Slow for statements that take at least from, or 200 ms if from is 0. plan returns the plan of a
// statement.
func NewSlow(log *slog.Logger, from time.Duration, plan func(ctx context.Context, sql string) (string, error)) *Slow {
	return &Slow{log: log, from: orDefault(from), plan: plan, found: make(chan slowStatement, maxFound), said: map[string]*saying{}}
}

// Take implements Sink. If too many statements wait, it leaves the line out.
func (s *Slow) Take(r *Record) {
	for i := range r.Statements.List {
		one := &r.Statements.List[i]
		if one.Took < s.from || one.SQL == Commit {
			continue
		}
		left, ok := s.maySay(one.SQL, time.Now())
		if !ok {
			continue
		}
		select {
		case s.found <- slowStatement{Statement: *one, id: r.ID, table: r.Table, operation: r.Operation, shape: r.Shape, trace: r.Trace, left: left}:
		default:
		}
	}
}

// maySay reports whether a line about a statement is due, and how many were left out before it.
func (s *Slow) maySay(sql string, now time.Time) (left int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.said[sql]
	switch {
	case known == nil:
		if len(s.said) >= maxSaid {
			clear(s.said)
		}
		s.said[sql] = &saying{at: now}
		return 0, true
	case now.Sub(known.at) < slowEvery:
		known.left++
		return 0, false
	}
	left = known.left
	*known = saying{at: now}
	return left, true
}

// Run logs until ctx ends. It implements background.Service.
func (s *Slow) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case one := <-s.found:
			s.say(ctx, one)
		}
	}
}

func (s *Slow) say(ctx context.Context, one slowStatement) {
	limited, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	plan, err := s.plan(limited, one.SQL)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		plan = ""
	} else if err != nil {
		plan = "no plan: " + err.Error()
	}
	sql := one.SQL
	if len(sql) > maxSlowSQL {
		sql = strings.ToValidUTF8(sql[:maxSlowSQL], "") + " …"
	}
	attrs := []slog.Attr{slog.String("sql", sql), slog.Float64("took_ms", milliseconds(one.Took)), slog.Int("rows", one.Rows), slog.String("plan", plan)}
	for _, optional := range [...]struct{ key, text string }{
		{"id", one.id}, {"trace", hex.EncodeToString(one.trace[:])}, {"table", one.table}, {"operation", one.operation}, {"shape", one.shape},
	} {
		if optional.text != "" {
			attrs = append(attrs, slog.String(optional.key, optional.text))
		}
	}
	if one.left > 0 {
		attrs = append(attrs, slog.Int("left_out", one.left))
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "slow statement", attrs...)
}
