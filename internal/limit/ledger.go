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
	// Reserve takes room from buckets. It returns a grant for each want, in their order.
	Reserve(ctx context.Context, wants []Want) ([]Grant, error)
}

// A Want is what a node wants of one bucket.
type Want struct {
	Bucket string     // the same on all nodes, for the same rule, rate and unit
	Rate   model.Rate // of the bucket. A bucket that the ledger does not know is full

	// Debt is how many operations have passed without a reservation. The ledger takes them in any case, even if the bucket
	// then has less than no room. A node lets at most one percent of the count pass like that, so the first requests of a
	// caller ask nobody, and three nodes together are at most three percent over.
	Debt int
	Take int // operations to reserve
}

// A Grant is what a node gets of one bucket.
type Grant struct {
	Taken int           // operations that are reserved, at most Want.Take
	Wait  time.Duration // until the bucket has room for another one; 0 if it got all
}
