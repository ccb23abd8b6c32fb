package load

import "github.com/ashlar-dev/ashlar/internal/model"

// typeSet is a set of field types. A reference is in the set only under reference, for every type of its key. The
// empty set stands for all fields.
type typeSet uint16

const reference typeSet = 1 << 15

func types(members ...model.Type) typeSet {
	var set typeSet
	for _, typ := range members {
		set |= 1 << typ
	}
	return set
}

// words returns the names of the types, without references.
func (s typeSet) words() []string {
	var words []string
	for _, typ := range model.Types() {
		if s&types(typ) != 0 {
			words = append(words, typ.String())
		}
	}
	return words
}

// String lists the members in a message.
func (s typeSet) String() string {
	words := s.words()
	if s&reference != 0 {
		words = append(words, "references")
	}
	return sentence(words)
}

// has reports whether a field is in the set. A field without a known type is in every set.
func (s typeSet) has(field *model.Field) bool {
	switch {
	case s == 0:
		return true
	case field.RefName != "":
		return s&reference != 0
	}
	return field.Type == model.Invalid || s&types(field.Type) != 0
}
