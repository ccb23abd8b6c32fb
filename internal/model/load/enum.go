package load

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxValues = 1000 // values of an enum
	maxValue  = 100  // code points of a value
)

func (l *loader) readValues(decl *fieldDecl, value *node) {
	items := l.readList(value, "values")
	switch {
	case value.kind == list && len(items) == 0:
		l.fault(value.pos, "an enum needs at least one value")
	case len(items) > maxValues:
		l.fault(value.pos, "the enum has %d values, but may have at most %d", len(items), maxValues)
		return
	}
	taken := make(map[string]bool) // names and former names
	for _, item := range items {
		read, ok := l.readValue(item)
		formerClashes := read.Was != "" && (taken[read.Was] || read.Was == read.Name)
		switch {
		case !ok:
		case taken[read.Name] || formerClashes:
			l.fault(item.pos, "the value %s, or its former name, is already in the list", read.Name)
		default:
			decl.field.Values = append(decl.field.Values, read)
		}
		taken[read.Name], taken[read.Was] = true, read.Was != ""
	}
}

func valueKeys() []string { return []string{"name", "was"} }

// readValue reads a value of an enum: its name, or {name, was}.
func (l *loader) readValue(item *node) (model.EnumValue, bool) {
	var read model.EnumValue
	var ok bool
	if item.kind != object {
		read.Name, ok = l.readValueName(item)
		return read, ok
	}
	ok = l.require(item, item.pos, "a value", "name")
	for _, key := range l.known(item, "a value", valueKeys()) {
		name, sound := l.readValueName(key.value)
		ok = ok && sound
		if key.name == "was" {
			read.Was = name
		} else {
			read.Name = name
		}
	}
	return read, ok
}

func (l *loader) readValueName(value *node) (string, bool) {
	name, ok := l.readText(value, "a value of an enum")
	if !ok {
		return "", false
	}
	hidden := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if name == "" || utf8.RuneCountInString(name) > maxValue || hidden || strings.TrimSpace(name) != name {
		l.fault(value.pos, "a value of an enum must be 1 to %d printable characters without spaces around them", maxValue)
		return "", false
	}
	return name, true
}
