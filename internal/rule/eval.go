package rule

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Env holds the values for expressions that need no row.
type Env struct {
	Caller caller.Caller
	Now    int64                  // microseconds since 1970
	Args   map[string]value.Value // by name, each of its Arg's kind
}

// Eval evaluates an expression that needs no row. ok is false if it fails. Eval panics on a node that needs a row:
// that is a bug in the program.
func Eval(node Node, env *Env) (v value.Value, ok bool) {
	switch n := node.(type) {
	case *Const:
		return n.Value, true
	case *Failed:
		return value.Value{}, false
	case *Auth:
		return env.attr(n.Attr)
	case *Now:
		return value.OfTimestamp(env.Now), true
	case *Arg:
		return env.Args[n.Name], true
	case *Not:
		operand, ok := Eval(n.X, env)
		return value.OfBool(operand.Int == 0), ok && !operand.IsNull()
	case *And:
		return env.logic(n.Xs, 0)
	case *Or:
		return env.logic(n.Xs, 1)
	case *If:
		return env.choose(n)
	case *Compare:
		return env.compare(n)
	case *In:
		return env.in(n)
	case *InList:
		operand, okX := Eval(n.X, env)
		list, okL := Eval(n.List, env)
		return value.OfBool(!operand.IsNull() && slices.Contains(list.List, operand.Text)), okX && okL
	case *Arith:
		return env.arith(n)
	case *Neg:
		return env.neg(n)
	case *Call:
		return env.call(n)
	case *Has:
		_, ok := Eval(n.X, env)
		return value.OfBool(ok), true
	case *Rounded:
		operand, ok := Eval(n.X, env)
		if operand.IsNull() {
			return operand, ok
		}
		return value.OfDecimal(toScale(operand, n.Scale, n.Round), n.Scale), ok
	}
	panic("rule: evaluated a node that needs a row")
}

// Holds reports whether a condition that needs no row is true. A failure is not.
func Holds(node Node, env *Env) bool {
	v, ok := Eval(node, env)
	return ok && v.Kind == value.Bool && v.Int == 1
}

func (env *Env) attr(a Attr) (value.Value, bool) {
	switch a {
	case AuthKind:
		return value.OfText(env.Caller.Kind().String()), true
	case AuthID:
		id, ok := env.Caller.ID()
		return value.OfText(id), ok
	case AuthEmail:
		email, ok := env.Caller.Email()
		return value.OfText(email), ok
	case AuthRoles:
		return value.OfList(env.Caller.Roles()), true
	case AuthVerified:
		return value.OfBool(env.Caller.Verified()), true
	case AuthMethods:
		return value.OfList(env.Caller.Methods()), true
	case AuthSince:
		since, ok := env.Caller.Since()
		return value.OfTimestamp(since.UnixMicro()), ok
	case AuthSession:
		id, ok := env.Caller.Session()
		return value.OfText(id), ok
	case AuthKey:
		id, ok := env.Caller.APIKey()
		return value.OfText(id), ok
	default:
		return value.OfBool(env.Caller.MFA()), true
	}
}

// logic is && if absorbing is 0 and || if it is 1. An operand with the absorbing value decides. Without one, a failed
// operand makes the whole fail.
func (env *Env) logic(xs []Node, absorbing int64) (value.Value, bool) {
	failed := false
	for _, operand := range xs {
		v, ok := Eval(operand, env)
		switch {
		case !ok || v.IsNull():
			failed = true
		case v.Int == absorbing:
			return v, true
		}
	}
	return value.OfBool(absorbing == 0), !failed
}

func (env *Env) choose(n *If) (value.Value, bool) {
	c, ok := Eval(n.Cond, env)
	switch {
	case !ok || c.IsNull():
		return value.Value{}, false
	case c.Int == 1:
		return Eval(n.Then, env)
	default:
		return Eval(n.Else, env)
	}
}

func (env *Env) compare(n *Compare) (value.Value, bool) {
	left, okL := Eval(n.L, env)
	right, okR := Eval(n.R, env)
	if !okL || !okR {
		return value.Value{}, false
	}
	if n.Op == Eq || n.Op == Ne {
		return value.OfBool(equal(left, right) == (n.Op == Eq)), true
	}
	if left.IsNull() || right.IsNull() {
		return value.Value{}, false
	}
	return value.OfBool(n.Op.holds(compareValues(left, right))), true
}

// holds reports whether a comparison is true for an order: negative, 0 or positive.
func (op Op) holds(order int) bool {
	switch op {
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Ne:
		return order != 0
	default:
		return order == 0
	}
}

