package record

import (
	"sync/atomic"
	"time"
)

// A probation finds out whether a short list is worth keeping, where a look is a turn on the wire. A look takes less than half as
// long as the list. So it pays off if the answer stays the same for a few requests, and costs more if the rows change all
// the time. A list is kept after some reads in a row had the same answer.
//
// A probation stands in the cache in place of the answer. An answer that is kept after a probation has it, too.
type probation struct {
	wanted int // reads in a row with the same answer; 0: there is no probation
	seen   int // so far
}

const (
	firstProbation   = 1
	longestProbation = 64

	// leastHits pay off the two looks that find nothing: before the answer is kept, and at its end.
	leastHits = 2

	// leastCost is the least cost of a list on probation, in looks.
	leastCost = 2
)

// isProven reports whether the page has passed its probation.
func (p *page) isProven() bool {
	if !p.mayBeProven() {
		return false
	}
	known, ok := p.req.db.kept.Get(p.answerKey.key)
	return ok && known.probation.wanted > 0 && (known.version != nil || known.probation.seen >= known.probation.wanted)
}

// mayBeProven reports whether the page lately took much longer than a look.
func (p *page) mayBeProven() bool {
	d := p.req.db
	return p.deps.spent() >= time.Duration(d.leastCost*d.lookSpent.Load())
}

// observe counts a read in the probation of the page.
func (p *page) observe(json []byte) {
	d := p.req.db
	if !p.mayBeProven() || !d.kept.Fits(p.answerKey.key, p.text.Len()+len(json)) {
		return
	}
	p.setTag(json)
	made := &kept{table: d.tables[p.shape.Table], tag: p.tag, probation: probation{wanted: firstProbation}}
	if old, ok := d.kept.Get(p.answerKey.key); ok && old.probation.wanted > 0 {
		made.probation.wanted = old.probation.wanted
		if old.tag == p.tag {
			made.probation.seen = old.probation.seen + 1
		}
	}
	d.kept.Put(p.answerKey.key, made)
}

// outdated begins another probation in place of an answer that is no longer valid. After an answer that was kept in vain it takes
// twice as long. So a list whose rows change all the time costs at most a few percent more than without a cache.
func (p *page) outdated(old *kept) {
	d := p.req.db
	if known, ok := d.kept.Get(p.answerKey.key); !ok || known != old || old.probation.wanted == 0 {
		return
	}
	next := probation{wanted: firstProbation}
	if old.hits.Load() < leastHits {
		next.wanted = min(2*old.probation.wanted, longestProbation)
	}
	d.kept.Put(p.answerKey.key, &kept{table: old.table, tag: old.tag, probation: next})
}

// noteLately notes how long something took. Like the cost of the gate, it falls at once and rises by an eighth.
func noteLately(lately *atomic.Int64, took time.Duration) {
	before := time.Duration(lately.Load())
	if before > 0 && took > before {
		took = before + (took-before)/8
	}
	lately.Store(int64(took))
}
