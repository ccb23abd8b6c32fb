package record

import (
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// kept is an answer or a total in the cache. Requests share it, so nobody changes it but to add forms.
type kept struct {
	table   *table  // of the list
	version []int64 // of the tables that its statements read: see store.Reader.Version
	json    []byte  // of a page
	tag     Tag     // of json
	rows    int     // of the page
	total   int64   // of a count
	forms   forms   // of json

	probation probation    // of a short list
	hits      atomic.Int64 // looks that found the answer of a short list valid

	checked atomic.Pointer[moment] // when the rows were last known to be the current ones, for a table with cache.stale
}

func newKeptCache(bytes int64) *cache.Cache[*kept] {
	return cache.NewCounted(int(bytes), (*kept).size, func(k *kept) *cache.Counts { return &k.table.kept })
}

// KeptStats are counts of the answers and totals that are kept.
type KeptStats struct {
	Answers     bool        // answers are kept, not only totals
	Bytes, Most int64       // Most is the bound of Bytes
	Tables      []KeptTable // with lists that were ever kept, or were too large, in the order of the model
}

// A KeptTable is what is kept of the lists of a table.
type KeptTable struct {
	Name           string
	Bytes, Entries int64
	Evicted        int64 // since the start: dropped, or never let in, for others that are asked for more
	TooLarge       int64 // since the start: answers that were not kept for their size
}

// Kept returns counts of the answers and totals that are kept.
func (d *DB) Kept() KeptStats {
	stats := KeptStats{Answers: d.keepsAnswers, Bytes: d.kept.Size(), Most: d.kept.Most()}
	for _, t := range d.rules.Model.All() {
		own := d.tables[t]
		n := KeptTable{t.Name, own.kept.Bytes.Load(), own.kept.Entries.Load(), own.kept.Evicted.Load(), own.tooLarge.Load()}
		if n.Entries > 0 || n.Evicted > 0 || n.TooLarge > 0 {
			stats.Tables = append(stats.Tables, n)
		}
	}
	return stats
}

// size returns the size of a result with all its forms, in bytes.
func (k *kept) size() int { return len(k.json) + 8*len(k.version) + k.forms.size() }

// find returns what is kept under a key in a version, or nil.
func (d *DB) find(key []byte, version []int64) *kept {
	if found, ok := d.kept.Get(key); ok && slices.Equal(found.version, version) {
		return found
	}
	return nil
}

// once returns the result of a key in a version. If another request computes the same result already, once waits for that
// one. The caller has looked for the result in the cache. It gets nil and false if the other request failed: its client may
// have gone away, so the caller computes for itself.
//
// compute returns nil for a result that nobody else may have. A result of an error is never kept.
func (p *page) once(key []byte, version []int64, compute func() (*kept, error)) (result *kept, done bool, err error) {
	d := p.req.db
	id := make([]byte, 0, len(key)+8*len(version))
	id = append(id, key...)
	for _, n := range version {
		id = binary.BigEndian.AppendUint64(id, uint64(n))
	}
	name := string(id)
	f, own := d.flights.join(name)
	if !own {
		if err := f.wait(p.req.passage); err != nil {
			return nil, false, err
		}
		return f.result, f.result != nil, nil
	}
	defer d.flights.end(name, f) // after a panic, too
	result, err = compute()
	if err != nil {
		return nil, true, err
	}
	if result != nil {
		f.result = result
		d.kept.Put(key, result)
	}
	return result, true, nil
}

// appendArgument appends an unambiguous encoding of a value: different sequences of values have different encodings.
func appendArgument(dst []byte, v value.Value) []byte {
	dst = append(dst, 0, byte(v.Kind), v.Scale)
	switch v.Kind {
	case value.Null:
	case value.Float:
		dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Float))
	case value.Text, value.Date, value.UUID, value.JSON:
		dst = appendSized(dst, v.Text)
	case value.List:
		dst = binary.AppendUvarint(dst, uint64(len(v.List)))
		for _, text := range v.List {
			dst = appendSized(dst, text)
		}
	default:
		dst = binary.BigEndian.AppendUint64(dst, uint64(v.Int))
	}
	return dst
}

func appendSized(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// accepts reports whether the guard of a request is known to accept a state.
func (r *request) accepts(s *sighting) bool { return !r.guard.on || s.accepted(r.guard.step.Check) }

// saw notes what a read has seen: the version of the tables of a page, and that the guard accepts the caller.
func (r *request) saw(reader store.Reader, pages string, version []int64) {
	state, known := reader.State()
	if !known {
		return
	}
	s := r.db.seen.of(state, r.db.store)
	if s == nil {
		return
	}
	var check store.GuardCheck
	if r.guard.on {
		check = r.guard.step.Check
	}
	s.note(pages, version, check)
}
