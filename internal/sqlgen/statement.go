package sqlgen

import "github.com/ashlar-dev/ashlar/internal/value"

// Statement is a statement and where its bound values come from.
type Statement struct {
	SQL          string
	Args         []Arg
	Tables       []string // that it reads, each once; of a statement that only reads
	UsesNow      bool     // a bound value depends on the time
	Inputs       int      // how many inputs it looks at: one more than the highest index, 0 for none
	ReturnsAfter bool     // of Insert and Change: its rows are those of After
	Ways         []Way    // of List and Count as the engine plans them: how else the rows can be found
}

// Arg is the source of one bound value.
type Arg struct {
	From  Source
	Index int         // FromSlot: index of the slot; FromInput: index of the input
	Value value.Value // FromConst
	UUID  bool        // FromSlot: a text that is bound as a uuid, and as null where it is none
}

// Source is where a bound value comes from.
type Source uint8

const (
	FromConst Source = iota
	FromSlot         // what a part of an expression that needs no row came to
	FromInput        // what the caller of the statement gives: a key, a limit, the values of a row
)

// Bind appends to dst the values to run s with.
func (s *Statement) Bind(dst, slots, inputs []value.Value) []value.Value {
	for _, a := range s.Args {
		switch a.From {
		case FromConst:
			dst = append(dst, a.Value)
		case FromSlot:
			dst = append(dst, a.bound(slots[a.Index]))
		case FromInput:
			dst = append(dst, inputs[a.Index])
		}
	}
	return dst
}

// bound is the value of a slot as it is bound.
func (a Arg) bound(v value.Value) value.Value {
	if !a.UUID {
		return v
	}
	return asUUID(v)
}

// asUUID is a text as the uuid that it is, or null: a text in another form than the canonical equals no uuid.
func asUUID(v value.Value) value.Value {
	if id, ok := value.ParseUUID(v.Text); ok && id == v.Text {
		return value.OfUUID(id)
	}
	return value.Value{}
}
