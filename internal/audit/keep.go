package audit

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Keeper trims the log by itself, so that it keeps each row for a given time. It is a background service. Several nodes may
// run one on the same log: Trim makes them take turns.
type Keeper struct {
	log  *Log
	keep time.Duration
	job  *telemetry.Job
}

// NewKeeper returns the service that keeps the rows of a log for a time, which is not 0. The jobs get a record of each trim;
// nil means none.
func NewKeeper(log *Log, keep time.Duration, jobs *telemetry.Jobs) *Keeper {
	return &Keeper{log, keep, jobs.Job("audit trim")}
}

// trimEvery is the time between two looks at the log.
const trimEvery = time.Hour

// Run removes the rows that are too old until ctx ends. A stop in the middle leaves the rest for the next start.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(trimEvery)
	defer ticker.Stop()
	for {
		err := k.job.Look(ctx, func(ctx context.Context) error {
			removed, err := k.log.Trim(ctx, k.before())
			telemetry.RecordOf(ctx).Found(int(removed))
			return err
		})
		if err != nil {
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
