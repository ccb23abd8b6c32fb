package sqlite

import (
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/rest"
)

// Long statements of a reader rest, so that requests which have come in the meantime need not wait for their end: see package
// rest.
const (
	restAfter    = time.Millisecond       // from the begin of a read to its first rest
	restEvery    = 200 * time.Microsecond // between two rests
	stepsToClock = 1000                   // instructions of SQLite between two looks at the clock, about 50 µs
	rowsToClock  = 32                     // the same for rows that the caller puts into an answer
)

// pauses let the statements of one connection rest. The zero value does not.
type pauses struct {
	rest *rest.Rest // nil: no read was long enough so far
	next time.Time  // of the next rest
	keep any        // see setProgress; nil: no rests
}

// on makes the statements of a connection rest from now on.
func (p *pauses) on(raw *lite.Conn) (err error) {
	p.keep, err = setProgress(raw, stepsToClock, p.look)
	return err
}

// begin notes that a read begins.
func (p *pauses) begin(now time.Time) { p.next = now.Add(restAfter) }

// look rests if it is time.
func (p *pauses) look() {
	if p.keep == nil {
		return
	}
	now := time.Now()
	if now.Before(p.next) {
		return
	}
	if p.rest == nil {
		p.rest = rest.New()
	}
	p.rest.Take()
	p.next = time.Now().Add(restEvery)
}

func (p *pauses) close() {
	if p.rest != nil {
		p.rest.Close()
	}
}
