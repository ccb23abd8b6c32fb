package record

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// totalsSize bounds what is remembered of totals, in bytes.
const totalsSize = 2 << 20

// total counts the rows of the list, all pages together. Counting costs many times the page, so that what a statement
// came to is remembered for as long as no table that it reads changes.
func (p *page) total(q store.Reader) (int64, error) {
	if p.led.empty {
		return 0, nil
	}
	stmt, err := p.counting(sqlgen.AsPlanned)
	if err != nil {
		return 0, err
	}
	if stmt.UsesNow || p.inTx { // the statement differs each time, or the transaction has changes of its own
		return p.count(q, stmt)
	}
	return p.remembered(q, stmt)
}

// remembered is the total of the snapshot: its generations are read in it as well, so that a write beside this query
// changes nothing for it.
func (p *page) remembered(q store.Reader, stmt *sqlgen.Statement) (int64, error) {
	outside, known := q.Outside()
	if !known {
		return p.count(q, stmt)
	}
	var room [5]int64
	generations := append(room[:0], outside)
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
	name := slices.Clone(key)
	for _, g := range generations {
		name = binary.BigEndian.AppendUint64(name, uint64(g))
	}
	f, own := p.db.counting.join(string(name))
	if !own {
		if err := f.wait(p.passage); err != nil {
			return 0, err
		}
		if f.err == nil {
			return f.total, nil
		}
		return p.count(q, stmt) // the other's client may have gone away
	}
	f.err = errUncounted // for a panic
	defer p.db.counting.end(string(name), f)
	f.total, f.err = p.count(q, stmt)
	if f.err == nil {
		p.db.totals.Put(key, generations, f.total)
	}
	return f.total, f.err
}

var errUncounted = errors.New("the count did not end")

// flights are the counts under way. The zero value is ready.
type flights struct {
	mu   sync.Mutex
	byID map[string]*flight
}

// flight is one count, which others wait for.
type flight struct {
	done  chan struct{} // closed when total and err are set
	total int64
	err   error
}

// join returns the flight of that name. It is the caller's own, to be ended, where there was none.
func (f *flights) join(name string) (_ *flight, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byID[name]; known != nil {
		return known, false
	}
	if f.byID == nil {
		f.byID = map[string]*flight{}
	}
	made := &flight{done: make(chan struct{})}
	f.byID[name] = made
	return made, true
}

func (f *flights) end(name string, ended *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, name)
	close(ended.done)
}

// waitStep is how late a read that waits for another's count notices that it must not go on.
const waitStep = 5 * time.Millisecond

// wait waits for the count. The wait holds a connection, so that it ends where the gate would cut off a statement.
func (f *flight) wait(ctx context.Context) error {
	tick := time.NewTicker(waitStep)
	defer tick.Stop()
	for {
		select {
		case <-f.done:
			return nil
		case <-tick.C:
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
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
