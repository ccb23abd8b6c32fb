package load

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// typeSet is a set of types; reference stands for every reference, whatever its type. The empty set is all of them.
type typeSet uint16

const reference typeSet = 1 << 15

func only(types ...model.Type) typeSet {
	var s typeSet
	for _, t := range types {
		s |= 1 << t
	}
	return s
}

func (s typeSet) String() string {
	var words []string
	for t := model.Text; t <= model.JSON; t++ {
		if s&only(t) != 0 {
			words = append(words, t.String())
		}
	}
	if s&reference != 0 {
		words = append(words, "references")
	}
	return sentence(words)
}

// fieldKey is a key that a field may have.
type fieldKey struct {
	name  string
	types typeSet
	read  func(l *loader, fd *fieldDecl, n *node) // nil: read beforehand
}

// fits says whether the field may have the key. A field whose type is not known may have any.
func (k fieldKey) fits(f *model.Field) bool {
	switch {
	case k.types == 0:
		return true
	case f.RefName != "":
		return k.types&reference != 0
	}
	return f.Type == model.Invalid || k.types&only(f.Type) != 0
}

// fieldKeys lists the keys in the order in which they are read: min needs scale, default needs values.
func fieldKeys() []fieldKey {
	numbers := only(model.Int, model.Float, model.Decimal)
	return []fieldKey{
		{"type", 0, nil},
		{"ref", 0, nil},
		{"reverse", reference, func(*loader, *fieldDecl, *node) {}}, // when all fields are known, by link
		{"on_delete", reference, (*loader).readOnDelete},
		{"link", reference, func(l *loader, fd *fieldDecl, n *node) { fd.f.Link = l.readBool(n, "link") }},
		{"doc", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Doc, _ = l.readText(n, "doc") }},
		{"was", 0, (*loader).readFieldWas},
		{"optional", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Optional = l.readBool(n, "optional") }},
		{"unique", ^only(model.JSON), func(l *loader, fd *fieldDecl, n *node) { fd.f.Unique = l.readBool(n, "unique") }},
		{"index", ^only(model.JSON), func(l *loader, fd *fieldDecl, n *node) { fd.f.Index = l.readBool(n, "index") }},
		{"immutable", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Immutable = l.readBool(n, "immutable") }},
		{"secret", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Secret = l.readBool(n, "secret") }},
		{"read", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Read = l.readExpr(n, "read") }},
		{"write", 0, func(l *loader, fd *fieldDecl, n *node) { fd.f.Write = l.readExpr(n, "write") }},
		{"precision", only(model.Decimal), (*loader).readPrecision},
		{"scale", only(model.Decimal), (*loader).readScale},
		{"values", only(model.Enum), (*loader).readValues},
		{"as", only(model.Int), (*loader).readAs},
		{"min", numbers | only(model.Text), (*loader).readMin},
		{"max", numbers | only(model.Text), (*loader).readMax},
		{"pattern", only(model.Text), (*loader).readPattern},
		{"format", only(model.Text), (*loader).readFormat},
		{"schema", only(model.JSON), (*loader).readSchema},
		{"default", 0, (*loader).readDefault},
	}
}

