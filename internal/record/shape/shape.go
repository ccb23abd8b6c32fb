// Package shape resolves the parameters of reads, and keeps the results.
//
// The shape of a read is everything that its parameters fix: columns, expansions, filter and order. Arguments, cursor and
// limit are not part of it, so the requests of one client program share their shapes and statements.
package shape

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// A Key identifies a shape by the unparsed parameters of a request.
type Key struct {
	Table                        *model.Table
	Filter, Sort, Fields, Expand string
	List                         bool
}

// unfiltered reports whether a client chose no more of a list than its fields.
func (k *Key) unfiltered() bool { return k.List && k.Filter == "" && k.Sort == "" && k.Expand == "" }

// isDefault reports whether a read has no parameters.
func (k *Key) isDefault() bool {
	return k.Filter == "" && k.Sort == "" && k.Fields == "" && k.Expand == ""
}

// A Shape is the resolved parameters of a read, with its statements. It is safe for concurrent use.
type Shape struct {
	Name   string // for people: "list posts filter(title == arg.t) sort(-id)"
	Table  *model.Table
	Output *render.Output
	Filter rule.Node  // nil: none. The slots in it are in Slots
	Slots  rule.Slots // of the filter
	Sort   []sqlgen.Key

	SortFields []*model.Field // the fields of Sort
	Related    []*model.Table // tables of the rows that the filter and the expansions read besides the list's own, each once

	Statements *statement.Cache
	Class      gate.Class
	Public     time.Duration // how long anybody may keep the answer, since it is the same for all callers; 0: nobody may
	EmptyPage  gate.Cost     // of a page without rows, which may have a total

	args      []*rule.Arg
	textCost  rule.TextCost
	textBytes int          // of the parameters
	kept      atomic.Int64 // size when Shapes last weighed it
}

const (
	// maxStatementBytes bounds the statements of one shape, in bytes of text.
	maxStatementBytes = 2 << 20
	// compiledFactor estimates how many bytes a compiled filter or expansion takes for each byte of its text.
	compiledFactor = 50
)

// size estimates the memory of a shape, in bytes. It grows with the statements.
func (s *Shape) size() int { return s.textBytes*compiledFactor + s.Statements.Size() }

func newShape(rules *rule.Rules, key Key) (*Shape, error) {
	out, err := render.NewOutput(key.Table, key.Fields, key.Expand)
	if err != nil {
		return nil, err
	}
	s := &Shape{
		Name: nameOf(key), Table: key.Table, Output: out,
		Slots:      rule.Slots{Base: len(rules.Slots.List)},
		Statements: statement.NewCache(maxStatementBytes),
		textBytes:  len(key.Filter) + len(key.Sort) + len(key.Fields) + len(key.Expand),
	}
	s.Class = s.classOf(key)
	s.addExpanded(out.Expansions)
	if !key.List {
		s.Public = s.public()
		return s, nil
	}
	if s.Sort, err = parseSort(key.Table, key.Sort); err != nil {
		return nil, err
	}
	for _, sortKey := range s.Sort {
		s.SortFields = append(s.SortFields, sortKey.Field)
	}
	if key.Filter != "" {
		node, args, problems := rules.Filter(key.Table, key.Filter)
		if len(problems) > 0 {
			return nil, filterError(key.Filter, problems)
		}
		s.Filter, s.args = s.Slots.Extract(node), args
		s.textCost = rule.TextCostOf(s.Filter)
		s.addRelated(rule.Related(s.Filter)...)
	}
	s.Public = s.public()
	return s, nil
}

// ForCondition returns the shape of a list of ids for which a condition of the model holds. The slots of the condition are not
// extracted.
func ForCondition(rules *rule.Rules, table *model.Table, name string, node rule.Node) (*Shape, error) {
	s, err := newShape(rules, Key{Table: table, Fields: "id", List: true})
	if err != nil {
		return nil, err
	}
	s.Name, s.Filter = name, s.Slots.Extract(node)
	s.addRelated(rule.Related(s.Filter)...)
	return s, nil
}

// public returns how long anybody may keep the answer. The loader has found that the rules of each table with cache.public
// name neither the caller nor the time. So the answer is the same for all if it shows only such tables, and the filter does
// not name them either.
func (s *Shape) public() time.Duration {
	shortest := s.Table.Cache.Public
	for _, table := range s.Related {
		shortest = min(shortest, table.Cache.Public)
	}
	for _, slot := range s.Slots.List {
		if rule.NamesCaller(slot.Node) || rule.UsesNow(slot.Node) {
			return 0
		}
	}
	return shortest
}

// addExpanded adds the tables of expansions, at all levels, to Related.
func (s *Shape) addExpanded(expansions []*render.Expansion) {
	for _, expansion := range expansions {
		s.addRelated(expansion.Relation.To)
		s.addExpanded(expansion.Output.Expansions)
	}
}

func (s *Shape) addRelated(tables ...*model.Table) {
	for _, table := range tables {
		if !slices.Contains(s.Related, table) {
			s.Related = append(s.Related, table)
		}
	}
}

// classOf returns the class of a shape. Single rows and unfiltered lists count as fast until a run was slow.
func (s *Shape) classOf(key Key) gate.Class {
	expands := len(s.Output.Expansions) > 0
	if expands || (key.List && !key.unfiltered()) {
		return gate.Class{Best: gate.Short}
	}
	return gate.Class{Best: gate.Own, AssumedFast: s.Table.View == nil}
}
