package limit

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Ledger holds the buckets that several nodes share. A node reserves room in them for its next requests and then spends
// it locally, so that most requests ask nobody.
//
// A node asks the ledger while it holds no lock. It waits 50 ms at most: if the ledger fails or takes longer, the node decides
// by its own buckets, and asks again later.
type Ledger interface {
	// Reserve takes room from buckets, which differ from each other. It returns a grant for each want, in their order. After
	// an error the outcome is unknown.
	Reserve(ctx context.Context, wants []Want) ([]Grant, error)
}

// A Want is what a node wants of one bucket.
//
// The ledger first charges Debt, even if the bucket then has less than no room. Of the room that is left it grants Need, as
// far as it goes. It grants up to Take instead if that is more, but for no more than a quarter of the room. So a node that
// reserves for later leaves room for the others.
type Want struct {
	Bucket uint64     // the same on all nodes, for the same rule, rate and unit
	Rate   model.Rate // of the bucket. A bucket that the ledger does not know is full
	Debt   int64      // operations that have passed without a reservation
	Need   int64      // operations that wait
	Take   int64      // operations that the node expects soon
}

// TakeShare divides the room of a bucket. A node gets one such part for operations that it only expects.
const TakeShare = 4

// MostLag is how far ahead of its time a bucket may be, in depths of the bucket. Debts of more than one depth are forgiven.
// They come together while the ledger is away, and would keep everybody waiting once it is back.
const MostLag = 2

// TicksPerNano is the resolution of Want.Ticks.
const TicksPerNano = ticksPerNano

// MostDebt returns the debt from which on the bucket is as far ahead as MostLag lets it be.
func (w *Want) MostDebt() int64 {
	bucket := newGCRA(w.Rate)
	return MostLag * bucket.burst
}

// Ticks returns how long the bucket takes to get room for one more operation, and to get from empty to full, in
// sixteenths of a nanosecond.
func (w *Want) Ticks() (step, depth int64) {
	bucket := newGCRA(w.Rate)
	return bucket.step, bucket.depth
}

// A Grant is what a node gets of one bucket.
type Grant struct {
	Taken int64         // operations that are reserved
	Full  time.Duration // until the bucket will be full again, if nobody takes more
}
