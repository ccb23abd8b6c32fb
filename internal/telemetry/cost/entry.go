package cost

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A kind says what an entry is about.
type kind byte

const (
	kindProcess kind = iota // the whole process; its units are milliseconds in which it counted
	kindRoute               // requests of a route; the name has the route, the table and the operation
	kindJob                 // background work
	kindKey                 // requests with one API key
	kindPart                // CPU time of no route and no job
	kindTable               // storage of a table
	kinds
)

// most returns how many entries of a kind are kept. The others share one. Routes, jobs and tables come from the model.
func (k kind) most() int {
	return [kinds]int{kindProcess: 1, kindRoute: 1000, kindJob: 100, kindKey: 100, kindPart: 30, kindTable: 500}[k]
}

// An entry is what was counted of one thing. The numbers of entries with the same kind and name add up.
type entry struct {
	kind    kind
	name    string // Others for the entry that others share
	numbers [numbers]int64
}

// Others is the name of what has no entry of its own, and no row: the routes, jobs or keys that cost least.
const Others = "_other"

// The numbers of an entry.
const (
	numberUnits    = iota
	numberProfiled // units in the time with figures of CPU time
	numberCPU      // microseconds
	numberOwn      // microseconds of CPU time, without shares
	numberStatements
	numberDatabase // microseconds
	numberIn       // bytes
	numberOut      // bytes
	numberRows     // kilobytes times seconds of a table's rows
	numberIndexes  // kilobytes times seconds of a table's indexes
	numberStored   // milliseconds for which the storage was known
	numbers
)

// separator stands between the parts of a name. No route, table or operation holds it.
const separator = "\x00"

func routeEntry(route, table, operation string) entry {
	return entry{kind: kindRoute, name: route + separator + table + separator + operation}
}

// parts returns the parts of the name of a route's entry.
func (e *entry) parts() (route, table, operation string) {
	route, rest, _ := strings.Cut(e.name, separator)
	table, operation, _ = strings.Cut(rest, separator)
	return route, table, operation
}

func (e *entry) amounts() Amounts {
	return Amounts{
		Units:      e.numbers[numberUnits],
		CPU:        time.Duration(e.numbers[numberCPU]) * time.Microsecond,
		Statements: e.numbers[numberStatements],
		Database:   time.Duration(e.numbers[numberDatabase]) * time.Microsecond,
		In:         e.numbers[numberIn],
		Out:        e.numbers[numberOut],
	}
}

// weight orders entries of a kind: those with the least weight lose their own entry. A kilobyte weighs as much as a
// microsecond.
func (e *entry) weight() int64 {
	n := &e.numbers
	return n[numberCPU] + n[numberDatabase] + n[numberUnits] + (n[numberIn]+n[numberOut])/1000 + n[numberRows] + n[numberIndexes]
}

// A sheet has the entries of one span of time, ordered by kind and name.
type sheet []entry

func compare(a, b entry) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
}

// tidy orders entries, joins entries of one name, and lets those with the least weight share an entry.
func (s sheet) tidy() sheet {
	s = s.join()
	for k := range kinds {
		own := 0
		for i := range s {
			if s[i].kind == k && s[i].name != Others {
				own++
			}
		}
		if own > k.most() {
			s = s.trim(k)
		}
	}
	return s
}

// join orders entries, and adds up entries of one name.
func (s sheet) join() sheet {
	slices.SortStableFunc(s, compare)
	out := s[:0]
	for _, e := range s {
		if last := len(out) - 1; last >= 0 && compare(out[last], e) == 0 {
			for i, n := range e.numbers {
				out[last].numbers[i] += n
			}
			continue
		}
		out = append(out, e)
	}
	return out
}

// trim gives the entries of a kind beyond its bound the name that they share.
func (s sheet) trim(k kind) sheet {
	var own []*entry
	for i := range s {
		if s[i].kind == k && s[i].name != Others {
			own = append(own, &s[i])
		}
	}
	slices.SortStableFunc(own, func(a, b *entry) int { return cmp.Compare(b.weight(), a.weight()) })
	for _, e := range own[k.most():] {
		e.name = Others
	}
	return s.join()
}

// version begins the body of a sheet. A body of another version is not read.
const version = 1

// maxName bounds a name, in characters.
const maxName = 200

// encode returns the body of a sheet. Numbers that are zero take no room.
func (s sheet) encode() []byte {
	b := []byte{version}
	for i := range s {
		e := &s[i]
		b = append(b, byte(e.kind))
		name := errs.Clip(e.name, maxName)
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		set := uint64(0)
		for i, n := range e.numbers {
			if n > 0 {
				set |= 1 << i
			}
		}
		b = binary.AppendUvarint(b, set)
		for _, n := range e.numbers {
			if n > 0 {
				b = binary.AppendUvarint(b, uint64(n))
			}
		}
	}
	return b
}

// decode returns the sheet of a body. It stops where it does not understand the body.
func decode(b []byte) (s sheet) {
	if len(b) == 0 || b[0] != version {
		return nil
	}
	in := reader{rest: b[1:]}
	for len(in.rest) > 0 {
		e := entry{kind: kind(in.byte()), name: in.text()}
		set := in.number()
		for i := range e.numbers {
			if set&(1<<i) != 0 {
				e.numbers[i] = int64(in.number())
			}
		}
		if in.bad || e.kind >= kinds {
			return s
		}
		s = append(s, e)
	}
	return s
}

// merge returns the body of the sum of two sheets.
func merge(sum, more []byte) []byte { return append(decode(sum), decode(more)...).tidy().encode() }

// A reader reads the parts of a body.
type reader struct {
	rest []byte
	bad  bool // the body ended too early
}

func (r *reader) fail() {
	r.rest, r.bad = nil, true
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > 1<<62 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() string {
	length := r.number()
	if length > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	text := string(r.rest[:length])
	r.rest = r.rest[length:]
	return text
}
