package health

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Database returns the checks of a database: it answers, and it takes writes.
func Database(db store.DB) []Check {
	p := &prober{db: db}
	return []Check{
		{Name: "database", Func: func(ctx context.Context) error {
			if err := p.probe(ctx); err != nil {
				return errs.Wrapf(err, errs.Unavailable, "The database does not answer.")
			}
			return nil
		}},
		{Name: "writes", Func: func(context.Context) error {
			if err := db.Writable(); err != nil {
				return errs.Wrapf(err, errs.Unavailable, "Writes fail: the disk of the database is full or refuses writes.")
			}
			return nil
		}},
	}
}

// probeTime bounds a probe.
const probeTime = 2 * time.Second

// A prober finds out whether the database answers. Concurrent callers share one read.
type prober struct {
	db store.DB

	mu      sync.Mutex
	current *probe // nil if no probe is under way
	last    error  // of the last probe; before the first, the database counts as answering
}

// A probe is one read of the database.
type probe struct {
	done chan struct{} // closed when err is set
	err  error
}

// probe joins the probe under way or makes one.
func (p *prober) probe(ctx context.Context) error {
	p.mu.Lock()
	if current := p.current; current != nil {
		p.mu.Unlock()
		select {
		case <-current.done:
			return current.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	own := &probe{done: make(chan struct{}), err: errPanicked}
	p.current = own
	p.mu.Unlock()
	defer p.end(own)
	own.err = p.read(ctx)
	return own.err
}

// errPanicked stands until the read returns.
var errPanicked = errors.New("the read of the database panicked")

func (p *prober) end(own *probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current, p.last = nil, own.err
	close(own.done)
}

// read reads the generation of one table. It ignores the end of ctx, because other callers wait for the outcome. A busy
// database keeps its last state: taking this server away from its clients would make the other servers busier.
func (p *prober) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTime)
	defer cancel()
	err := p.db.Read(ctx, func(q store.Reader) error {
		_, err := q.Generation("users")
		return err
	})
	if errors.Is(err, store.ErrBusy) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.last
	}
	return err
}
