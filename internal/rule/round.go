package rule

// Rounded is X, a number without a row, as a decimal of a scale. Rounding keeps the result of the comparison: for an
// x with two digits, x < 1.005 becomes x < 1.01. No decimal equals ±value.MaxDecimal.
type Rounded struct {
	X     Node
	Scale uint8
	Round Round
}

// Round is the direction in which Rounded rounds.
type Round uint8

const (
	Exact Round = iota // to MaxDecimal, unequal to all decimals
	Down
	Up
)

func roundFor(op Op) Round {
	switch op {
	case Lt, Ge:
		return Up // x < y is x < ceil(y) for a whole x
	case Le, Gt:
		return Down
	default:
		return Exact
	}
}

// roundedArg gives an argument the scale of its neighbour. The digits of the argument are unknown until the request
// comes.
func roundedArg(node Node, scale uint8) Node {
	if arg, ok := node.(*Arg); ok {
		return &Rounded{X: arg, Scale: scale, Round: Exact}
	}
	return node
}
