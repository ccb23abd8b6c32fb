package record

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// totalsSize bounds what is remembered of totals, in bytes.
const totalsSize = 2 << 20

// total counts the rows of the list, all pages together. Counting costs many times the page, so that what a statement
// came to is remembered for as long as no table that it reads changes.
func (p *page) total(q store.Reader) (int64, error) {
	stmt, err := p.counting(sqlgen.AsPlanned)
	if err != nil {
		return 0, err
	}
	if stmt.UsesNow { // it is another one each time
		return p.count(q, stmt)
	}
	return p.remembered(q, stmt)
}

// remembered is the total of the snapshot: its generations are read in it as well, so that a write beside this query
// changes nothing for it.
func (p *page) remembered(q store.Reader, stmt *sqlgen.Statement) (int64, error) {
	var room [4]int64
	generations := room[:0]
	for _, table := range stmt.Tables {
		g, err := q.Generation(table)
		if err != nil {
			return 0, err
		}
		generations = append(generations, g)
	}
	key := p.totalKey(stmt)
	if total, ok := p.db.totals.Get(key, generations); ok {
		return total, nil
	}
	return p.countOnce(q, stmt, key, generations)
}

// countOnce counts where nobody else is counting the same in the same generations, and else waits for what that comes to:
// when a row changes, all who ask for a total of its table find none at once.
func (p *page) countOnce(q store.Reader, stmt *sqlgen.Statement, key []byte, generations []int64) (int64, error) {
	flight := slices.Clone(key)
	for _, g := range generations {
		flight = binary.BigEndian.AppendUint64(flight, uint64(g))
	}
	own := false
	total, err, _ := p.db.counting.Do(string(flight), func() (any, error) {
		own = true
		total, err := p.count(q, stmt)
		if err == nil {
			p.db.totals.Put(key, generations, total)
		}
		return total, err
	})
	if err != nil && !own { // the other's client may have gone away
		return p.count(q, stmt)
	}
	return total.(int64), err
}

// counting is the statement that counts in a way.
func (p *page) counting(way sqlgen.Way) (*sqlgen.Statement, error) {
	return p.shape.count.get(p.request, string('0'+rune(way)), func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		return g.Count(p.shape.table, p.shape.filter, way)
	})
}

func (p *page) count(q store.Reader, stmt *sqlgen.Statement) (total int64, err error) {
	if stmt, err = p.cheapCount(q, stmt); err != nil || stmt == nil {
		return 0, err
	}
	err = p.request.query(q, stmt, nil, func(row value.Row) error {
		total = row.Int(0)
		return nil
	})
	return total, err
}

// totalKey is the statement and all that is bound in it. The text says all else: what the caller may see is in it, or
// among the values.
func (p *page) totalKey(stmt *sqlgen.Statement) []byte {
	var room [16]value.Value
	key := append(make([]byte, 0, 512), stmt.SQL...)
	for _, v := range stmt.Bind(room[:0], p.values, nil) {
		key = appendBound(key, v)
	}
	return key
}

// appendBound appends a value so that no two appear alike, beside each other neither.
func appendBound(b []byte, v value.Value) []byte {
	b = append(b, 0, byte(v.Kind), v.Scale)
	switch v.Kind {
	case value.Null:
	case value.Float:
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(v.Float))
	case value.Text, value.Date, value.UUID, value.JSON:
		b = appendSized(b, v.Text)
	case value.List:
		b = binary.AppendUvarint(b, uint64(len(v.List)))
		for _, s := range v.List {
			b = appendSized(b, s)
		}
	default:
		b = binary.BigEndian.AppendUint64(b, uint64(v.Int))
	}
	return b
}

func appendSized(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
