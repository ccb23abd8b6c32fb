package value

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// MergeJSON applies a JSON merge patch (RFC 7396) to a stored JSON value; old is "" without one. Members keep their
// order, new ones come last, and null removes a member. Both texts are valid and compact, and so is the result; a
// null patch gives "". The time is linear in both lengths, for any number and depth of members.
func MergeJSON(old, patch string) string {
	switch {
	case patch == "null":
		return ""
	case patch[0] != '{':
		return patch
	}
	m := merger{old: newMergeReader(old), dst: make([]byte, 0, len(old)+len(patch))}
	m.object(newMergeReader(patch).object(), old != "" && old[0] == '{')
	return string(m.dst)
}

// merger reads the old value once, from its beginning to its end, and writes the merged one.
type merger struct {
	old mergeReader
	dst []byte
}

// object writes the object that results from a patch and the next value of old, or from the patch only.
func (m *merger) object(patch *patchObject, hasOld bool) {
	first := len(m.dst) + 1
	m.dst = append(m.dst, '{')
	if hasOld {
		m.oldMembers(patch, first)
	}
	for _, member := range patch.members {
		if member.merged || member.removes() {
			continue
		}
		m.name(member.name, first)
		if member.object == nil {
			m.dst = append(m.dst, member.raw...)
		} else {
			m.object(member.object, false)
		}
	}
	m.dst = append(m.dst, '}')
}

// oldMembers writes the patched members of an old object in their order.
func (m *merger) oldMembers(patch *patchObject, first int) {
	m.old.token() // the brace
	for m.old.d.PeekKind() != jsontext.KindEndObject {
		name := m.old.token().String()
		member := patch.byName[name]
		if member == nil {
			m.name(name, first)
			m.dst = append(m.dst, m.old.value()...)
			continue
		}
		member.merged = true
		if member.object != nil {
			m.name(name, first)
			hasOld := m.old.d.PeekKind() == jsontext.KindBeginObject
			if !hasOld {
				m.old.value()
			}
			m.object(member.object, hasOld)
			continue
		}
		m.old.value()
		if !member.removes() {
			m.name(name, first)
			m.dst = append(m.dst, member.raw...)
		}
	}
	m.old.token()
}

// name starts a member. first is the position of the first member of the same object.
func (m *merger) name(name string, first int) {
	if len(m.dst) > first {
		m.dst = append(m.dst, ',')
	}
	m.dst = append(AppendString(m.dst, []byte(name)), ':')
}

// patchObject is an object of a patch.
type patchObject struct {
	members []*patchMember
	byName  map[string]*patchMember
}

type patchMember struct {
	name   string
	raw    []byte       // for a value that is no object
	object *patchObject // for an object
	merged bool         // the old object has it
}

func (p *patchMember) removes() bool { return p.object == nil && p.raw[0] == 'n' }

// mergeReader reads stored JSON. It was checked before it was stored.
type mergeReader struct{ d *jsontext.Decoder }

func newMergeReader(text string) mergeReader {
	return mergeReader{jsontext.NewDecoder(bytes.NewBufferString(text), jsontext.AllowDuplicateNames(true))}
}

func (r mergeReader) token() jsontext.Token {
	t, err := r.d.ReadToken()
	if err != nil {
		panic("value: a stored JSON object does not parse: " + err.Error())
	}
	return t
}

// value reads a whole value. Its bytes are valid until the next call.
func (r mergeReader) value() jsontext.Value {
	v, err := r.d.ReadValue()
	if err != nil {
		panic("value: a stored JSON object does not parse: " + err.Error())
	}
	return v
}

// object reads the next object.
func (r mergeReader) object() *patchObject {
	o := &patchObject{byName: map[string]*patchMember{}}
	r.token()
	for r.d.PeekKind() != jsontext.KindEndObject {
		patch := &patchMember{name: r.token().String()}
		if r.d.PeekKind() == jsontext.KindBeginObject {
			patch.object = r.object()
		} else {
			patch.raw = bytes.Clone(r.value())
		}
		o.members, o.byName[patch.name] = append(o.members, patch), patch
	}
	r.token()
	return o
}
