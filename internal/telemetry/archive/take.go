package archive

import "github.com/ashlar-dev/ashlar/internal/telemetry"

// Take implements telemetry.Sink. It keeps all failed and slow records. Of the others it keeps the first few of each second,
// then a share, each with the number of records that it stands for as its weight. Of idle jobs it keeps none.
func (a *Archive) Take(r *telemetry.Record) {
	if r.Idle {
		return
	}
	failed, slow := r.Failed(), r.Busy() >= a.cfg.Slow
	end, weight := r.Start.Add(r.Duration), 1.0
	if !failed && !slow {
		if weight = a.sample.Weigh(r, end.Unix()); weight == 0 {
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
