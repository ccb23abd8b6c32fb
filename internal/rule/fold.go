package rule

import "github.com/ashlar-dev/ashlar/internal/value"

// Folder simplifies expressions for the states of their slots.
type Folder struct {
	States []State // by Slot.Index
	NoOld  bool    // no old row: the write is a create
}

// Fold returns an expression that has the same outcome for every row, with constants, failures and Params in place of
// its slots. It simplifies as far as CEL's meaning allows.
func (f Folder) Fold(node Node) Node {
	switch n := node.(type) {
	case *Slot:
		return f.slot(n)
	case *Column:
		if f.NoOld && n.Path.Root.Role == Old {
			return &Const{}
		}
		return n
	case *Has:
		if _, isConst := f.Fold(n.X).(*Const); isConst {
			return boolean(false) // a field of a missing row
		}
		return n
	case *Quantified:
		if f.NoOld && n.From.Root.Role == Old {
			return &Failed{n.Kind()}
		}
	}
	return simplify(rebuild(node, f.Fold))
}

func (f Folder) slot(slot *Slot) Node {
	switch f.States[slot.Index] {
	case IsTrue:
		return boolean(true)
	case IsFalse:
		return boolean(false)
	case IsNull:
		return &Const{}
	case IsFail:
		return &Failed{slot.Kind()}
	default:
		return &Param{slot, slot.Kind()}
	}
}

func boolean(b bool) *Const { return &Const{Value: value.OfBool(b)} }

func simplify(node Node) Node {
	switch n := node.(type) {
	case *Not:
		if c, ok := n.X.(*Const); ok && !c.Value.IsNull() {
			return boolean(c.Value.Int == 0)
		}
		return strict(n, n.X)
	case *And:
		return simplifyLogic(n.Xs, false, func(xs []Node) Node { return &And{xs} })
	case *Or:
		return simplifyLogic(n.Xs, true, func(xs []Node) Node { return &Or{xs} })
	case *If:
		return simplifyIf(n)
	case *Compare:
		return simplifyCompare(n)
	case *In:
		if anyFailed(append([]Node{n.X}, n.Items...)) {
			return &Failed{value.Bool}
		}
	case *InList:
		if anyFailed([]Node{n.X, n.List}) {
			return &Failed{value.Bool}
		}
		if isNull(n.X) {
			return boolean(false)
		}
	case *Arith:
		return strict(n, n.L, n.R)
	case *Neg:
		return strict(n, n.X)
	case *Call:
		return strict(n, n.Args...)
	}
	return node
}

// strict returns node, or a failure if an operand certainly fails or is missing.
func strict(node Node, operands ...Node) Node {
	for _, o := range operands {
		if _, failed := o.(*Failed); failed || isNull(o) {
			return &Failed{node.Kind()}
		}
	}
	return node
}

// simplifyLogic simplifies && (absorbing is false) and || (absorbing is true).
func simplifyLogic(xs []Node, absorbing bool, join func([]Node) Node) Node {
	var rest []Node
	failed := false
	for _, operand := range xs {
		switch x := operand.(type) {
		case *Failed:
			failed = true
		case *Const:
			switch {
			case x.Value.IsNull():
				failed = true
			case (x.Value.Int == 1) == absorbing:
				return boolean(absorbing)
			}
		default:
			rest = append(rest, x)
		}
	}
	if failed {
		rest = append(rest, &Failed{value.Bool})
	}
	switch len(rest) {
	case 0:
		return boolean(!absorbing)
	case 1:
		if !mayMiss(rest[0]) { // a missing bool fails in a junction and is null without it
			return rest[0]
		}
	}
	return join(rest)
}

func simplifyIf(n *If) Node {
	switch c := n.Cond.(type) {
	case *Failed:
		return &Failed{n.As}
	case *Const:
		switch {
		case c.Value.IsNull():
			return &Failed{n.As}
		case c.Value.Int == 1:
			return n.Then
		default:
			return n.Else
		}
	}
	return n
}

func simplifyCompare(n *Compare) Node {
	if anyFailed([]Node{n.L, n.R}) {
		return &Failed{value.Bool}
	}
	nullL, nullR := isNull(n.L), isNull(n.R)
	if n.Op != Eq && n.Op != Ne {
		return strict(n, n.L, n.R)
	}
	switch {
	case nullL && nullR:
		return boolean(n.Op == Eq)
	case nullL && neverNull(n.R), nullR && neverNull(n.L):
		return boolean(n.Op == Ne)
	}
	if l, ok := n.L.(*Const); ok {
		if r, ok := n.R.(*Const); ok {
			return boolean(equal(l.Value, r.Value) == (n.Op == Eq))
		}
	}
	return n
}

func anyFailed(ns []Node) bool {
	for _, node := range ns {
		if _, ok := node.(*Failed); ok {
			return true
		}
	}
	return false
}

func isNull(node Node) bool {
	c, ok := node.(*Const)
	return ok && c.Value.IsNull()
}

// mayMiss reports whether a node can be missing, in contrast to failing.
func mayMiss(node Node) bool {
	switch n := node.(type) {
	case *Column, *If:
		return true
	case *Const:
		return n.Value.IsNull()
	}
	return false
}

// neverNull reports whether a node certainly has a value.
func neverNull(node Node) bool {
	switch n := node.(type) {
	case *Const:
		return !n.Value.IsNull()
	case *Param:
		return true
	}
	return false
}

// AlwaysTrue reports whether a node is certainly true.
func AlwaysTrue(node Node) bool {
	c, ok := node.(*Const)
	return ok && c.Value.Kind == value.Bool && c.Value.Int == 1
}

// NeverTrue reports whether a folded node is true for no row.
func NeverTrue(node Node) bool {
	switch n := node.(type) {
	case *Failed:
		return true
	case *Const:
		return !AlwaysTrue(n)
	case *And:
		for _, operand := range n.Xs {
			if NeverTrue(operand) {
				return true
			}
		}
	case *Or:
		for _, operand := range n.Xs {
			if !NeverTrue(operand) {
				return false
			}
		}
		return true
	case *If:
		return NeverTrue(n.Then) && NeverTrue(n.Else)
	case *Quantified:
		return (n.Quantifier == Exists || n.Quantifier == ExistsOne) && NeverTrue(n.Body)
	}
	return false
}

// rebuild returns a copy of n with f applied to each child.
func rebuild(node Node, f func(Node) Node) Node {
	each := func(xs []Node) []Node {
		out := make([]Node, len(xs))
		for i, operand := range xs {
			out[i] = f(operand)
		}
		return out
	}
	switch n := node.(type) {
	case *Not:
		return &Not{f(n.X)}
	case *And:
		return &And{each(n.Xs)}
	case *Or:
		return &Or{each(n.Xs)}
	case *If:
		return &If{f(n.Cond), f(n.Then), f(n.Else), n.As}
	case *Compare:
		return &Compare{n.Op, f(n.L), f(n.R)}
	case *In:
		return &In{f(n.X), each(n.Items)}
	case *InList:
		return &InList{f(n.X), f(n.List)}
	case *Arith:
		return &Arith{n.Op, f(n.L), f(n.R), n.As}
	case *Neg:
		return &Neg{f(n.X)}
	case *Call:
		return &Call{n.Func, each(n.Args)}
	case *Has:
		return &Has{f(n.X)}
	case *Quantified:
		if n.Body == nil {
			return n
		}
		return &Quantified{n.Quantifier, n.From, n.Relation, n.Item, f(n.Body)}
	default:
		return n
	}
}
