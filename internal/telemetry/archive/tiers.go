package archive

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A span is a tier of metrics: how long one of its slots is, how long its blocks are, and for how long they are kept.
type span struct {
	step, block, keep time.Duration
}

// spans are the tiers, the finest first. The steps divide each other, and a block of one holds whole hours.
var spans = [...]span{
	{step: 15 * time.Second, block: time.Hour, keep: 24 * time.Hour},
	{step: 2 * time.Minute, block: 24 * time.Hour, keep: 14 * 24 * time.Hour},
	{step: time.Hour, block: 10 * 24 * time.Hour, keep: 400 * 24 * time.Hour},
}

const (
	tickStep  = 15 * time.Second // step of the first tier
	hourTicks = int64(time.Hour / tickStep)
	maxSeries = 5000 // further series are not kept
)

// tiers is what the writer knows of the series of metrics.
//
// A tick has the values of all series at one moment. Ticks of the hour lie as rows of their own. When the hour is over, each
// series gets a block with its values of that hour, and the coarser tiers get theirs. So a tick writes one row, and a chart
// of a few series reads a few rows for each hour.
type tiers struct {
	ids    map[string]series
	before map[string]float64 // values of counters at the last tick of this process
	hour   int64              // of the last tick
}

type series struct {
	id      int64
	counter bool
	seen    int64 // day since 1970 when the table last heard of it
}

const selectSeries = `SELECT id, name, counter, seen FROM series`

// load reads the series of a file that was opened.
func (t *tiers) load(conn *lite.Conn) error {
	t.ids = map[string]series{}
	if t.before == nil {
		t.before = map[string]float64{}
	}
	return query(conn, selectSeries, func(row *lite.Stmt) error {
		t.ids[row.ColumnText(1)] = series{id: row.ColumnInt64(0), counter: row.ColumnBool(2), seen: row.ColumnInt64(3)}
		return nil
	})
}

// increases turns the values of counters into what they rose by since the last tick. A counter that fell began again at
// zero, and so did one that this process sees for the first time.
func (t *tiers) increases(points []telemetry.Point) []telemetry.Point {
	out := slices.Clone(points)
	for i, p := range out {
		if !p.Counter || math.IsNaN(p.Value) {
			continue
		}
		if before := t.before[p.Series]; p.Value >= before {
			out[i].Value -= before
		}
		t.before[p.Series] = p.Value
	}
	return out
}

// Sample writes the metrics of this moment.
func (a *Archive) Sample() {
	if a.cfg.Points == nil {
		return
	}
	points := a.cfg.Points()
	a.mu.Lock()
	defer a.mu.Unlock()
	points = a.tiers.increases(points)
	a.try(0, func() error {
		return a.file.write(func(tx *transaction) error { return a.tiers.tick(tx, a.cfg.Now(), points) })
	})
}

const (
	insertSeries = `INSERT INTO series (name, counter, seen) VALUES (?1, ?2, ?3) RETURNING id`
	touchSeries  = `UPDATE series SET seen = ?2, counter = ?3 WHERE id = ?1`
	selectTick   = `SELECT body FROM ticks WHERE slot = ?1`
	replaceTick  = `INSERT OR REPLACE INTO ticks (slot, body) VALUES (?1, ?2)`
)

// tick writes a tick, and seals the hours before it.
func (t *tiers) tick(tx *transaction, now time.Time, points []telemetry.Point) error {
	slot, day := now.UnixNano()/int64(tickStep), now.Unix()/86400
	values := make([]value, 0, len(points))
	for _, p := range points {
		if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			continue
		}
		id, err := t.id(tx, p, day)
		if err != nil {
			return err
		}
		if id != 0 {
			values = append(values, value{id, p.Value, p.Counter})
		}
	}
	var body []byte
	err := query(tx.conn, selectTick, func(row *lite.Stmt) error { // a clock that was set back repeats a slot
		values = addTick(values, blob(row, 0, body))
		return nil
	}, slot)
	if err == nil {
		err = tx.run(replaceTick, slot, appendTick(nil, values))
	}
	if hour := slot / hourTicks; err == nil && hour != t.hour {
		err = t.seal(tx, hour)
		tx.committed = append(tx.committed, func() { t.hour = hour })
	}
	return err
}

