package limit

import "time"

// Refused returns how many requests the rule with that index has refused.
func (l *Limiter) Refused(rule int) uint64 { return l.refusals[rule].Load() }

// Passed returns for each rule how many requests met it and passed. A request that another rule refused has passed none.
func (l *Limiter) Passed() []uint64 {
	all := make([]uint64, len(l.rules))
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		for rule := range all {
			all[rule] += shard.passed[rule]
		}
		shard.mu.Unlock()
	}
	return all
}

// AwaySince returns since when the ledger has failed each time it was asked, or the zero time if it last answered. The node
// counts by itself then.
func (l *Limiter) AwaySince() time.Time {
	if l.asker == nil {
		return time.Time{}
	}
	since := l.asker.failingSince.Load()
	if since == 0 {
		return time.Time{}
	}
	return l.epoch.Add(time.Duration(since))
}

// Stats are counts of a Limiter.
type Stats struct {
	Checks    uint64 // requests and stages that a rule applied to
	Buckets   int    // cells for buckets, used or not
	Forgotten uint64 // buckets that were forgotten before they were full, for lack of memory

	Asks     uint64 // batches that asked the ledger
	Asked    uint64 // buckets in them
	Failures uint64 // batches that failed
	Alone    uint64 // requests that should have asked, but were decided without the ledger
}

// Stats returns the counts since the limiter was made.
func (l *Limiter) Stats() (s Stats) {
	for i := range l.shards {
		shard := &l.shards[i]
		shard.mu.Lock()
		s.Checks += shard.checks
		s.Buckets += len(shard.table.cells)
		s.Forgotten += shard.table.forgotten
		shard.mu.Unlock()
	}
	if k := l.asker; k != nil {
		s.Asks, s.Asked, s.Failures, s.Alone = k.counts.batches.Load(), k.counts.buckets.Load(), k.counts.failures.Load(), k.counts.local.Load()
	}
	return s
}
