package limit

// Refused returns how many requests the rule with that index has refused.
func (l *Limiter) Refused(rule int) uint64 { return l.refusals[rule].Load() }

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
