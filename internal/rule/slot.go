package rule

import "github.com/ashlar-dev/ashlar/internal/value"

// Slot is a part of an expression that needs no row. Each request evaluates it once. Its State selects the statement,
// and its value is bound in it.
type Slot struct {
	Node  Node
	Index int // in the arrays of states and values
}

// Kind is the kind of the slot's expression.
func (s *Slot) Kind() value.Kind { return s.Node.Kind() }

// State is the result of a Slot, reduced to its effect on the statement.
type State byte

const (
	IsValue State = 'v' // a value to bind
	IsTrue  State = 't'
	IsFalse State = 'f'
	IsNull  State = 'n'
	IsFail  State = 'x'
)

// Slots collects the slots of one or more expressions; equal slots are one. Base is the index of the first. A
// request's filter starts after the slots of the model's rules, so that one array holds the states of both.
type Slots struct {
	Base int
	List []*Slot
	keys map[string]*Slot
}

// Extract puts a Slot in place of each largest part without a row. A part that needs no request either becomes a
// constant.
func (s *Slots) Extract(node Node) Node {
	if rowIndependent(node) {
		return s.slot(node)
	}
	return rebuild(node, s.Extract)
}

func (s *Slots) slot(node Node) Node {
	switch n := node.(type) {
	case *Const, *Failed:
		return n
	}
	if constant(node) {
		return folded(node)
	}
	key := Format(node)
	if known := s.keys[key]; known != nil {
		return known
	}
	if s.keys == nil {
		s.keys = map[string]*Slot{}
	}
	slot := &Slot{Node: node, Index: s.Base + len(s.List)}
	s.keys[key] = slot
	s.List = append(s.List, slot)
	return slot
}

// constant reports whether a node without a row has one value for all requests.
func constant(node Node) bool {
	is := true
	walk(node, func(sub Node) {
		switch sub.(type) {
		case *Auth, *Now, *Arg:
			is = false
		}
	})
	return is
}

func folded(node Node) Node {
	v, ok := Eval(node, &Env{})
	if !ok {
		return &Failed{node.Kind()}
	}
	return &Const{Value: v}
}

// Bind evaluates every slot. states and values have one element a slot of this Slots.
func (s *Slots) Bind(env *Env, states []State, values []value.Value) {
	for i, slot := range s.List {
		v, ok := Eval(slot.Node, env)
		states[i], values[i] = stateOf(v, ok), v
	}
}

func stateOf(v value.Value, ok bool) State {
	switch {
	case !ok:
		return IsFail
	case v.Kind == value.Null:
		return IsNull
	case v.Kind == value.Bool && v.Int == 1:
		return IsTrue
	case v.Kind == value.Bool:
		return IsFalse
	default:
		return IsValue
	}
}
