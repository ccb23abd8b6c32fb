package limit

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// An asker asks the ledger for all buckets of a node. It sends one batch at a time, so what comes while the ledger works
// goes out together.
type asker struct {
	ledger   Ledger
	log      *slog.Logger
	patience time.Duration // how long a request waits
	epoch    time.Time
	shares   [shards]shares

	began     atomic.Int64 // when the batch under way was sent, since epoch; 0: none is under way
	awayUntil atomic.Int64 // time since epoch until which the node asks nothing, because the ledger failed
	counts    struct{ batches, buckets, failures, local atomic.Uint64 }

	failingSince atomic.Int64 // time since epoch at which the ledger began to fail; 0: the last batch went well

	mu      sync.Mutex
	waiting []*ask
	running bool // a goroutine sends batches
}

// An ask is a question about one bucket. The lock of its shard guards it. Once done is closed, nobody changes it.
type ask struct {
	shard  *shard
	share  *share
	rate   *rate
	bucket uint64
	need   int64
	sent   bool
	at     int64 // time of the shard when it was sent
	debt   int64 // that it reports
	done   chan struct{}
}

const (
	defaultPatience = 50 * time.Millisecond
	awayTime        = time.Second // after a failure, until the node asks again
	maxBatch        = 256         // buckets in a batch
	maxWaiting      = 16_384      // asks that wait
)

func newAsker(cfg Config, epoch time.Time) *asker {
	k := &asker{ledger: cfg.Ledger, log: cfg.Logger, patience: cmp.Or(cfg.Patience, defaultPatience), epoch: epoch}
	for i := range k.shares {
		k.shares[i] = shares{known: map[uint64]*share{}, sweepAt: minSweep}
	}
	return k
}

func (k *asker) share(hash, key uint64, now int64) *share {
	return k.shares[hash>>(64-6)].get(key, now)
}

// isAway reports whether the ledger failed a moment ago, or takes too long with a batch.
func (k *asker) isAway() bool {
	began, until := k.began.Load(), k.awayUntil.Load()
	if began == 0 && until == 0 {
		return false
	}
	now := int64(time.Since(k.epoch))
	return now < until || (began != 0 && now-began >= int64(k.patience))
}

// join returns the ask about a bucket that the caller should wait for. It is nil if too many wait already. The caller has
// the lock of the shard.
func (k *asker) join(s *shard, sh *share, r *rate, bucket uint64, need int64) *ask {
	if a := sh.asking; a != nil {
		if !a.sent {
			a.need += need
		}
		return a
	}
	a := &ask{shard: s, share: sh, rate: r, bucket: bucket, need: need, done: make(chan struct{})}
	if !k.enqueue(a) {
		return nil
	}
	sh.asking = a
	return a
}

func (k *asker) enqueue(a *ask) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.waiting) >= maxWaiting {
		return false
	}
	k.waiting = append(k.waiting, a)
	if !k.running {
		k.running = true
		background.Go("shared limits", k.send, func(err error) { background.Report(k.log)(err) })
	}
	return true
}

// send sends batches until nothing waits.
func (k *asker) send() error {
	for batch := k.next(); batch != nil; batch = k.next() {
		k.reserve(batch)
	}
	return nil
}

func (k *asker) next() []*ask {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := min(len(k.waiting), maxBatch)
	if n == 0 {
		k.running, k.waiting = false, nil
		return nil
	}
	batch := k.waiting[:n:n]
	k.waiting = k.waiting[n:]
	return batch
}

// reserve asks the ledger about one batch.
func (k *asker) reserve(batch []*ask) {
	wants := make([]Want, len(batch))
	for i, a := range batch {
		wants[i] = a.want()
	}
	k.began.Store(max(1, int64(time.Since(k.epoch))))
	ctx, cancel := context.WithTimeout(context.Background(), k.patience)
	defer cancel()
	var grants []Grant
	err := background.Guard("the ledger of limits", func() (err error) {
		grants, err = k.ledger.Reserve(ctx, wants)
		if err == nil && len(grants) != len(wants) {
			err = fmt.Errorf("%d grants for %d wants", len(grants), len(wants))
		}
		return err
	})
	k.note(len(batch), err)
	k.began.Store(0)
	now := ticks(time.Since(k.epoch))
	for i, a := range batch {
		if err != nil {
			a.end(now, nil)
		} else {
			a.end(now, &grants[i])
		}
	}
}

// want marks the ask as sent and returns what to send.
func (a *ask) want() Want {
	a.shard.mu.Lock()
	defer a.shard.mu.Unlock()
	sh := a.share
	a.sent, a.at, a.debt = true, a.shard.last, sh.debt
	want := Want{Bucket: a.bucket, Rate: a.rate.Rate, Debt: sh.debt, Need: a.need, Take: max(a.need, sh.expected(a.at))}
	sh.spent, sh.askedAt = 0, a.at
	return want
}

// end takes the answer to the ask. It is nil after an error. Then nobody knows whether the ledger has charged the debt, so
// the debt stays.
func (a *ask) end(now int64, granted *Grant) {
	a.shard.mu.Lock()
	defer a.shard.mu.Unlock()
	a.share.asking = nil
	if granted != nil {
		a.share.receive(a.rate, a, max(now, a.shard.last), *granted)
	}
	close(a.done)
}

// note counts a batch, and tells when the ledger goes away or comes back.
func (k *asker) note(buckets int, err error) {
	k.counts.batches.Add(1)
	k.counts.buckets.Add(uint64(buckets))
	failed := k.failingSince.Load() != 0 // only the one goroutine of send changes it
	if err == nil {
		k.awayUntil.Store(0)
		k.failingSince.Store(0)
		if failed {
			k.log.Info("limits are shared with other nodes again")
		}
		return
	}
	k.counts.failures.Add(1)
	now := time.Since(k.epoch)
	k.awayUntil.Store(int64(now + awayTime))
	if !failed {
		k.failingSince.Store(max(1, int64(now)))
		k.log.Warn("limits are not shared with other nodes at present: each node counts by itself", "error", err)
	}
}
