package archive

import (
	"context"
	"errors"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Sum is what was added in one step of time. Only those who add know the form of its body.
type Sum struct {
	At     time.Time // the begin of the step
	Length time.Duration
	Body   []byte
}

// A sumTier keeps sums of one step of time.
type sumTier struct{ step, keep time.Duration }

const sumTierCount = 3

// sumTiers are the tiers of sums, the finest first. The steps divide each other.
func sumTiers() [sumTierCount]sumTier {
	return [...]sumTier{
		{step: 5 * time.Minute, keep: 2 * 24 * time.Hour},
		{step: time.Hour, keep: 40 * 24 * time.Hour},
		{step: 24 * time.Hour, keep: 400 * 24 * time.Hour},
	}
}

// maxSum bounds the body of a sum. A larger one is dropped.
const maxSum = 128 << 10

// sumKey returns the key of a sum. The tiers lie one after the other.
func sumKey(tier int, slot int64) int64 { return int64(tier)<<40 | slot }

const (
	selectSum  = `SELECT body FROM sums WHERE key = ?1`
	selectSums = `SELECT key, body FROM sums WHERE key >= ?1 AND key < ?2 ORDER BY key`
	upsertSum  = `INSERT OR REPLACE INTO sums (key, body) VALUES (?1, ?2)`
	deleteSums = `DELETE FROM sums WHERE key >= ?1 AND key < ?4 AND (key < ?2 OR key >= ?3)`
	removeSums = `DELETE FROM sums WHERE key >= ?1 AND key <= (SELECT (min(key) + max(key)) / 2 FROM sums WHERE key >= ?1 AND key < ?2)`
)

// AddSum adds a body to the sums of a moment, in each tier. merge returns the sum of two bodies, and runs on the goroutine of
// Run. AddSum does not wait until the sums are written.
func (a *Archive) AddSum(at time.Time, body []byte, merge func(sum, more []byte) []byte) {
	tiers := sumTiers()
	a.queue.addJob(job{size: len(tiers) * len(body), run: func(tx *transaction) error {
		for tier := range tiers {
			key := sumKey(tier, slotOf(at, tiers[tier].step))
			sum := body
			err := query(tx.conn, selectSum, func(row *lite.Stmt) error {
				sum = merge(blob(row, 0, nil), body)
				return nil
			}, key)
			if err != nil {
				return err
			}
			if len(sum) > maxSum {
				return errSumTooLong
			}
			if err := tx.run(upsertSum, key, sum); err != nil {
				return err
			}
		}
		return nil
	}})
}

var errSumTooLong = errors.New("a sum is too long for the telemetry database")

// Sums returns the sums between two times, in the order of time. A long time has few sums of long steps, with shorter ones at
// its ends. Where only long steps are kept, the first sum begins before from, and the last one may end after to.
func (a *Archive) Sums(ctx context.Context, from, to time.Time) (list []Sum, err error) {
	defer errs.Wrap(&err, "archive.Sums")
	err = a.read(ctx, func(conn *lite.Conn) error {
		for _, r := range sumRanges(from, to, a.cfg.Now()) {
			step := sumTiers()[r.tier].step
			err := query(conn, selectSums, func(row *lite.Stmt) error {
				slot := row.ColumnInt64(0) - sumKey(r.tier, 0)
				list = append(list, Sum{At: time.Unix(0, slot*int64(step)), Length: step, Body: blob(row, 1, nil)})
				return nil
			}, sumKey(r.tier, r.from), sumKey(r.tier, r.to))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// A sumRange is a range of slots of one tier.
type sumRange struct {
	tier     int
	from, to int64 // to is not part of it
}

// sumRanges returns the ranges that cover the time between from and to with the longest steps that fit.
func sumRanges(from, to, now time.Time) (ranges []sumRange) {
	tiers := sumTiers()
	finest := func(at time.Time) int {
		tier := 0
		for tier < len(tiers)-1 && now.Sub(at) > tiers[tier].keep {
			tier++
		}
		return tier
	}
	oldest := now.Add(-tiers[len(tiers)-1].keep)
	if from.Before(oldest) {
		from = oldest
	}
	if latest := now.Add(ahead); to.After(latest) {
		to = latest
	}
	for at := from.Truncate(tiers[finest(from)].step); at.Before(to); {
		tier := finest(at)
		for tier < len(tiers)-1 {
			longer := tiers[tier+1].step
			if !at.Equal(at.Truncate(longer)) || at.Add(longer).After(to) {
				break
			}
			tier++
		}
		slot := slotOf(at, tiers[tier].step)
		if last := len(ranges) - 1; last >= 0 && ranges[last].tier == tier && ranges[last].to == slot {
			ranges[last].to++
		} else {
			ranges = append(ranges, sumRange{tier, slot, slot + 1})
		}
		at = at.Add(tiers[tier].step)
	}
	return ranges
}

// expireSums removes sums that are too old, or lie in the future.
func expireSums(tx *transaction, now time.Time) (err error) {
	for tier, t := range sumTiers() {
		first, future := slotOf(now.Add(-t.keep), t.step)-1, slotOf(now.Add(ahead), t.step)+1
		err = errors.Join(err, tx.run(deleteSums, sumKey(tier, 0), sumKey(tier, first), sumKey(tier, future), sumKey(tier+1, 0)))
	}
	return err
}
