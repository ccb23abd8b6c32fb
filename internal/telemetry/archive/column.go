package archive

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// A sample is the value of a series in one slot: a step of time of its tier. For a counter, last is the increase in the slot.
type sample struct {
	slot           int64 // number of the slot since 1970
	last, min, max float64
}

// merge adds another sample of the same slot.
func (s *sample) merge(o sample, counter bool) {
	if counter {
		s.last += o.last
		return
	}
	s.last, s.min, s.max = o.last, min(s.min, o.min), max(s.max, o.max)
}

// The forms of a column of numbers.
const (
	columnSame   = iota // one number for all
	columnInts          // differences of integers
	columnFloats        // bits that differ from the number before
)

// appendBlock appends samples in the order of their slots. A counter and a gauge of single values have one column, other
// gauges three.
func appendBlock(b []byte, samples []sample, counter bool) []byte {
	b = appendSlots(b, samples)
	columns := 1
	if !counter && slices.ContainsFunc(samples, func(s sample) bool { return s.min != s.last || s.max != s.last }) {
		columns = 3
	}
	b = append(b, byte(columns))
	numbers := make([]float64, len(samples))
	for c := range columns {
		for i, s := range samples {
			numbers[i] = [...]float64{s.last, s.min, s.max}[c]
		}
		b = appendColumn(b, numbers)
	}
	return b
}

// appendSlots appends the slots as runs: the gap before a run, and its length.
func appendSlots(b []byte, samples []sample) []byte {
	b = binary.AppendUvarint(b, uint64(len(samples)))
	for i, next := 0, int64(0); i < len(samples); {
		length := 1
		for i+length < len(samples) && samples[i+length].slot == samples[i].slot+int64(length) {
			length++
		}
		b = binary.AppendUvarint(b, uint64(samples[i].slot-next))
		b = binary.AppendUvarint(b, uint64(length))
		next = samples[i].slot + int64(length)
		i += length
	}
	return b
}

func appendColumn(b []byte, numbers []float64) []byte {
	same, ints := true, true
	for _, n := range numbers {
		same = same && n == numbers[0]
		ints = ints && n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	switch {
	case same && len(numbers) > 0:
		b = append(b, columnSame)
		return appendFloat(b, numbers[0], 0)
	case ints:
		b = append(b, columnInts)
		before := int64(0)
		for _, n := range numbers {
			b = binary.AppendVarint(b, int64(n)-before)
			before = int64(n)
		}
		return b
	}
	b = append(b, columnFloats)
	before := 0.0
	for _, n := range numbers {
		b = appendFloat(b, n, before)
		before = n
	}
	return b
}

// appendFloat appends the bits in which a number differs from the one before. Round numbers have zeros at the end, which the
// reversed bits turn into a small integer.
func appendFloat(b []byte, n, before float64) []byte {
	return binary.AppendUvarint(b, bits.Reverse64(math.Float64bits(n)^math.Float64bits(before)))
}

func (r *reader) float(before float64) float64 {
	return math.Float64frombits(bits.Reverse64(r.number()) ^ math.Float64bits(before))
}

// maxSamples bounds the samples of a block that is read.
const maxSamples = 1 << 16

// readBlock appends the samples of a block to list.
func readBlock(list []sample, b []byte) []sample {
	in := reader{rest: b}
	count := in.number()
	if count > maxSamples {
		return list
	}
	begin := len(list)
	list = slices.Grow(list, int(count))
	for next := int64(0); len(list)-begin < int(count) && !in.bad; {
		next += int64(in.number())
		for length := in.number(); length > 0 && len(list)-begin < int(count); length-- {
			list = append(list, sample{slot: next})
			next++
		}
	}
	block := list[begin:]
	columns := int(in.byte())
	in.column(block, func(s *sample, n float64) { s.last, s.min, s.max = n, n, n })
	if columns == 3 {
		in.column(block, func(s *sample, n float64) { s.min = n })
		in.column(block, func(s *sample, n float64) { s.max = n })
	}
	if in.bad {
		return list[:begin]
	}
	return list
}

func (r *reader) column(block []sample, set func(*sample, float64)) {
	switch r.byte() {
	case columnSame:
		n := r.float(0)
		for i := range block {
			set(&block[i], n)
		}
	case columnInts:
		n := int64(0)
		for i := range block {
			n += r.signed()
			set(&block[i], float64(n))
		}
	case columnFloats:
		n := 0.0
		for i := range block {
			n = r.float(n)
			set(&block[i], n)
		}
	default:
		r.fail()
	}
}

func (r *reader) signed() int64 {
	n := r.number()
	return int64(n>>1) ^ -int64(n&1)
}

// mergeSamples returns the samples of both lists in the order of their slots, each slot once.
func mergeSamples(list, more []sample, counter bool) []sample {
	later := len(list) == 0 || len(more) == 0 || list[len(list)-1].slot < more[0].slot
	list = append(list, more...)
	if later { // the usual case: the clock was not set back
		return list
	}
	slices.SortStableFunc(list, func(a, b sample) int { return int(a.slot - b.slot) })
	out := list[:0]
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1].slot == s.slot {
			out[n-1].merge(s, counter)
			continue
		}
		out = append(out, s)
	}
	return out
}

// coarser returns samples in slots that are factor times as long.
func coarser(samples []sample, factor int64, counter bool) (out []sample) {
	for _, s := range samples {
		s.slot /= factor
		if n := len(out); n > 0 && out[n-1].slot == s.slot {
			out[n-1].merge(s, counter)
			continue
		}
		out = append(out, s)
	}
	return out
}
