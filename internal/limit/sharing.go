package limit

import (
	"math/bits"
	"time"
)

// charge is Limiter.try, again after each answer of the ledger that the request needs. A request that has waited for as long
// as patience is decided by the buckets of this node.
func (k *asker) charge(l *Limiter, now time.Time, r *Request, some rules, cost *costs, enter bool) (Refusal, bool) {
	refusal, ok, asks := l.try(now, r, some, cost, enter, k.isAway())
	if len(asks) == 0 {
		return refusal, ok
	}
	began := time.Now()
	patience := time.NewTimer(k.patience)
	defer patience.Stop()
	for len(asks) > 0 {
		alone := !wait(asks, patience) || k.isAway()
		refusal, ok, asks = l.try(now.Add(time.Since(began)), r, some, cost, enter, alone)
	}
	return refusal, ok
}

// wait reports whether all asks have ended before the timer.
func wait(asks []*ask, patience *time.Timer) bool {
	for _, a := range asks {
		select {
		case <-a.done:
		case <-patience.C:
			return false
		}
	}
	return true
}

// reserve looks for credit for a request in all its buckets. It returns the asks to wait for if there is too little, or the
// rule whose bucket has no room, else -1. With alone set, it asks nobody. The caller has the locks, and has found room in
// the buckets of this node.
func (l *Limiter) reserve(r *Request, some rules, cost *costs, alone bool) (asks []*ask, worst int, refusal Refusal) {
	worst = -1
	lacking := false
	for each := some; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		rule := &l.rules[i]
		hash := r.hashes[rule.unit]
		now := l.shard(hash).last
		for j := range rule.rates {
			rate := &rule.rates[j]
			sh := l.asker.share(hash, hash^rate.salt, now)
			missing := sh.missing(rate, now, cost.of(i))
			if missing <= 0 {
				continue
			}
			if sh.blockedUntil <= now {
				lacking = true
				continue
			}
			ticks := sh.wait(rate, now, missing)
			if wait := duration(ticks); wait > refusal.Wait {
				worst, refusal = i, Refusal{Limit: rule.Name, Rate: rate.Rate, Wait: wait}
				r.tight = State{rate, 0, ticks}
			}
		}
	}
	switch {
	case worst >= 0 || !lacking:
		return nil, worst, refusal
	case alone:
		l.asker.counts.local.Add(1)
		return nil, -1, Refusal{}
	}
	return l.ask(r, some, cost), -1, Refusal{}
}

// ask asks the ledger for what a request lacks. It returns no asks if too many wait already.
func (l *Limiter) ask(r *Request, some rules, cost *costs) (asks []*ask) {
	for each := some; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		rule := &l.rules[i]
		hash := r.hashes[rule.unit]
		s := l.shard(hash)
		for j := range rule.rates {
			rate := &rule.rates[j]
			sh := l.asker.share(hash, hash^rate.salt, s.last)
			missing := sh.missing(rate, s.last, cost.of(i))
			if missing <= 0 {
				continue
			}
			if a := l.asker.join(s, sh, rate, hash^rate.salt, missing); a != nil {
				asks = append(asks, a)
			}
		}
	}
	if asks == nil {
		l.asker.counts.local.Add(1)
	}
	return asks
}

// spend charges a request to the share of a bucket, and asks ahead.
func (k *asker) spend(s *shard, hash uint64, r *rate, cost int64) {
	sh := k.share(hash, hash^r.salt, s.last)
	sh.spend(r, s.last, cost)
	if sh.wantsMore(r, s.last) && !k.isAway() {
		k.join(s, sh, r, hash^r.salt, 0)
	}
}

// refund gives an operation back to the share of a bucket.
func (k *asker) refund(s *shard, hash uint64, r *rate) { k.share(hash, hash^r.salt, s.last).refund() }
