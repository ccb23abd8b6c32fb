package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Statement is an SQL text and the sources of its bound values.
type Statement struct {
	SQL          string
	Args         []Arg
	Tables       []string // tables that a reading statement reads, each once
	UsesNow      bool     // a bound value depends on the time
	Inputs       int      // one more than the highest index of an input, or 0
	ReturnsAfter bool     // Insert or Change returns the rows of After
	Ways         []Way    // other ways to the rows of a List or Count that the engine plans
	Uses         []Use    // tables of a List or Count by their aliases
}

// A Use is a place of a statement that reads a table.
type Use struct {
	Alias  string
	Table  *model.Table
	Client bool // the client's filter reads the table, not a rule of the model
}

// Arg is the source of one bound value.
type Arg struct {
	From  Source
	Index int         // index of the slot or input
	Value value.Value // the constant
	UUID  bool        // binds the text of a slot as a uuid, or null if it is none
}

// Source is the kind of an Arg.
type Source uint8

const (
	FromConst Source = iota
	FromSlot         // the value of a slot
	FromInput        // a value that the caller of the statement gives, such as a key or a limit
)

// Bind appends the values to bind to dst. slots are the values of the slots. inputs are values from the caller of the
// statement.
func (s *Statement) Bind(dst, slots, inputs []value.Value) []value.Value {
	for _, arg := range s.Args {
		switch arg.From {
		case FromConst:
			dst = append(dst, arg.Value)
		case FromSlot:
			dst = append(dst, arg.bound(slots[arg.Index]))
		case FromInput:
			dst = append(dst, inputs[arg.Index])
		}
	}
	return dst
}

// bound returns the value of a slot as the statement binds it.
func (a Arg) bound(val value.Value) value.Value {
	if !a.UUID {
		return val
	}
	return asUUID(val)
}

// asUUID returns the uuid that a text holds, or null. A text that is not in the canonical form equals no uuid.
func asUUID(val value.Value) value.Value {
	if id, ok := value.ParseUUID(val.Text); ok && id == val.Text {
		return value.OfUUID(id)
	}
	return value.Value{}
}
