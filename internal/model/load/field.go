package load

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// declareField adds a field to its table. A field without a valid type becomes Invalid.
func (l *loader) declareField(table *tableDecl, declared member) {
	if !l.checkFieldName(table.table, declared) {
		return
	}
	if builtIn := table.table.Field(declared.name); builtIn != nil && isUserField(builtIn) {
		l.refineUserField(builtIn, declared)
		return
	}
	decl := &fieldDecl{
		field: &model.Field{Name: declared.name, Pos: declared.pos},
		value: l.fieldValue(declared), pos: declared.pos,
	}
	l.readType(decl)
	if other := table.table.Field(decl.field.Name); other != nil {
		l.fault(declared.pos, "the reference %s makes the column %s, which is declared too: rename one of them",
			cmp.Or(decl.field.RefName, other.RefName), other.Name)
		return
	}
	table.table.AddField(decl.field)
	table.fields = append(table.fields, decl)
	l.readFieldKeys(decl)
}

func isUserField(field *model.Field) bool {
	return field.Table.Name == usersTable && (field.Name == "email" || field.Name == "name")
}

// fieldValue returns the keys of a field. If it has none, fieldValue reports it and returns an empty node.
func (l *loader) fieldValue(declared member) *node {
	value := declared.value
	if value.kind == text {
		l.fault(value.pos, "a field must be a group of keys: write %s: {type: %s}", declared.name, cmp.Or(foreignType(value), value.text))
		return &node{}
	}
	if !l.isObject(value, "a field") {
		return &node{}
	}
	return value
}

func (l *loader) checkFieldName(table *model.Table, declared member) bool {
	isTime := declared.name == "created_at" || declared.name == "updated_at"
	switch {
	case declared.name == "id":
		l.fault(declared.pos, "every %s has an id: give its type as `key:` of the %s", kindOf(table), kindOf(table))
	case table.View == nil && isTime:
		l.fault(declared.pos, "every table has %s, which the server sets: remove it here", declared.name)
	default:
		l.checkMemberName(declared.pos, "field", declared.name)
		return true // also for an invalid name, since expressions may use it
	}
	return false
}

// readType reads the keys for the type of a field.
func (l *loader) readType(decl *fieldDecl) {
	word, ref := decl.value.get("type"), decl.value.get("ref")
	switch {
	case decl.value.kind != object:
	case word != nil && ref != nil:
		l.fault(word.pos, "a reference has the type of the key that it refers to: remove `type:`")
		l.readRef(decl, ref)
	case ref != nil:
		l.readRef(decl, ref)
	case word != nil:
		l.readTypeWord(decl, word)
	case !decl.value.incomplete && !hasUnknownKey(decl.value):
		l.fault(decl.pos, "the field %s needs the key type, or the key ref if it is a reference", decl.field.Name)
	}
}

func hasUnknownKey(value *node) bool {
	return slices.ContainsFunc(value.members, func(key member) bool { return !slices.Contains(fieldKeyNames(), key.name) })
}

func (l *loader) readTypeWord(decl *fieldDecl, word *node) {
	if word.kind == text && slices.Contains([]string{"ref", "reference", "relation", "foreign_key"}, word.text) {
		l.fault(word.pos, "a reference names its table: write {ref: users}")
		return
	}
	if meant := foreignType(word); meant != "" {
		l.fault(word.pos, "type cannot be %s; did you mean %s?", quote(word.text), meant)
		return
	}
	if i, ok := l.readChoice(word, "type", typeWords()); ok {
		decl.field.Type = model.Types()[i]
	}
}

func typeWords() []string {
	var words []string
	for _, typ := range model.Types() {
		words = append(words, typ.String())
	}
	return words
}

// readRef makes a field a reference.
func (l *loader) readRef(decl *fieldDecl, value *node) {
	field := decl.field
	field.RefName, field.Name = field.Name, field.Name+"_id"
	if short, ok := strings.CutSuffix(field.RefName, "_id"); ok && short != "" {
		l.fault(decl.pos, "name the reference %s: its column is then named %s", short, field.RefName)
	}
	name, ok := l.readText(value, "ref")
	if !ok {
		return
	}
	target := l.model.Table(name)
	switch {
	case target != nil && target.View != nil:
		l.fault(value.pos, "%s is a view: a reference must name a table", name)
	case target != nil:
		field.Ref, field.Type = target, target.Key
	case !l.missing:
		l.noTable(value.pos, name)
	}
}

// noTable reports the name of a missing table.
func (l *loader) noTable(at model.Pos, name string) {
	names := make([]string, len(l.model.Tables))
	for i, table := range l.model.Tables {
		names[i] = table.Name
	}
	l.fault(at, "there is no table %s%s", quote(name), suggest.DidYouMean(name, names))
}

// readFieldKeys reads the other keys of a field, if its type allows them.
func (l *loader) readFieldKeys(decl *fieldDecl) {
	l.known(decl.value, "a field", fieldKeyNames())
	for _, key := range fieldKeys() {
		value := decl.value.get(key.name)
		if value == nil || value.kind == invalid {
			continue
		}
		if decl.field.Table.View != nil && key.uselessInView() != "" {
			l.fault(value.pos, "a field of a view cannot have %s: %s", key.name, key.uselessInView())
			continue
		}
		if !key.types.has(decl.field) {
			l.fault(value.pos, "%s cannot have %s, which is for %s", describe(decl.field), key.name, key.types)
			continue
		}
		if key.read != nil {
			key.read(l, decl, value)
		}
	}
	l.checkField(decl)
}

// checkField checks the keys of a field against each other.
func (l *loader) checkField(decl *fieldDecl) {
	field := decl.field
	emptyRange := field.Min != nil && field.Max != nil && *field.Min > *field.Max
	emptyFloatRange := field.MinFloat != nil && field.MaxFloat != nil && *field.MinFloat > *field.MaxFloat
	switch {
	case field.Type == model.Decimal && l.lacks(decl, "precision", "scale"):
		field.Type = model.Invalid
	case field.Type == model.Enum && (l.lacks(decl, "values") || len(field.Values) == 0):
		field.Type = model.Invalid
	case emptyRange || emptyFloatRange:
		l.fault(decl.value.get("min").pos, "min is greater than max")
	}
	l.checkSecret(decl)
	if field.OnDelete == model.Clear && !field.Optional {
		l.fault(decl.value.get("on_delete").pos, "on_delete: clear empties the reference: add optional: true")
	}
}

func (l *loader) lacks(decl *fieldDecl, keys ...string) bool {
	return !l.require(decl.value, decl.pos, describe(decl.field), keys...)
}

func (l *loader) checkSecret(decl *fieldDecl) {
	field := decl.field
	switch {
	case !field.Secret:
	case field.RefName != "":
		l.fault(decl.value.get("secret").pos, "a reference cannot be secret: its relation would reveal it")
	case field.Unique || field.Index:
		l.fault(decl.value.get("secret").pos, "a secret cannot be unique or indexed: a conflict would reveal its value")
	case field.Read != nil:
		l.fault(field.Read.Pos, "nobody reads a secret, so its read rule has no effect: remove one of the two")
	}
}
