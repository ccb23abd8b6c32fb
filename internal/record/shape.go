package record

import (
	"container/list"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// View is which members of a row an answer holds, as the parameters of a request say it; "" where one was not given.
type View struct {
	Fields string // id,title,author.name
	Expand string // author,comments.author
}

// Query is a list as a request asks for it, each parameter as it came, "" where it was not given.
type Query struct {
	View
	Filter string
	Args   map[string]string // arg.*
	Sort   string            // -created_at,title
	Cursor string
	Limit  int // 1 to 500
	Total  bool
}

// shape is a resolved View or Query, without what differs from request to request of its kind: arguments, cursor, limit.
type shape struct {
	table  *model.Table
	out    *render.Output
	filter rule.Node // slots extracted; nil: none
	slots  rule.Slots
	args   []*rule.Arg
	text   rule.TextCost // of the filter
	sort   []sqlgen.Key
	best   int          // the level of its reads where they are known to be fast: see gate.go
	cheap  bool         // they are taken for fast until they were not
	size   atomic.Int64 // about what it takes, in bytes

	get, list, count variants
	expansions       []variants // by the number of the expansion
	counting         cost       // of a page without rows
}

// shapeKey is what a shape is made from.
type shapeKey struct {
	table                        *model.Table
	filter, sort, fields, expand string
	list                         bool
}

func (k *shapeKey) bytes() int {
	return len(k.filter) + len(k.sort) + len(k.fields) + len(k.expand)
}

// plain says whether a list is read as the model has it: a client chose its fields at most.
func (k *shapeKey) plain() bool { return k.list && k.filter == "" && k.sort == "" && k.expand == "" }

// shapes is the bounded cache of shapes. The one used longest ago is dropped first. Clients choose the keys, so that the
// cache bounds bytes as well.
type shapes struct {
	mu    sync.Mutex
	known map[shapeKey]*list.Element // of *knownShape
	used  *list.List                 // the latest in front
	bytes int64
}

type knownShape struct {
	key   shapeKey
	shape *shape
	bytes int64 // of the shape, when it was looked at last
}

const (
	maxShapes     = 1000
	maxShapeBytes = 32 << 20

	// compiled is about how many bytes the tree of a filter or of an expansion takes for one byte of its text.
	compiled = 50
)

func newShapes() *shapes { return &shapes{known: map[shapeKey]*list.Element{}, used: list.New()} }

// get returns a shape that is known, and else makes one, which is not known before keep.
func (s *shapes) get(k shapeKey, make func(shapeKey) (*shape, error)) (*shape, error) {
	s.mu.Lock()
	e := s.known[k]
	if e != nil {
		s.touch(e)
	}
	s.mu.Unlock()
	if e != nil {
		return e.Value.(*knownShape).shape, nil
	}
	return make(k)
}

// keep makes a shape known. It is called for shapes whose read began: what the gate refuses must not push out what others
// use.
func (s *shapes) keep(k shapeKey, made *shape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[k] != nil {
		return
	}
	e := s.used.PushFront(&knownShape{key: k, shape: made})
	s.known[k] = e
	s.touch(e)
}

// touch notes that a shape is used, and of what size it is.
func (s *shapes) touch(e *list.Element) {
	s.used.MoveToFront(e)
	known := e.Value.(*knownShape)
	size := known.shape.size.Load()
	s.bytes += size - known.bytes
	known.bytes = size
	for s.used.Len() > maxShapes || s.bytes > maxShapeBytes && s.used.Len() > 1 {
		oldest := s.used.Remove(s.used.Back()).(*knownShape)
		delete(s.known, oldest.key)
		s.bytes -= oldest.bytes
	}
}

// view returns the shape of a single row, and what makes it known.
func (d *DB) view(t *model.Table, v View) (*shape, shapeKey, error) {
	k := shapeKey{table: t, fields: v.Fields, expand: v.Expand}
	if v == (View{}) {
		return d.tables[t].row, k, nil
	}
	s, err := d.shapes.get(k, d.newShape)
	return s, k, err
}

// query returns the shape of a list, and what makes it known.
func (d *DB) query(t *model.Table, q Query) (*shape, shapeKey, error) {
	k := shapeKey{t, q.Filter, q.Sort, q.Fields, q.Expand, true}
	if k.plain() && q.Fields == "" {
		return d.tables[t].list, k, nil
	}
	s, err := d.shapes.get(k, d.newShape)
	return s, k, err
}

// keep makes a shape known after its read, where that began. Those of the model itself are always known.
func (r *request) keep(k shapeKey, s *shape) {
	if t := r.db.tables[k.table]; r.passage.ran && s != t.row && s != t.list {
		r.db.shapes.keep(k, s)
	}
}

func (d *DB) newShape(k shapeKey) (*shape, error) {
	out, err := render.NewOutput(k.table, k.fields, k.expand)
	if err != nil {
		return nil, err
	}
	s := d.rowShape(out)
	s.size.Add(int64(k.bytes() * compiled))
	if !k.list {
		return s, nil
	}
	if !k.plain() {
		s.best, s.cheap = short, false
	}
	if s.sort, err = parseSort(k.table, k.sort); err != nil {
		return nil, err
	}
	if k.filter != "" {
		node, args, problems := d.rules.Filter(k.table, k.filter)
		if len(problems) > 0 {
			return nil, badFilter(k.filter, problems)
		}
		s.filter, s.args = s.slots.Extract(node), args
		s.text = rule.TextCostOf(s.filter)
	}
	return s, nil
}

// rowShape is the shape of a single row.
func (d *DB) rowShape(out *render.Output) *shape {
	s := &shape{table: out.Table, out: out, slots: rule.Slots{Base: len(d.rules.Slots.List)}}
	s.cheap = len(out.Expansions) == 0 && out.Table.View == nil
	if len(out.Expansions) > 0 {
		s.best = short
	}
	s.get.size, s.list.size, s.count.size = &s.size, &s.size, &s.size
	s.expansions = make([]variants, out.CountExpansions())
	for i := range s.expansions {
		s.expansions[i].size = &s.size
	}
	return s
}

// listShape is the shape of a table's list without parameters.
func (d *DB) listShape(t *model.Table) *shape {
	s, err := d.newShape(shapeKey{table: t, list: true})
	if err != nil {
		panic(err) // no parameters, nothing to be wrong
	}
	return s
}

// badFilter shows where a filter is wrong.
func badFilter(filter string, problems []rule.Problem) error {
	p := problems[0]
	line, col, source := 1, p.Offset, filter
	if i := strings.LastIndexByte(runesBefore(filter, p.Offset), '\n'); i >= 0 {
		line += strings.Count(filter[:i+1], "\n")
		col -= utf8.RuneCountInString(filter[:i+1])
		source = filter[i+1:]
	}
	source, _, _ = strings.Cut(source, "\n")
	// Long filters are cut to what stands around the place.
	r := []rune(source)
	from, to := max(0, col-60), min(len(r), col+60)
	if from > to {
		from = to
	}
	return errs.New(errs.Malformed, "filter:%d:%d: %s\n  %s\n  %s^", line, col+1, p.Message, string(r[from:to]), strings.Repeat(" ", max(0, col-from)))
}

func runesBefore(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

const maxSortKeys = apilimit.SortKeys

// parseSort reads -created_at,title. The id ends every order, in the direction of the last key.
func parseSort(t *model.Table, sort string) ([]sqlgen.Key, error) {
	var keys []sqlgen.Key
	if sort != "" {
		for name := range strings.SplitSeq(sort, ",") {
			key, err := sortKey(t, name)
			if err != nil {
				return nil, err
			}
			for _, k := range keys {
				if k.Field == key.Field {
					return nil, errs.New(errs.Malformed, "sort names %s twice", key.Field.Name)
				}
			}
			keys = append(keys, key)
		}
	}
	if len(keys) > maxSortKeys {
		return nil, errs.New(errs.Malformed, "sort has more than %d keys", maxSortKeys)
	}
	for i, k := range keys {
		if k.Field == t.ID() {
			return keys[:i+1], nil // what follows an id decides nothing
		}
	}
	desc := len(keys) > 0 && keys[len(keys)-1].Desc
	return append(keys, sqlgen.Key{Field: t.ID(), Desc: desc}), nil
}

func sortKey(t *model.Table, name string) (sqlgen.Key, error) {
	bare, desc := strings.CutPrefix(name, "-")
	f := t.Field(bare)
	switch {
	case bare == "":
		return sqlgen.Key{}, render.EmptyName("sort")
	case f == nil || f.Secret:
		return sqlgen.Key{}, errs.New(errs.Malformed, "sort: %s has no field %q%s", t.Name, errs.Clip(bare, 60), suggest.DidYouMean(bare, render.ReadableNames(t)))
	case f.Type == model.JSON:
		return sqlgen.Key{}, errs.New(errs.Malformed, "sort: %s is json, which has no order", bare)
	}
	return sqlgen.Key{Field: f, Desc: desc}, nil
}

// arguments converts the arguments of a request to what its filter compares them with.
func (s *shape) arguments(given map[string]string) (map[string]value.Value, error) {
	if len(given) == 0 && len(s.args) == 0 {
		return nil, nil
	}
	out := make(map[string]value.Value, len(s.args))
	for _, a := range s.args {
		text, ok := given[a.Name]
		if !ok {
			return nil, errs.New(errs.Malformed, "the filter uses arg.%s, which the request does not give", a.Name)
		}
		v, err := value.ParseArg(a.Type, a.Scale, text)
		if err != nil {
			return nil, errs.Wrapf(err, errs.Malformed, "arg.%s: %s", a.Name, publicMessage(err))
		}
		out[a.Name] = v
	}
	for name := range given {
		if _, ok := out[name]; !ok {
			return nil, errs.New(errs.Malformed, "the filter does not use arg.%s", errs.Clip(name, 60))
		}
	}
	return out, nil
}

func publicMessage(err error) string {
	if e, ok := err.(*errs.Error); ok {
		return e.Message
	}
	return fmt.Sprintf("cannot be read: %v", err)
}
