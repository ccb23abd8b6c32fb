package audit

import (
	"context"
	"time"
)

// A Keeper trims the log by itself, so that it keeps each row for a given time. It is a background service. Several nodes may
// run one on the same log: Trim makes them take turns.
type Keeper struct {
	log  *Log
	keep time.Duration
}

// NewKeeper returns the service that keeps the rows of a log for a time, which is not 0.
func NewKeeper(log *Log, keep time.Duration) *Keeper { return &Keeper{log, keep} }

// trimEvery is the time between two looks at the log.
const trimEvery = time.Hour

// Run removes the rows that are too old until ctx ends. A stop in the middle leaves the rest for the next start.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for {
		if _, err := k.log.Trim(ctx, k.before()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// before returns the time of the first row to keep. It moves once a day, at midnight in UTC. Each trim appends a row to the
// log, and one a day is enough, however many nodes there are and however often they start.
func (k *Keeper) before() time.Time {
	const day = 24 * time.Hour
	return k.log.now().Add(-k.keep).Truncate(day)
}