func equal(left, right value.Value) bool {
	if left.IsNull() || right.IsNull() {
		return left.IsNull() && right.IsNull()
	}
	return compareValues(left, right) == 0
}

// compareValues orders two values of one kind, neither missing. Text goes by code point.
func compareValues(left, right value.Value) int {
	switch left.Kind {
	case value.Int, value.Float, value.Decimal:
		return value.CompareNumbers(left, right)
	case value.Bool, value.Timestamp, value.Duration:
		return cmp.Compare(left.Int, right.Int)
	default:
		return strings.Compare(left.Text, right.Text)
	}
}

func (env *Env) in(n *In) (value.Value, bool) {
	operand, ok := Eval(n.X, env)
	found := false
	for _, item := range n.Items {
		v, okItem := Eval(item, env)
		ok = ok && okItem
		found = found || (okItem && equal(operand, v))
	}
	return value.OfBool(found), ok
}

func (env *Env) neg(n *Neg) (value.Value, bool) {
	operand, ok := Eval(n.X, env)
	if !ok || operand.IsNull() {
		return value.Value{}, false
	}
	if operand.Kind == value.Float {
		operand.Float, ok = value.Finite(-operand.Float)
		return operand, ok
	}
	operand.Int, ok = value.NegInt(operand.Int)
	return operand, ok
}

func (env *Env) arith(n *Arith) (value.Value, bool) {
	left, okL := Eval(n.L, env)
	right, okR := Eval(n.R, env)
	if !okL || !okR || left.IsNull() || right.IsNull() {
		return value.Value{}, false
	}
	v := value.Value{Kind: n.As}
	var ok bool
	switch n.As {
	case value.Float:
		v.Float, ok = floatOp(n.Op, left.Float, right.Float)
	case value.Decimal:
		if n.Op == '-' {
			right.Int = -right.Int // within ±MaxDecimal: cannot overflow
		}
		v.Scale = max(left.Scale, right.Scale)
		v.Int, ok = value.AddDecimal(left.Int, left.Scale, right.Int, right.Scale)
	case value.Timestamp:
		if left.Kind == value.Duration {
			left, right = right, left
		}
		v.Int, ok = value.AddTime(left.Int, signed(n.Op, right.Int))
	case value.Duration:
		v.Int, ok = value.AddDuration(left.Int, signed(n.Op, right.Int))
	default:
		v.Int, ok = intOp(n.Op, left.Int, right.Int)
	}
	return v, ok
}

// signed is b, or -b for a subtraction; timestamps and durations are far from the end of int64.
func signed(op byte, b int64) int64 {
	if op == '-' {
		return -b
	}
	return b
}

func intOp(op byte, a, b int64) (int64, bool) {
	switch op {
	case '+':
		return value.AddInt(a, b)
	case '-':
		return value.SubInt(a, b)
	case '*':
		return value.MulInt(a, b)
	case '/':
		return value.DivInt(a, b)
	default:
		return value.ModInt(a, b)
	}
}

func floatOp(op byte, a, b float64) (float64, bool) {
	switch op {
	case '+':
		return value.Finite(a + b)
	case '-':
		return value.Finite(a - b)
	case '*':
		return value.Finite(a * b)
	default:
		return value.Finite(a / b)
	}
}

func (env *Env) call(n *Call) (value.Value, bool) {
	var args [2]value.Value
	for i, a := range n.Args {
		v, ok := Eval(a, env)
		if !ok || v.IsNull() {
			return value.Value{}, false
		}
		args[i] = v
	}
	a, b := args[0], args[1]
	switch n.Func {
	case Concat:
		text, ok := value.Concat(a.Text, b.Text)
		return value.OfText(text), ok
	case Contains:
		return value.OfBool(strings.Contains(a.Text, b.Text)), true
	case StartsWith:
		return value.OfBool(strings.HasPrefix(a.Text, b.Text)), true
	case EndsWith:
		return value.OfBool(strings.HasSuffix(a.Text, b.Text)), true
	case Lower:
		return value.OfText(mapASCII(a.Text, 'A', 'Z', 'a'-'A')), true
	case Upper:
		return value.OfText(mapASCII(a.Text, 'a', 'z', -('a' - 'A'))), true
	default:
		if a.Kind == value.List {
			return value.OfInt(int64(len(a.List))), true
		}
		return value.OfInt(int64(utf8.RuneCountInString(a.Text))), true
	}
}

func mapASCII(text string, from, to, by rune) string {
	return strings.Map(func(r rune) rune {
		if from <= r && r <= to {
			return r + by
		}
		return r
	}, text)
}
