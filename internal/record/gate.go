package record

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// The levels of reads at the gate, which has as many slots as the engine has connections for reads. See
// docs/decisions/0014-gate.md.
const (
	own    = iota // single rows, and lists as the model has them, that were fast before
	short         // a client's own filter, sort or expansion that was fast before
	medium        // a query of unknown cost, or of up to slow
	long          // a query that was found to take longer
)

const (
	fast       = 50 * time.Millisecond  // a query of own and short may work for this long
	slow       = 500 * time.Millisecond // a query that is known to take less than this begins at medium
	patience   = 2 * time.Second        // of a request that others wait before
	retryAfter = time.Second            // what a refused client is told
)

// newGate makes the gate to an engine.
func newGate(db store.DB) *admit.Gate[caller.Client] {
	return admit.NewGate[caller.Client](db.Readers())
}

// cost is what a query took lately, in nanoseconds: it falls at once and rises by an eighth. So a query keeps its good
// name when the whole server is slow for a moment. A query that earned its name with other values is cut off. 0 means
// that it never ran.
type cost struct{ took atomic.Int64 }

func (c *cost) known() time.Duration { return time.Duration(c.took.Load()) }

// isFast says whether the query was fast when it ran lately.
func (c *cost) isFast() bool {
	took := c.known()
	return took > 0 && took < fast
}

func (c *cost) note(took time.Duration) {
	before := c.known()
	switch {
	case before == 0:
		c.took.Store(int64(took))
	case took > before:
		if rise := (took - before) / 8; before+rise > fast/2 { // below it nothing depends on it, and most requests need not write
			c.took.Store(int64(before + rise))
		}
	case before > fast/2:
		c.took.Store(int64(took))
	}
}

// start is the level that a query of the shape begins at, and how long it may work there.
func (c *cost) start(s *shape) (level int, limit time.Duration) {
	switch took := c.known(); {
	case took < fast && (took > 0 || s.cheap):
		return s.best, fast
	case fast <= took && took <= slow:
		return medium, 2 * took
	default: // A client may have sent the same filter with other arguments: each query is tried as if it were fast.
		return medium, fast
	}
}

// again is where a query goes on that was cut off after the limit.
func (c *cost) again(limit time.Duration) (level int, next time.Duration) {
	if took := max(2*limit, c.known()); took <= slow/2 {
		return medium, 2 * took
	}
	return long, 0
}

// errCut ends a read that took longer than its level allows while others wait for its connection.
var errCut = errors.New("the query takes longer than was known, while others wait")

// passage is one read on its way through the gate, and the context of that read. The engine asks Err every few
// milliseconds while the read works. There a read that exceeds its limit moves a level up. Where that has no room and
// others wait, Err ends the read.
type passage struct {
	gate *admit.Gate[caller.Client]
	read func(store.Reader) error
	work func(store.Reader) error // the method, as a value

	mu    sync.Mutex
	ctx   context.Context // of the request
	level int
	limit time.Duration // 0: none
	began time.Time     // of the work, without the wait for a connection
	cut   bool
	ran   bool // the read began, once at least
}

func newPassage(d *DB) *passage {
	p := &passage{gate: d.gate, ctx: context.Background()}
	p.work = p.run
	return p
}

// pass runs a read of a shape, of known or unknown cost. It may run more than once.
func (r *request) pass(ctx context.Context, s *shape, c *cost, read func(store.Reader) error) error {
	p := r.passage
	p.ran = false
	level, limit := c.start(s)
	for {
		if err := ctx.Err(); err != nil { // work for nobody
			return err
		}
		if !p.gate.TryEnter(level) {
			if err := p.gate.Enter(ctx, level, r.who().Client(), patience); err != nil {
				return refusal(err)
			}
		}
		p.begin(ctx, level, limit, read)
		err := p.through(r.db.store, c)
		if !errors.Is(err, errCut) {
			return err
		}
		level, limit = c.again(p.limit)
	}
}

func refusal(err error) error {
	if errors.Is(err, admit.ErrHopeless) {
		return &errs.Error{Kind: errs.Unavailable, Message: "too many queries wait for the database", RetryAfter: retryAfter}
	}
	return err
}

// through runs the read once it has a slot, and gives the slot back.
func (p *passage) through(db store.DB, c *cost) error {
	done := false
	defer func() { // of a panic too
		level, worked := p.end()
		p.gate.Leave(level, worked)
		if worked > 0 && (done || worked > c.known()) { // what was cut off takes longer than that
			c.note(worked)
		}
	}()
	err := db.Read(p, p.work)
	done = err == nil
	return err
}

func (p *passage) begin(ctx context.Context, level int, limit time.Duration, read func(store.Reader) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.read = ctx, read
	p.level, p.limit, p.began, p.cut = level, limit, time.Time{}, false
}

// end returns the level that the read came to, and for how long it worked.
func (p *passage) end() (level int, worked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began.IsZero() {
		worked = time.Since(p.began)
		p.began = time.Time{} // a last look at Err finds no work
	}
	return p.level, worked
}

// forget lets go of the request that it served.
func (p *passage) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.read = context.Background(), nil
}

func (p *passage) run(q store.Reader) error {
	p.mu.Lock()
	p.began, p.ran = time.Now(), true
	p.mu.Unlock()
	return p.read(q)
}

// request returns the context of the request. The driver may ask for it when that has ended: a connection that it makes
// for one request goes on for the next.
func (p *passage) request() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ctx
}

// Deadline implements context.Context.
func (p *passage) Deadline() (time.Time, bool) { return p.request().Deadline() }

// Done implements context.Context. A read that is cut off does not close it.
func (p *passage) Done() <-chan struct{} { return p.request().Done() }

// Value implements context.Context.
func (p *passage) Value(key any) any { return p.request().Value(key) }

// Err implements context.Context.
func (p *passage) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch err := p.ctx.Err(); {
	case err != nil:
		return err
	case p.cut:
		return errCut
	case p.limit == 0 || p.began.IsZero() || time.Since(p.began) < p.limit:
		return nil
	}
	if p.rise() || !p.gate.Wanted(p.level) {
		return nil
	}
	p.cut = true
	return errCut
}

// rise moves the read to a level that allows more, unless that has no room.
func (p *passage) rise() bool {
	to, limit := medium, 4*fast
	if p.level >= medium {
		to, limit = long, 0
	}
	if !p.gate.Move(p.level, to) {
		return false
	}
	p.level, p.limit = to, limit
	return true
}
