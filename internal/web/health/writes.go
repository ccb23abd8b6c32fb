package health

import (
	"context"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const (
	// writeEvery is the time between two probes of writes. A probe is a commit that changes nothing.
	writeEvery = 15 * time.Second

	// writeRetry is the time between two probes while they fail.
	writeRetry = 2 * time.Second

	// writeTimeout bounds a probe.
	writeTimeout = 10 * time.Second

	// writeOld is the age of the last successful probe from which the server counts as unable to write, even if no probe has
	// failed: a probe may hang.
	writeOld = time.Minute
)

// A WriteProbe writes now and then, to find out whether the database takes writes. Requests alone do not tell on a server that
// only reads. A pool can stay connected to a database that has become read-only, for example after a failover.
type WriteProbe struct {
	db store.DB

	mu      sync.Mutex
	success time.Time // of the last probe that succeeded
	err     error     // of the last probe
}

// NewWriteProbe returns a probe. The database counts as written to just now, because a start writes.
func NewWriteProbe(db store.DB) *WriteProbe { return &WriteProbe{db: db, success: time.Now()} }

// Run implements background.Service.
func (p *WriteProbe) Run(ctx context.Context) error {
	for pause := writeEvery; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = writeEvery
		if err := p.probe(ctx); err != nil {
			pause = writeRetry
		}
	}
}

func (p *WriteProbe) probe(ctx context.Context) error {
	writing, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	err := p.db.TryWrite(writing)
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return nil // the server stops
	}
	if p.err = err; err == nil {
		p.success = time.Now()
	}
	return err
}

// Check returns the condition that the last probe succeeded, and not long ago.
func (p *WriteProbe) Check() Check {
	return Check{
		Name: "write_probe",
		Func: func(context.Context) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			switch {
			case p.err != nil:
				return errs.Wrapf(p.err, errs.Unavailable, "The database refuses writes.")
			case time.Since(p.success) > writeOld:
				return errs.New(errs.Unavailable, "The last write that succeeded is more than a minute old.")
			}
			return nil
		},
		Figures: func() []Figure {
			p.mu.Lock()
			defer p.mu.Unlock()
			return []Figure{{"age_seconds", time.Since(p.success).Seconds()}}
		},
	}
}