// id returns the number of a series, or 0 if there are too many.
func (t *tiers) id(tx *transaction, p telemetry.Point, day int64) (int64, error) {
	known, ok := t.ids[p.Series]
	switch {
	case ok && known.seen == day && known.counter == p.Counter:
		return known.id, nil
	case ok:
		known.seen, known.counter = day, p.Counter
		tx.committed = append(tx.committed, func() { t.ids[p.Series] = known })
		return known.id, tx.run(touchSeries, known.id, day, p.Counter)
	case len(t.ids) >= maxSeries:
		return 0, nil
	}
	id, err := numberOf(tx.conn, insertSeries, p.Series, p.Counter, day)
	if id >= 1<<seriesBits { // after many changes of the model, ids run out before the age of series does
		return 0, err
	}
	t.ids[p.Series] = series{id: id, counter: p.Counter, seen: day}
	tx.undone = append(tx.undone, func() { delete(t.ids, p.Series) })
	return id, err
}

// A value is the value of one series in a tick.
type value struct {
	series  int64
	value   float64
	counter bool
}

// appendTick appends the values of a tick: for each the difference to the last number of a series, and the value.
func appendTick(b []byte, values []value) []byte {
	slices.SortFunc(values, func(x, y value) int { return int(x.series - y.series) })
	last := int64(0)
	for _, v := range values {
		counter := uint64(0)
		if v.counter {
			counter = 1
		}
		b = binary.AppendUvarint(b, uint64(v.series-last)<<1|counter)
		b = appendFloat(b, v.value, 0)
		last = v.series
	}
	return b
}

// eachValue calls f for the values of a tick.
func eachValue(tick []byte, f func(value)) {
	in := reader{rest: tick}
	for last := int64(0); len(in.rest) > 0; {
		head := in.number()
		last += int64(head >> 1)
		v := value{series: last, value: in.float(0), counter: head&1 == 1}
		if in.bad {
			return
		}
		f(v)
	}
}

// pickValues calls f for the values of some series of a tick, whose numbers are sorted.
func pickValues(tick []byte, numbers []int64, f func(value)) {
	in := reader{rest: tick}
	for last := int64(0); len(in.rest) > 0 && len(numbers) > 0; {
		head := in.number()
		last += int64(head >> 1)
		for len(numbers) > 0 && numbers[0] < last {
			numbers = numbers[1:]
		}
		if len(numbers) == 0 || numbers[0] != last {
			in.skip()
			continue
		}
		v := value{series: last, value: in.float(0), counter: head&1 == 1}
		if in.bad {
			return
		}
		f(v)
	}
}

// addTick adds an earlier tick of the same slot: counters add up, and the newer value of a gauge counts.
func addTick(values []value, earlier []byte) []value {
	at := make(map[int64]int, len(values))
	for i, v := range values {
		at[v.series] = i
	}
	eachValue(earlier, func(v value) {
		i, ok := at[v.series]
		switch {
		case !ok:
			values = append(values, v)
		case v.counter:
			values[i].value += v.value
		}
	})
	return values
}

const (
	selectOpen  = `SELECT slot, body FROM ticks WHERE slot < ?1 OR slot >= ?2 ORDER BY slot`
	deleteOpen  = `DELETE FROM ticks WHERE slot < ?1 OR slot >= ?2`
	selectBlock = `SELECT body FROM blocks WHERE key = ?1`
	upsertBlock = `INSERT OR REPLACE INTO blocks (key, body) VALUES (?1, ?2)`
)

// The parts of the key of a block, in bits.
const (
	seriesBits = 20
	startBits  = 24
)

// blockKey returns the key of a block: its tier, the number of the block since 1970, and its series. An hour of all series
// fills neighbouring pages. The key is a number, because a row with a key of several columns has room for 1,000 bytes in its
// page, and else gets pages of its own.
func blockKey(tier int, start, series int64) int64 {
	return (int64(tier)<<startBits|start)<<seriesBits | series
}

