package job

import (
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// A ring holds keys with waiting jobs, in the order of their turns. A busy queue finds most of its keys again at the next look. So a
// look reads them from the database only after ringTime, or if the known ones have too few jobs.
type ring struct {
	keys  []string  // never changed in place: a transaction may run again
	after string    // the last key that had its turn: the next one begins
	whole bool      // no other key had waiting jobs
	read  time.Time // when the keys were read
}

const (
	ringTime   = 100 * time.Millisecond // for which a key with new jobs may wait while the known ones have enough
	passedKeys = 64                     // that one look passes by though they have no room
)

// turned returns the ring after a look that took jobs. A key that had fewer jobs than it might have started leaves the ring.
func (r ring) turned(t turns, started []*Job) ring {
	if len(t.keys) == 0 { // no key has room
		r.after, r.keys = r.keys[len(r.keys)-1], nil
		return r
	}
	counts := map[string]int{}
	for _, j := range started {
		counts[j.Key]++
	}
	ended := map[string]bool{}
	for i, key := range t.keys {
		ended[key] = counts[key] < t.most[i]
	}
	r.after = t.keys[len(t.keys)-1]
	at := slices.Index(r.keys, r.after) + 1
	rest := slices.Clone(r.keys[at:])
	if r.whole {
		rest = append(rest, r.keys[:at]...)
	}
	r.keys = slices.DeleteFunc(rest, func(key string) bool { return ended[key] })
	return r
}

// readRing reads keys with waiting jobs: the ones after the last one that had its turn, then the ones from the beginning up to it.
func (q *Queue) readRing(tx store.Tx, order *takeOrder, now time.Time) error {
	r, most := ring{after: order.ring.after, read: now}, order.most+passedKeys
	from := ""
	if r.after != "" {
		from = r.after + "\x01" // the first text after it, since no key has a zero byte
	}
	keys, err := q.keysFrom(tx, order.queue.Name, from, most)
	if err != nil {
		return err
	}
	if r.keys, r.whole = keys, len(keys) < most; r.whole && from != "" {
		first, err := q.keysFrom(tx, order.queue.Name, "", most-len(keys))
		if err != nil {
			return err
		}
		end := slices.IndexFunc(first, func(key string) bool { return key > r.after })
		if end < 0 {
			end, r.whole = len(first), len(first) < most-len(keys)
		}
		r.keys = append(keys, first[:end]...)
	}
	order.ring = r
	return nil
}

// turns say how many jobs of each key a look takes.
type turns struct {
	keys []string
	most []int
}

// deal divides a number of jobs among the keys that have room, in their order. Each of them gets one before any gets a second one.
func deal(keys []string, room map[string]int, most int) (t turns) {
	for _, key := range keys {
		if room[key] > 0 && len(t.keys) < most {
			t.keys = append(t.keys, key)
		}
	}
	for i, key := range t.keys {
		n := most / len(t.keys)
		if i < most%len(t.keys) {
			n++
		}
		t.most = append(t.most, min(n, room[key]))
	}
	return t
}
