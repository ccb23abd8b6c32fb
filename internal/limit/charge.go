package limit

import (
	"math/bits"
	"time"
)

// costs says what each rule charges: the same, or its own.
type costs struct {
	each   int64            // 0: byRule
	byRule *[maxRules]int64 // nil unless each is 0
}

func (c *costs) of(rule int) int64 {
	if c.each > 0 {
		return c.each
	}
	return c.byRule[rule]
}

// charge charges a cost to the buckets of some rules, or to none if one of them has no room.
func (l *Limiter) charge(now time.Time, r *Request, some rules, cost *costs, enter bool) (Refusal, bool) {
	if some == 0 {
		return Refusal{}, true
	}
	if l.asker != nil {
		return l.asker.charge(l, now, r, some, cost, enter)
	}
	refusal, ok, _ := l.try(now, r, some, cost, enter, true)
	return refusal, ok
}

// try is charge, unless the request has to wait for the ledger. Then it charges nothing and returns what to wait for. With
// alone set, it does not ask. It holds the locks of all shards at once: no other request sees a bucket that was charged for
// a request that is then refused.
func (l *Limiter) try(now time.Time, r *Request, some rules, cost *costs, enter, alone bool) (Refusal, bool, []*ask) {
	locked := l.lock(now, r, some)
	defer l.unlock(locked)
	rule, refusal := l.look(r, some, cost, enter)
	var asks []*ask
	if l.asker != nil && rule < 0 {
		asks, rule, refusal = l.reserve(r, some, cost, alone)
	}
	if rule >= 0 {
		l.refusals[rule].Add(1)
	}
	if rule >= 0 || asks != nil {
		return refusal, false, asks
	}
	for each := some; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		rule := &l.rules[i]
		hash := r.hashes[rule.unit]
		s := l.shard(hash)
		for j := range rule.rates {
			rate := &rule.rates[j]
			key := hash ^ rate.salt
			next, _ := rate.take(s.table.state(key), s.last, cost.of(i))
			s.table.store(key, next, s.last)
			if l.asker != nil {
				l.asker.spend(s, hash, rate, cost.of(i))
			}
			if l.shown&(1<<i) != 0 {
				r.tight.note(rate, rate.left(next, s.last), next-s.last)
			}
		}
		if !enter {
			continue
		}
		s.passed[i]++
		if rule.inFlight.most > 0 {
			s.atWork[hash^rule.inFlight.salt]++
			r.holding |= 1 << i
		}
	}
	return Refusal{}, true, nil
}

// look returns the rule that has no room for a request, or -1. If several have none, it is the one with the longest wait.
func (l *Limiter) look(r *Request, some rules, cost *costs, enter bool) (worst int, refusal Refusal) {
	worst = -1
	for each := some; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		rule := &l.rules[i]
		hash := r.hashes[rule.unit]
		s := l.shard(hash)
		if most := rule.inFlight.most; enter && most > 0 && s.atWork[hash^rule.inFlight.salt] >= most && refusal.Wait < time.Second {
			worst, refusal = i, Refusal{Limit: rule.Name, InFlight: most, Wait: time.Second}
		}
		for j := range rule.rates {
			rate := &rule.rates[j]
			tat := s.table.state(hash ^ rate.salt)
			if cost.of(i) > rate.burst {
				r.tight = State{rate, rate.left(tat, s.last), max(0, tat-s.last)}
				return i, Refusal{Limit: rule.Name, Rate: rate.Rate, Wait: duration(max(0, tat-s.last)), TooMany: true}
			}
			next, ok := rate.take(tat, s.last, cost.of(i))
			if ok {
				continue
			}
			ticks := next - s.last - rate.depth
			if wait := duration(ticks); wait > refusal.Wait {
				worst, refusal = i, Refusal{Limit: rule.Name, Rate: rate.Rate, Wait: wait}
				r.tight = State{rate, rate.left(tat, s.last), ticks}
			}
		}
	}
	return worst, refusal
}

// giveBack gives back what Arrive has charged. A bucket that was full before is then full again.
func (l *Limiter) giveBack(now time.Time, r *Request) {
	if r.early == 0 {
		return
	}
	locked := l.lock(now, r, r.early)
	defer l.unlock(locked)
	for each := r.early; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		rule := &l.rules[i]
		hash := r.hashes[rule.unit]
		s := l.shard(hash)
		s.passed[i]--
		for j := range rule.rates {
			rate := &rule.rates[j]
			if tat := s.table.state(hash ^ rate.salt); tat > s.last {
				s.table.store(hash^rate.salt, tat-rate.step, s.last)
			}
			if l.asker != nil {
				l.asker.refund(s, hash, rate)
			}
		}
	}
	r.early = 0
}

// lock locks the shards of some rules, in the order of their index, and moves their clocks.
func (l *Limiter) lock(now time.Time, r *Request, some rules) (locked uint64) {
	for each := some; each != 0; each &= each - 1 {
		unit := l.rules[bits.TrailingZeros64(uint64(each))].unit
		locked |= 1 << (r.hashes[unit] >> (64 - 6))
	}
	at := ticks(now.Sub(l.epoch))
	for each := locked; each != 0; each &= each - 1 {
		s := &l.shards[bits.TrailingZeros64(each)]
		s.mu.Lock()
		s.at(at)
	}
	l.shards[bits.TrailingZeros64(locked)].checks++
	return locked
}

func (l *Limiter) unlock(locked uint64) {
	for each := locked; each != 0; each &= each - 1 {
		l.shards[bits.TrailingZeros64(each)].mu.Unlock()
	}
}
