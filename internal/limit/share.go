package limit

import "time"

// A share is what this node knows of a bucket that it shares with other nodes. The lock of the bucket's shard guards it.
//
// # Credit
//
// The ledger charges a reservation when it makes it, but the node spends it later. In between the bucket fills up again. If
// the node kept its credit for as long as it liked, a full bucket and the credits together would be more than the burst.
//
// So credit fades. Each reservation moves the time at which the bucket is full by its own step, so the reservations of all
// nodes own intervals of time that do not overlap. The credit of a reservation never exceeds what remains of its interval.
// Then the sum of all credits is at most what the bucket lacks, and room and credits together are at most the burst.
//
// What requests wait for does not fade before they have woken up. They pass a little later than the ledger let them, as with
// a limiter in one place.
//
// # Debt
//
// A node lets up to a hundredth of the burst pass without a reservation, and tells the ledger with its next one. So a
// client with few requests costs no round trip, and three nodes together are at most three hundredths over the limit.
type share struct {
	credits      [2]credit // the older one first
	latest       int64     // operations of the last reservation
	debt         int64
	debtEnds     int64 // time from which the debt no longer counts
	blockedUntil int64 // time from which the bucket has room again
	spent        int64 // operations since the last ask
	askedAt      int64 // time of the last ask
	asking       *ask  // under way; nil: none
}

// A credit is what is left of a reservation.
type credit struct {
	left     int64
	full     int64 // time at which the bucket would be full: the end of the reservation's interval
	firm     int64 // operations that requests wait for
	firmEnds int64 // time from which they fade like the others
}

func (c *credit) at(now, step int64) int64 {
	if c.left == 0 {
		return 0
	}
	rest := max(0, c.full-now) / step
	if now < c.firmEnds {
		rest = max(rest, c.firm)
	}
	return min(c.left, rest)
}

// spend spends at most cost, and returns how much.
func (c *credit) spend(now, step, cost int64) int64 {
	used := min(cost, c.at(now, step))
	c.left -= used
	c.firm = max(0, c.firm-used)
	return used
}

// firmTime is long enough for requests to wake up.
const firmTime = int64(50*time.Millisecond) * ticksPerNano

func (s *share) credit(now, step int64) int64 {
	return s.credits[0].at(now, step) + s.credits[1].at(now, step)
}

// freeShare divides the burst: so much may pass on each node without a reservation.
const freeShare = 100

// missing returns how many operations of a cost have neither credit nor may pass as debt.
func (s *share) missing(r *rate, now, cost int64) int64 {
	if s.debt > 0 && s.debtEnds <= now {
		s.debt = 0
	}
	missing := cost - s.credit(now, r.step)
	if s.blockedUntil <= now {
		missing -= max(0, r.burst/freeShare-s.debt)
	}
	return missing
}

// wait returns the time in ticks until there may be room for what is missing.
func (s *share) wait(r *rate, now, missing int64) int64 {
	return s.blockedUntil - now + (missing-1)*r.step
}

// spend spends credit, the older one first. What exceeds it becomes debt.
func (s *share) spend(r *rate, now, cost int64) {
	s.spent += cost
	for i := range s.credits {
		cost -= s.credits[i].spend(now, r.step, cost)
	}
	if cost == 0 {
		return
	}
	if s.debt == 0 {
		s.debtEnds = now + ticks(r.Window)
	}
	s.debt += cost
}

// refund gives an operation back.
func (s *share) refund() {
	s.spent = max(0, s.spent-1)
	if s.debt > 0 && s.asking == nil {
		s.debt--
	} else if s.credits[1].full > 0 {
		s.credits[1].left++
	}
}

// Asking ahead, while there still is credit, spares a request the wait. It is only worth it for reservations of some size.
const (
	aheadShare  = 4 // what is left of the last reservation when the node asks for the next one
	aheadLatest = 8 // operations of a reservation
)

// wantsMore reports whether the node should ask ahead.
func (s *share) wantsMore(r *rate, now int64) bool {
	if s.asking != nil || s.blockedUntil > now {
		return false
	}
	if free := r.burst / freeShare; free > 0 && s.debt >= free {
		return true
	}
	return s.latest >= aheadLatest && s.spent >= s.latest-s.latest/aheadShare
}

// expected returns how many operations the node expects in the next second, after what it has seen since the last ask. It
// at most doubles from one ask to the next.
func (s *share) expected(now int64) int64 {
	second := ticks(time.Second)
	elapsed := now - s.askedAt
	if 2*elapsed <= second {
		return 2 * s.spent
	}
	return int64(float64(s.spent) * float64(second) / float64(elapsed))
}

// A refusal of the ledger holds for longestBlock, or for a part of the depth, even if the bucket has room for one before.
// So a client far over its limit costs some asks a second, and not one for each operation that the bucket gets room for.
// Nothing is lost: the room gathers in the bucket.
const (
	longestBlock = int64(250*time.Millisecond) * ticksPerNano
	blockShare   = 16
)

// receive takes what the ledger has granted to an ask.
func (s *share) receive(r *rate, a *ask, now int64, granted Grant) {
	s.debt = max(0, s.debt-a.debt)
	full := ticks(granted.Full)
	if granted.Taken > 0 {
		if s.credits[1].at(now, r.step) > 0 {
			s.credits[0] = s.credits[1]
		}
		s.credits[1] = credit{left: granted.Taken, full: a.at + full, firm: min(granted.Taken, a.need), firmEnds: now + firmTime}
	}
	s.latest = granted.Taken
	if wait := full + r.step - r.depth; wait > 0 { // no room for another one
		s.blockedUntil = a.at + max(wait, min(longestBlock, r.depth/blockShare))
	}
}

// isIdle reports whether the share says no more than a new one.
func (s *share) isIdle(now int64) bool {
	last := max(s.credits[0].full, s.credits[1].full, s.blockedUntil)
	if s.debt > 0 {
		last = max(last, s.debtEnds)
	}
	return s.asking == nil && last <= now
}

// shares are the shares of the buckets in one shard, whose lock guards them. They are bounded. At the bound, some are
// forgotten: a lost credit is not spent, a lost debt is at most a hundredth, and after a lost refusal the node asks again.
type shares struct {
	known   map[uint64]*share
	sweepAt int // number of shares from which the idle ones are dropped
}

// Bounds of the shares of one shard. All shards together hold 131,072 shares, in 18 MB.
const (
	maxShares = 2048
	minSweep  = 64
)

func (t *shares) get(key uint64, now int64) *share {
	if s := t.known[key]; s != nil {
		return s
	}
	if len(t.known) >= t.sweepAt {
		t.sweep(now)
	}
	s := &share{askedAt: now}
	t.known[key] = s
	return s
}

func (t *shares) sweep(now int64) {
	for key, s := range t.known {
		if s.isIdle(now) {
			delete(t.known, key)
		}
	}
	for key, s := range t.known { // in random order
		if len(t.known) <= maxShares/2 {
			break
		}
		if s.asking == nil {
			delete(t.known, key)
		}
	}
	t.sweepAt = max(minSweep, min(2*len(t.known), maxShares))
}
