package rule

import (
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// AsksProof reports whether an expression asks how well or how lately the caller proved who it is. A caller may make such
// an expression true by signing in again.
func AsksProof(node Node) bool {
	asks := false
	walkSlots(node, func(sub Node) { asks = asks || isAuth(sub, AuthMFA) || isAuth(sub, AuthSince) })
	return asks
}

// ProofAges returns the lengths of time with which expressions compare the age of the caller's last proof, longest first.
// They are literals, as in now - auth.since < duration('10m').
func ProofAges(nodes ...Node) []time.Duration {
	var ages []time.Duration
	for _, node := range nodes {
		walkSlots(node, func(sub Node) {
			compare, ok := sub.(*Compare)
			if !ok {
				return
			}
			for _, sides := range [][2]Node{{compare.L, compare.R}, {compare.R, compare.L}} {
				if micros, ok := proofAge(sides[0], sides[1]); ok && micros > 0 {
					ages = append(ages, time.Duration(micros)*time.Microsecond)
				}
			}
		})
	}
	slices.Sort(ages)
	slices.Reverse(ages)
	return slices.Compact(ages)
}

// proofAge reads the length of time off a comparison of now - auth.since with it, of auth.since with now less it, or of now
// with auth.since plus it.
func proofAge(left, right Node) (micros int64, ok bool) {
	arith, isArith := left.(*Arith)
	switch {
	case !isArith:
		return 0, false
	case arith.Op == '-' && isNow(arith.L) && isAuth(arith.R, AuthSince):
		return literalDuration(right)
	case arith.Op == '-' && isNow(arith.L) && isAuth(right, AuthSince):
		return literalDuration(arith.R)
	case arith.Op == '+' && isNow(right) && isAuth(arith.L, AuthSince):
		return literalDuration(arith.R)
	case arith.Op == '+' && isNow(right) && isAuth(arith.R, AuthSince):
		return literalDuration(arith.L)
	}
	return 0, false
}

func isNow(node Node) bool {
	_, ok := node.(*Now)
	return ok
}

func literalDuration(node Node) (micros int64, ok bool) {
	c, ok := node.(*Const)
	if !ok || c.Value.Kind != value.Duration {
		return 0, false
	}
	return c.Value.Int, c.Value.Int <= int64(time.Duration(1<<63-1)/time.Microsecond)
}

// walkSlots is walk that also enters the expressions of slots.
func walkSlots(node Node, f func(Node)) {
	walk(node, func(sub Node) {
		if slot, ok := sub.(*Slot); ok {
			walkSlots(slot.Node, f)
			return
		}
		f(sub)
	})
}
