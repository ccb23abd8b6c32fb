package archive

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Take implements telemetry.Sink. It keeps all failed and slow records. Of the others it keeps the first few of each second,
// then a share, each with the number of records that it stands for as its weight. Of idle jobs it keeps none.
func (a *Archive) Take(r *telemetry.Record) {
	if r.Idle {
		return
	}
	failed, slow := r.Failed(), r.Duration >= a.cfg.Slow
	end, weight := r.Start.Add(r.Duration), 1.0
	if !failed && !slow {
		if weight = a.sample.weigh(end.Unix()); weight == 0 {
			return
		}
	}
	var space [1024]byte
	it := item{end: end.UnixMicro(), kept: failed || slow}
	if failed {
		it.failure = newFailure(r)
	}
	a.queue.add(it, appendBody(space[:0], r, mark{failed: failed, slow: slow, weight: weight}))
}

// freely is how many healthy records of a second are all kept. So an app with few requests shows each of them.
const freely = 10

// sampler decides which healthy records are kept. Two seconds may mix at their border, which costs nothing.
type sampler struct {
	share  float64
	second atomic.Int64
	count  atomic.Int64 // healthy records of the second
}

// weigh returns the weight of a healthy record, or 0 if it is not kept.
func (s *sampler) weigh(second int64) float64 {
	if before := s.second.Load(); before != second && s.second.CompareAndSwap(before, second) {
		s.count.Store(0)
	}
	if s.count.Load() < freely && s.count.Add(1) <= freely {
		return 1
	}
	if rand.Float64() >= s.share {
		return 0
	}
	return 1 / s.share
}
