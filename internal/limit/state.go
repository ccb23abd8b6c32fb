package limit

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// stateFormat is the version of the form that encode writes.
const stateFormat = 1

// worthKeeping is how long a bucket must need to be full again for encode to keep it. A restart takes about as long, and
// forgives no more than that.
const worthKeeping = 10 * time.Second

// Sizes of the parts of a state: the format, the secret of the hash, the time, and a checksum at the end.
const (
	headBytes = 1 + 16 + 8
	tailBytes = 4
)

var errState = errors.New("it is damaged")

// encode returns the buckets of quotas, for restore after a restart.
func (l *Limiter) encode(now time.Time) []byte {
	out := append(make([]byte, 0, 4096), stateFormat)
	out = binary.LittleEndian.AppendUint64(out, l.hash[0])
	out = binary.LittleEndian.AppendUint64(out, l.hash[1])
	out = binary.LittleEndian.AppendUint64(out, uint64(now.UnixMicro()))
	at := ticks(now.Sub(l.epoch))
	for i := range l.shards {
		out = l.shards[i].append(out, at)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// append appends the buckets of a shard: a key and the time until it is full, until a key of 0.
func (s *shard) append(out []byte, at int64) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.at(at)
	for _, c := range s.table.cells {
		if c.key != 0 && c.tat-now > ticks(worthKeeping) {
			out = binary.LittleEndian.AppendUint64(out, c.key)
			out = binary.LittleEndian.AppendUint64(out, uint64(c.tat-now))
		}
	}
	return binary.LittleEndian.AppendUint64(out, 0)
}

// secretOf checks a state, and returns the secret of its hash.
func secretOf(state []byte) (hashKey, error) {
	if len(state) < headBytes+tailBytes || state[0] != stateFormat {
		return hashKey{}, errState
	}
	body, sum := state[:len(state)-tailBytes], binary.LittleEndian.Uint32(state[len(state)-tailBytes:])
	if crc32.ChecksumIEEE(body) != sum {
		return hashKey{}, errState
	}
	return hashKey{binary.LittleEndian.Uint64(state[1:]), binary.LittleEndian.Uint64(state[9:])}, nil
}

// restore puts the buckets of a state that secretOf has checked into the tables, as far as they are not full by now.
func (l *Limiter) restore(state []byte, now time.Time) {
	saved := time.UnixMicro(int64(binary.LittleEndian.Uint64(state[17:])))
	past := ticks(max(0, now.Sub(saved))) // a clock that was set back forgives nothing
	at := ticks(now.Sub(l.epoch))
	cells := state[headBytes : len(state)-tailBytes]
	for i := range l.shards {
		s := &l.shards[i]
		s.at(at)
		for len(cells) >= 8 {
			key := binary.LittleEndian.Uint64(cells)
			if cells = cells[8:]; key == 0 || len(cells) < 8 {
				break
			}
			if left := int64(binary.LittleEndian.Uint64(cells)) - past; left > 0 && left <= ticks(longestWindow) {
				s.table.store(key, s.last+left, s.last)
			}
			cells = cells[8:]
		}
	}
}

// longestWindow bounds what a state may say. The loader refuses longer windows.
const longestWindow = 400 * 24 * time.Hour
