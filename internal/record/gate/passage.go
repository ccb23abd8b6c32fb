package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// errCut ends a read that exceeds the limit of its level while others wait for its slot.
var errCut = errors.New("the query takes longer than was known, while others wait")

// A Passage is one read on its way through a gate. It is reused by later reads, one at a time.
//
// A Passage is the context of its read. The engine calls Err every few milliseconds while the read works. A read past its
// limit then rises a level. If the level above has no room and others wait, Err ends the read.
type Passage struct {
	read func(store.Reader) error
	work func(store.Reader) error // the method run, bound once because binding allocates

	mu     sync.Mutex
	slots  *admit.Gate[caller.Client]
	ctx    context.Context // of the request
	client caller.Client
	level  int
	limit  time.Duration // 0: none
	most   time.Duration // of one run, whatever its level; 0: as the engine has it
	began  time.Time     // start of the work, after the wait for a connection
	cut    bool
	ran    bool
}

// NewPassage returns a Passage that is ready for a read.
func NewPassage() *Passage {
	p := &Passage{ctx: context.Background()}
	p.work = p.run
	return p
}

// Bound sets how long a run of the next reads may work. 0 leaves that to the engine.
func (p *Passage) Bound(most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = most
}

// Ran reports whether the last read began at least once.
func (p *Passage) Ran() bool { return p.ran }

// Reset drops all references to the last read.
func (p *Passage) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.read = context.Background(), nil
}

func (p *Passage) begin(ctx context.Context, slots *admit.Gate[caller.Client], client caller.Client, level int, limit time.Duration, read func(store.Reader) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slots, p.ctx, p.client, p.read = slots, ctx, client, read
	p.level, p.limit, p.began, p.cut = level, limit, time.Time{}, false
}

// end returns the level that the read rose to, and how long it worked.
func (p *Passage) end() (level int, worked time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began.IsZero() {
		worked = time.Since(p.began)
		p.began = time.Time{} // a last call of Err finds no work
	}
	return p.level, worked
}

func (p *Passage) run(reader store.Reader) error {
	p.mu.Lock()
	p.began, p.ran = time.Now(), true
	p.mu.Unlock()
	return p.read(reader)
}

// request returns the context of the request. The driver may call it after the request: a connection outlives the request
// that opened it.
func (p *Passage) request() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ctx
}

// Deadline implements context.Context.
func (p *Passage) Deadline() (time.Time, bool) { return p.request().Deadline() }

// Done implements context.Context. The gate does not close it when it cuts a read off.
func (p *Passage) Done() <-chan struct{} { return p.request().Done() }

// Value implements context.Context.
func (p *Passage) Value(key any) any { return p.request().Value(key) }

// Err implements context.Context.
func (p *Passage) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch err := p.ctx.Err(); {
	case err != nil:
		return err
	case p.cut:
		return errCut
	case p.most > 0 && !p.began.IsZero() && time.Since(p.began) > p.most:
		return errs.Wrapf(store.ErrStatementTimeout, errs.Unavailable, "the database took too long")
	case p.limit == 0 || p.began.IsZero() || time.Since(p.began) < p.limit:
		return nil
	}
	if p.rise() || !p.slots.Wanted(p.level) {
		return nil
	}
	p.cut = true
	return errCut
}

// rise moves the read to the next level. It reports false if that level has no room.
func (p *Passage) rise() bool {
	to, limit := medium, 4*fast
	if p.level >= medium {
		to, limit = long, 0
	}
	if !p.slots.Move(p.level, to, p.client) {
		return false
	}
	p.level, p.limit = to, limit
	return true
}
