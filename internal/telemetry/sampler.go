package telemetry

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync/atomic"
)

// A Sampler chooses which healthy records are kept when they come fast. Of a second, it keeps the first Free records, then a
// share of the others. After a second with more than 1,000 records the share is smaller, so that about as many are kept as of
// 1,000. Two seconds may mix at their border, which costs nothing.
//
// The choice depends on the span of a record. So samplers of the same share choose the same records.
type Sampler struct {
	Free  int64   // records of a second that are all kept
	Share float64 // of the others: above 0, at most 1

	second, count atomic.Int64
	share         atomic.Uint64 // bits of the share of this second; 0 means Share
}

// busy is the number of records of a second above which the share of the next second shrinks.
const busy = 1000

// Weigh returns how many records a healthy record that ended in a second stands for, or 0 if it is not kept.
func (s *Sampler) Weigh(r *Record, second int64) float64 {
	if before := s.second.Load(); before != second && s.second.CompareAndSwap(before, second) {
		s.begin(s.count.Swap(0))
	}
	if s.count.Add(1) <= s.Free {
		return 1
	}
	share := s.Share
	if bits := s.share.Load(); bits != 0 {
		share = math.Float64frombits(bits)
	}
	if r.lot() >= share {
		return 0
	}
	return 1 / share
}

// begin chooses the share of a second, from the number of records in the last one that had any.
func (s *Sampler) begin(before int64) {
	s.share.Store(math.Float64bits(s.Share * busy / float64(max(before, busy))))
}

// lot returns a random number, at least 0 and below 1. It is always the same for a record with a span.
func (r *Record) lot() float64 {
	if r.Span == (SpanID{}) {
		return rand.Float64()
	}
	return float64(binary.LittleEndian.Uint32(r.Span[4:])) / (1 << 32)
}