// seal moves the ticks of all hours but one into blocks.
func (t *tiers) seal(tx *transaction, open int64) error {
	from, to := open*hourTicks, (open+1)*hourTicks
	columns, counters := map[int64][]sample{}, map[int64]bool{}
	var body []byte
	err := query(tx.conn, selectOpen, func(row *lite.Stmt) error {
		slot := row.ColumnInt64(0)
		body = blob(row, 1, body)
		eachValue(body, func(v value) {
			columns[v.series] = append(columns[v.series], sample{slot, v.value, v.value, v.value})
			counters[v.series] = v.counter
		})
		return nil
	}, from, to)
	if err != nil || len(columns) == 0 {
		return err
	}
	for id, samples := range columns {
		for tier := range spans {
			if tier > 0 {
				samples = coarser(samples, int64(spans[tier].step/spans[tier-1].step), counters[id])
			}
			if err := t.store(tx, tier, id, samples, counters[id]); err != nil {
				return err
			}
		}
	}
	return tx.run(deleteOpen, from, to)
}

// store adds samples of a series to the blocks of a tier.
func (t *tiers) store(tx *transaction, tier int, id int64, samples []sample, counter bool) error {
	size := int64(spans[tier].block / spans[tier].step)
	for len(samples) > 0 {
		start := samples[0].slot / size
		n := 1
		for n < len(samples) && samples[n].slot/size == start {
			n++
		}
		var old []sample
		var body []byte
		err := query(tx.conn, selectBlock, func(row *lite.Stmt) error {
			body = blob(row, 0, body)
			old = readBlock(nil, body)
			return nil
		}, blockKey(tier, start, id))
		if err != nil {
			return err
		}
		merged := mergeSamples(old, samples[:n], counter)
		if err := tx.run(upsertBlock, blockKey(tier, start, id), appendBlock(nil, merged, counter)); err != nil {
			return err
		}
		samples = samples[n:]
	}
	return nil
}

// expire removes blocks that are too old, or lie in the future, and series without any.
func (t *tiers) expire(tx *transaction, now time.Time) error {
	const (
		deleteBlocks  = `DELETE FROM blocks WHERE key >= ?1 AND key < ?4 AND (key < ?2 OR key >= ?3)`
		deleteSeries  = `DELETE FROM series WHERE seen < ?1 OR seen > ?2`
		deleteOrphans = `DELETE FROM blocks WHERE (key & 1048575) NOT IN (SELECT id FROM series)`
	)
	day := now.Unix() / 86400
	if expired := t.expired(day); expired == 0 {
		return t.expireBlocks(tx, deleteBlocks, now)
	}
	err := errors.Join(t.expireBlocks(tx, deleteBlocks, now), tx.run(deleteSeries, day-maxSeriesAge, day+1), tx.run(deleteOrphans))
	tx.committed = append(tx.committed, func() {
		for name, known := range t.ids {
			if known.seen < day-maxSeriesAge || known.seen > day+1 {
				delete(t.ids, name)
			}
		}
	})
	return err
}

// maxSeriesAge is for how many days a series is kept that has no new values: as long as the last tier.
const maxSeriesAge = 400

// expired returns how many series are too old.
func (t *tiers) expired(day int64) (n int) {
	for _, known := range t.ids {
		if known.seen < day-maxSeriesAge || known.seen > day+1 {
			n++
		}
	}
	return n
}

func (t *tiers) expireBlocks(tx *transaction, sql string, now time.Time) (err error) {
	for tier, s := range spans {
		block := int64(s.block)
		first, future := now.Add(-s.keep).UnixNano()/block-1, now.Add(ahead).UnixNano()/block+1
		err = errors.Join(err, tx.run(sql, blockKey(tier, 0, 0), blockKey(tier, first, 0), blockKey(tier, future, 0), blockKey(tier+1, 0, 0)))
	}
	return err
}
