package refusal

import "time"

// hour is how many minutes are counted.
const hour = 60

// minutes counts what happened in each of the last sixty minutes.
type minutes struct {
	newest int64 // minute of the newest count, since 1970
	counts [hour]uint32
}

func minuteOf(at time.Time) int64 { return at.Unix() / 60 }

// add counts one. What comes late counts for the newest minute.
func (m *minutes) add(minute int64) {
	m.advance(minute)
	m.counts[m.newest%hour]++
}

func (m *minutes) advance(minute int64) {
	if minute >= m.newest+hour {
		m.counts, m.newest = [hour]uint32{}, minute
		return
	}
	for m.newest < minute {
		m.newest++
		m.counts[m.newest%hour] = 0
	}
}

// since counts what happened from a minute on, at most an hour before now.
func (m *minutes) since(first, now int64) (n uint64) {
	for minute := max(first, now-hour+1, m.newest-hour+1); minute <= m.newest; minute++ {
		n += uint64(m.counts[minute%hour])
	}
	return n
}
