package record

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// total counts the rows of all pages of the list. A count costs many times more than a page, so totals are cached. A cached
// total is valid until one of the tables in its statement changes.
func (p *page) total(reader store.Reader) (int64, error) {
	if p.probe.empty {
		return 0, nil
	}
	stmt, err := p.countStatement(sqlgen.AsPlanned)
	if err != nil {
		return 0, err
	}
	if stmt.UsesNow || p.inTx { // the total changes with the time, or with what the transaction wrote
		return p.count(reader, stmt)
	}
	return p.cachedTotal(reader, stmt)
}

// cachedTotal returns the total of the reader's snapshot. It reads the generations of the tables in the same snapshot.
func (p *page) cachedTotal(reader store.Reader, stmt *sqlgen.Statement) (int64, error) {
	outside, known := reader.Outside()
	if !known {
		return p.count(reader, stmt)
	}
	var room [5]int64
	generations := append(room[:0], outside)
	for _, table := range stmt.Tables {
		generation, err := reader.Generation(table)
		if err != nil {
			return 0, err
		}
		generations = append(generations, generation)
	}
	key := p.totalKey(stmt)
	if total, ok := p.req.db.totals.Get(key, generations); ok {
		p.noteCache(hit)
		return total, nil
	}
	p.noteCache(miss)
	return p.countOnce(reader, stmt, key, generations)
}

// errUncounted is the result of a count that panicked.
var errUncounted = errors.New("the count did not end")

// countOnce counts, unless another request already counts the same rows. Then it waits for that result. When a row
// changes, every request for a total of its table finds the cache empty at once.
func (p *page) countOnce(reader store.Reader, stmt *sqlgen.Statement, key []byte, generations []int64) (int64, error) {
	id := slices.Clone(key)
	for _, generation := range generations {
		id = binary.BigEndian.AppendUint64(id, uint64(generation))
	}
	name := string(id)
	f, own := p.req.db.counts.join(name)
	if !own {
		if err := f.wait(p.req.passage); err != nil {
			return 0, err
		}
		if f.err == nil {
			return f.total, nil
		}
		return p.count(reader, stmt) // the client of the other request may have gone away
	}
	f.err = errUncounted
	defer p.req.db.counts.end(name, f)
	f.total, f.err = p.count(reader, stmt)
	if f.err == nil {
		p.req.db.totals.Put(key, generations, f.total)
	}
	return f.total, f.err
}

func (p *page) count(reader store.Reader, stmt *sqlgen.Statement) (total int64, err error) {
	if stmt, err = p.cheapestCount(reader, stmt); err != nil || stmt == nil {
		return 0, err
	}
	err = p.req.Query(reader, stmt, nil, func(cols value.Row) error {
		total = cols.Int(0)
		return nil
	})
	return total, err
}

// totalKey is the statement with its arguments. Together they hold all that the caller may see.
func (p *page) totalKey(stmt *sqlgen.Statement) []byte {
	var room [16]value.Value
	key := append(make([]byte, 0, 512), stmt.SQL...)
	for _, arg := range stmt.Bind(room[:0], p.req.Values(), nil) {
		key = appendArgument(key, arg)
	}
	return key
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
