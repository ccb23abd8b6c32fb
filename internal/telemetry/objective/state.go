package objective

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// stateFormat is the version of the form that Encode writes.
const stateFormat = 1

// maxState bounds a state. The largest one of a model has about 3 MB.
const maxState = 16 << 20

// Encode returns the history and the alerts, for Restore after a restart.
func (e *Evaluator) Encode() []byte {
	out := []byte{stateFormat}
	for _, w := range e.all {
		out = append(out, 1)
		out = appendText(out, w.Name)
		out = appendText(out, string(w.Kind))
		out = appendTime(out, w.begin)
		for i := range w.alerts {
			out = w.alerts[i].append(out)
		}
		for i := range w.tiers {
			out = w.tiers[i].append(out)
		}
	}
	return append(out, 0)
}

func (a *alertState) append(out []byte) []byte {
	var flags byte
	if a.firing {
		flags |= 1
	}
	if a.known {
		flags |= 2
	}
	out = appendTime(appendTime(append(out, flags), a.since), a.held)
	out = binary.AppendVarint(out, int64(a.last.window))
	out = binary.LittleEndian.AppendUint64(out, math.Float64bits(a.last.burn))
	return appendCounts(out, &a.last.sum)
}

func (t *tier) append(out []byte) []byte {
	for i := range t.buckets {
		if b := &t.buckets[i]; b.Total() > 0 {
			out = binary.AppendVarint(out, b.slot)
			out = appendCounts(out, &b.Counts)
		}
	}
	return binary.AppendVarint(out, 0) // no bucket is as old
}

func appendText(out []byte, text string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(text))), text...)
}

func appendTime(out []byte, at time.Time) []byte {
	if at.IsZero() {
		return binary.AppendVarint(out, 0)
	}
	return binary.AppendVarint(out, at.UnixNano())
}

func appendCounts(out []byte, c *Counts) []byte {
	out = binary.AppendUvarint(binary.AppendUvarint(out, c.Good), c.Bad)
	if c.Many {
		return append(out, 1)
	}
	return binary.AppendUvarint(binary.LittleEndian.AppendUint64(append(out, 0), c.Caller), c.CallerEvents)
}

// Restore takes the history and the alerts of a state for the objectives that are still there. It changes nothing if the
// state is damaged.
func (e *Evaluator) Restore(state []byte) error {
	d := &decoder{rest: state}
	if d.byte() != stateFormat || len(state) > maxState {
		return errors.New("the state of the objectives has another form")
	}
	found := map[[2]string]*watched{}
	for d.byte() == 1 && d.err == nil {
		name, kind := d.text(), d.text()
		w := &watched{series: newSeries(d.time())}
		for i := range w.alerts {
			w.alerts[i] = d.alert()
		}
		for i := range w.tiers {
			d.tier(&w.tiers[i])
		}
		found[[2]string{name, kind}] = w
	}
	if d.err != nil || len(d.rest) > 0 {
		return errors.New("the state of the objectives is damaged")
	}
	for _, w := range e.all {
		if old := found[[2]string{w.Name, string(w.Kind)}]; old != nil && !old.begin.IsZero() {
			w.series, w.alerts = old.series, old.alerts
		}
	}
	return nil
}

// A decoder reads what Encode wrote. After an error it returns zero values.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail() { d.rest, d.err = nil, errors.New("damaged") }

func (d *decoder) take(n int) []byte {
	if n < 0 || len(d.rest) < n {
		d.fail()
		return make([]byte, 8)
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}

func (d *decoder) byte() byte { return d.take(1)[0] }

func (d *decoder) uint() uint64 {
	u, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return u
}

func (d *decoder) int() int64 {
	i, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.rest = d.rest[n:]
	return i
}

func (d *decoder) text() string {
	n := d.uint()
	if n > uint64(len(d.rest)) {
		d.fail()
		return ""
	}
	return string(d.take(int(n)))
}

func (d *decoder) time() time.Time {
	nanos := d.int()
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

func (d *decoder) alert() (a alertState) {
	flags := d.byte()
	a.firing, a.known = flags&1 != 0, flags&2 != 0
	a.since, a.held = d.time(), d.time()
	a.last.window = time.Duration(d.int())
	a.last.burn = math.Float64frombits(binary.LittleEndian.Uint64(d.take(8)))
	a.last.sum = d.counts()
	return a
}

// mostEvents bounds the events of a bucket, so that no sum of a damaged state overflows.
const mostEvents = 1 << 48

func (d *decoder) counts() (c Counts) {
	c.Good, c.Bad = d.uint(), d.uint()
	switch d.byte() {
	case 0:
		c.Caller, c.CallerEvents = binary.LittleEndian.Uint64(d.take(8)), d.uint()
	case 1:
		c.Many = true
	default:
		d.fail()
	}
	if c.Good > mostEvents || c.Bad > mostEvents || c.CallerEvents > mostEvents {
		d.fail()
	}
	return c
}

func (d *decoder) tier(t *tier) {
	for d.err == nil {
		slot := d.int()
		if slot == 0 {
			return
		}
		b := bucket{slot: slot, Counts: d.counts()}
		if slot < 0 {
			d.fail()
			return
		}
		t.buckets[slot%int64(len(t.buckets))] = b
	}
}