func fieldKeyNames() []string {
	keys := fieldKeys()
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

func isFieldKey(name string) bool {
	for _, k := range fieldKeys() {
		if k.name == name {
			return true
		}
	}
	return false
}

// readAs reads how JSON has an int: `as: string` is the only choice beside a number.
func (l *loader) readAs(fd *fieldDecl, n *node) {
	_, fd.f.AsString = l.readChoice(n, "as", asWords())
}

func asWords() []string { return []string{"string"} }

func (l *loader) readOnDelete(fd *fieldDecl, n *node) {
	i, _ := l.readChoice(n, "on_delete", onDeleteWords())
	fd.f.OnDelete = model.OnDelete(max(i, 0))
}

func onDeleteWords() []string {
	return []string{model.Restrict.String(), model.Cascade.String(), model.Clear.String()}
}

func (l *loader) readFieldWas(fd *fieldDecl, n *node) {
	fd.f.Was = l.readWas(n, yamlName(fd.f))
	if fd.f.Was != "" && fd.f.RefName != "" {
		fd.f.Was += "_id"
	}
}

func (l *loader) readPrecision(fd *fieldDecl, n *node) {
	i, ok := l.readInt(n, "precision", 1, 18)
	if fd.f.Precision = int(i); !ok {
		fd.f.Type = model.Invalid
	}
}

func (l *loader) readScale(fd *fieldDecl, n *node) {
	i, ok := l.readInt(n, "scale", 0, 18)
	switch fd.f.Scale = int(i); {
	case !ok:
		fd.f.Type = model.Invalid
	case fd.f.Type != model.Invalid && fd.f.Precision > 0 && fd.f.Scale > fd.f.Precision:
		l.fault(n.pos, "scale, the digits after the point, cannot be more than precision, all digits")
		fd.f.Type = model.Invalid
	}
}

// maxText bounds what min and max of a text may say: no request body is larger.
const maxText = 1 << 20

func (l *loader) readMin(fd *fieldDecl, n *node) {
	fd.f.Min, fd.f.MinFloat = l.readBound(fd.f, n, "min", 0)
}
func (l *loader) readMax(fd *fieldDecl, n *node) {
	fd.f.Max, fd.f.MaxFloat = l.readBound(fd.f, n, "max", 1)
}

// readBound reads min or max in the unit of the field's type.
func (l *loader) readBound(f *model.Field, n *node, what string, leastText int64) (*int64, *float64) {
	var i int64
	var ok bool
	switch f.Type {
	case model.Float:
		x, ok := l.readFloat(n, what)
		if ok {
			return nil, &x
		}
		return nil, nil
	case model.Text:
		i, ok = l.readInt(n, what, leastText, maxText)
	case model.Int:
		i, ok = l.readInt(n, what, -1<<63, 1<<63-1)
	case model.Decimal:
		if f.Precision > 0 && f.Scale <= f.Precision {
			i, ok = l.readDecimal(n, what, f.Precision, f.Scale)
		}
	}
	if !ok {
		return nil, nil
	}
	return &i, nil
}

// maxPattern bounds the text of a pattern; RE2 matches in time linear to it.
const maxPattern = 1000

func (l *loader) readPattern(fd *fieldDecl, n *node) {
	pattern, ok := l.readText(n, "pattern")
	if !ok {
		return
	}
	if len(pattern) > maxPattern {
		l.fault(n.pos, "the pattern has more than %d bytes", maxPattern)
		return
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		l.fault(n.pos, "the pattern is no RE2 expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	fd.f.Pattern = re
}

func formatWords() []string { return []string{"email", "url", "slug"} }

func (l *loader) readFormat(fd *fieldDecl, n *node) {
	if i, ok := l.readChoice(n, "format", formatWords()); ok {
		fd.f.Format = formatWords()[i]
	}
}

const (
	maxValues = 1000 // of one enum
	maxValue  = 100  // code points of one of them
)

func (l *loader) readValues(fd *fieldDecl, n *node) {
	items := l.readList(n, "values")
	switch {
	case n.kind == list && len(items) == 0:
		l.fault(n.pos, "an enum needs at least one value")
	case len(items) > maxValues:
		l.fault(n.pos, "the enum has %d values; %d are the most", len(items), maxValues)
		return
	}
	taken := make(map[string]bool) // names and former names
	for _, item := range items {
		v, ok := l.readValue(item)
		switch {
		case !ok:
		case taken[v.Name] || v.Was != "" && (taken[v.Was] || v.Was == v.Name):
			l.fault(item.pos, "the value %s is, or was, in the list already", v.Name)
		default:
			fd.f.Values = append(fd.f.Values, v)
		}
		taken[v.Name], taken[v.Was] = true, v.Was != ""
	}
}

// readValue reads a value: its name, or {name, was}.
func (l *loader) readValue(n *node) (model.EnumValue, bool) {
	if n.kind != object {
		name, ok := l.readValueName(n)
		return model.EnumValue{Name: name}, ok
	}
	var v model.EnumValue
	ok := l.require(n, n.pos, "a value", "name")
	for _, m := range l.known(n, "a value", valueKeys()) {
		name, sound := l.readValueName(m.value)
		ok = ok && sound
		if m.name == "was" {
			v.Was = name
		} else {
			v.Name = name
		}
	}
	return v, ok
}

func valueKeys() []string { return []string{"name", "was"} }

func (l *loader) readValueName(n *node) (string, bool) {
	name, ok := l.readText(n, "a value of an enum")
	if !ok {
		return "", false
	}
	hidden := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if name == "" || utf8.RuneCountInString(name) > maxValue || hidden || strings.TrimSpace(name) != name {
		l.fault(n.pos, "a value of an enum is 1 to %d printable characters, without blanks around it", maxValue)
		return "", false
	}
	return name, true
}

// readDefault reads a default. true, 5 and 1.5 are constants, and so is a plain word that is a value of an enum; any
// other text is an expression.
func (l *loader) readDefault(fd *fieldDecl, n *node) {
	switch {
	case fd.f.Type == model.JSON && n.kind != refused:
		l.fault(n.pos, "a json field cannot have a default: no expression makes json; say optional: true, or let clients send it")
		return
	case n.kind == null && fd.f.Optional:
		l.fault(n.pos, "an optional field is missing where nothing is given: remove the default")
		return
	case n.kind == null:
		l.fault(n.pos, "a default cannot be missing: where the field may be missing, say optional: true")
		return
	case n.kind == text && looksLikeTime(n.text) && (!n.quoted() || fd.f.Type == model.Date || fd.f.Type == model.Timestamp):
		l.fault(n.pos, "write date('2026-01-31') or timestamp('2026-01-31T12:00:00Z')")
		return
	}
	e := l.readExpr(n, "default")
	if e == nil {
		return
	}
	number := n.kind == integer || n.kind == float
	if number && !plainNumber.MatchString(n.text) {
		l.fault(n.pos, "the default %s is no number as JSON writes them", n.text)
		return
	}
	e.Constant = number || n.kind == boolean || fd.f.Type == model.Enum && !n.quoted() && isWord(n.text) && fd.f.HasValue(n.text)
	fd.f.Default = e
}

var timeShape = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$`)

func looksLikeTime(s string) bool { return timeShape.MatchString(s) }

// isWord says whether s is one word, which might also be a name in an expression.
func isWord(s string) bool { return !strings.ContainsFunc(s, unicode.IsSpace) }
