package load

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// fieldDecl is a field as the file has it, while the model is built.
type fieldDecl struct {
	f   *model.Field
	obj *node
	pos model.Pos
}

// declareField makes a field, and a fault for whatever is wrong with it. A field without a sound type is Bad.
func (l *loader) declareField(d *tableDecl, m member) {
	if !l.checkFieldName(d.t, m) {
		return
	}
	if f := d.t.Field(m.name); d.t.Name == usersTable && f != nil && (m.name == "email" || m.name == "name") {
		l.refineUserField(f, m)
		return
	}
	fd := &fieldDecl{f: &model.Field{Name: m.name, Pos: m.pos}, obj: m.value, pos: m.pos}
	if m.value.kind == text {
		l.fault(m.value.pos, "a field is a group of keys: write %s: {type: %s}", m.name, cmp.Or(foreignType(m.value), m.value.text))
		fd.obj = &node{}
	} else if !l.isObject(m.value, "a field") {
		fd.obj = &node{}
	}
	l.readType(fd)
	if other := d.t.Field(fd.f.Name); other != nil {
		l.fault(m.pos, "the reference %s makes the column %s, which is declared too: rename one of the two",
			cmp.Or(fd.f.RefName, other.RefName), other.Name)
		return
	}
	d.t.AddField(fd.f)
	d.fields = append(d.fields, fd)
	l.readFieldKeys(fd)
}

func (l *loader) checkFieldName(t *model.Table, m member) bool {
	switch {
	case m.name == "id":
		l.fault(m.pos, "every %s has an id: give its type with `key:` of the %s", kindOf(t), kindOf(t))
	case t.View == nil && (m.name == "created_at" || m.name == "updated_at"):
		l.fault(m.pos, "every table has %s, set by the server: remove it here", m.name)
	default:
		l.checkMemberName(m.pos, "field", m.name)
		return true // also with an odd name, since expressions may use it
	}
	return false
}

// readType reads the keys that say what a field holds.
func (l *loader) readType(fd *fieldDecl) {
	word, ref := fd.obj.get("type"), fd.obj.get("ref")
	switch {
	case fd.obj.kind != object:
	case word != nil && ref != nil:
		l.fault(word.pos, "a reference has the type of the key that it refers to: remove `type:`")
		l.readRef(fd, ref)
	case ref != nil:
		l.readRef(fd, ref)
	case word == nil && !fd.obj.holes && len(l.unknownKeys(fd.obj)) == 0:
		l.fault(fd.pos, "the field %s needs the key type, or ref where it refers to a table", fd.f.Name)
	case word != nil && word.kind == text && slices.Contains([]string{"ref", "reference", "relation", "foreign_key"}, word.text):
		l.fault(word.pos, "a reference names its table: write {ref: users}")
	case word != nil:
		if meant := foreignType(word); meant != "" {
			l.fault(word.pos, "type cannot be %s; did you mean %s?", quoteShort(word.text), meant)
		} else if i, ok := l.readChoice(word, "type", typeWords()); ok {
			fd.f.Type = model.Types()[i]
		}
	}
}

// foreignType says which type a type of another language means, "" where none is known.
func foreignType(n *node) string {
	if n.kind != text {
		return ""
	}
	switch strings.ToLower(n.text) {
	case "string", "varchar", "char", "str":
		return "text"
	case "integer", "bigint", "smallint", "int64", "int32", "long":
		return "int"
	case "number":
		return "int or decimal"
	case "double", "real":
		return "float"
	case "numeric", "money", "currency":
		return "decimal"
	case "boolean":
		return "bool"
	case "datetime", "timestamptz":
		return "timestamp"
	case "list", "array", "object", "map", "jsonb":
		return "json"
	}
	return ""
}

func typeWords() []string {
	var words []string
	for _, t := range model.Types() {
		words = append(words, t.String())
	}
	return words
}

// readRef makes fd a reference.
func (l *loader) readRef(fd *fieldDecl, n *node) {
	f := fd.f
	f.RefName, f.Name = f.Name, f.Name+"_id"
	if strings.HasSuffix(f.RefName, "_id") && f.RefName != "_id" {
		l.fault(fd.pos, "name the reference %s: its column is then %s", strings.TrimSuffix(f.RefName, "_id"), f.RefName)
	}
	name, ok := l.readText(n, "ref")
	if !ok {
		return
	}
	f.Ref = l.m.Table(name)
	switch {
	case f.Ref != nil && f.Ref.View != nil:
		l.fault(n.pos, "%s is a view: a reference leads to a table", name)
		f.Ref = nil
	case f.Ref != nil:
		f.Type = f.Ref.Key
	case !l.unread:
		l.fault(n.pos, "there is no table %s%s", quoteShort(name), suggest.DidYouMean(name, l.tableNames()))
	}
}

func (l *loader) tableNames() []string {
	names := make([]string, len(l.m.Tables))
	for i, t := range l.m.Tables {
		names[i] = t.Name
	}
	return names
}

// readFieldKeys reads all other keys of a field, those of its type only.
func (l *loader) readFieldKeys(fd *fieldDecl) {
	l.known(fd.obj, "a field", fieldKeyNames())
	for _, key := range fieldKeys() {
		n := fd.obj.get(key.name)
		if n == nil || n.kind == refused || key.read == nil {
			continue
		}
		if why := key.uselessIn(fd.f.Table); why != "" {
			l.fault(n.pos, "a field of a view cannot have %s: %s", key.name, why)
			continue
		}
		if !key.fits(fd.f) {
			l.fault(n.pos, "%s cannot have %s: it is for %s", describe(fd.f), key.name, key.types)
			continue
		}
		key.read(l, fd, n)
	}
	l.finishField(fd)
}

func (l *loader) unknownKeys(n *node) []string {
	var unknown []string
	for _, m := range n.members {
		if !isFieldKey(m.name) {
			unknown = append(unknown, m.name)
		}
	}
	return unknown
}

// describe names what kind of field this is, for a message.
func describe(f *model.Field) string {
	switch {
	case f.RefName != "":
		return "a reference"
	case f.Type == model.Int || f.Type == model.Enum:
		return "an " + f.Type.String() + " field"
	}
	return "a " + f.Type.String() + " field"
}

// finishField checks what keys say together.
func (l *loader) finishField(fd *fieldDecl) {
	f := fd.f
	switch {
	case f.Type == model.Decimal && l.lacks(fd, "precision", "scale"):
		f.Type = model.Invalid
	case f.Type == model.Enum && (l.lacks(fd, "values") || len(f.Values) == 0):
		f.Type = model.Invalid
	case f.Min != nil && f.Max != nil && *f.Min > *f.Max, f.MinFloat != nil && f.MaxFloat != nil && *f.MinFloat > *f.MaxFloat:
		l.fault(fd.obj.get("min").pos, "min is greater than max")
	}
	l.checkSecret(fd)
	l.checkOnDelete(fd)
}

func (l *loader) lacks(fd *fieldDecl, keys ...string) bool {
	return !l.require(fd.obj, fd.pos, describe(fd.f), keys...)
}

func (l *loader) checkSecret(fd *fieldDecl) {
	f := fd.f
	switch {
	case !f.Secret:
	case f.RefName != "":
		l.fault(fd.obj.get("secret").pos, "a reference cannot be secret: its relation would tell")
	case f.Unique || f.Index:
		l.fault(fd.obj.get("secret").pos, "a secret cannot be unique or indexed: a conflict would tell its value")
	case f.Read != nil:
		l.fault(f.Read.Pos, "a secret is never read, so a read rule has no meaning: remove one of the two")
	}
}

func (l *loader) checkOnDelete(fd *fieldDecl) {
	if fd.f.OnDelete == model.Clear && !fd.f.Optional {
		l.fault(fd.obj.get("on_delete").pos, "on_delete: clear makes the reference missing: it needs optional: true")
	}
}
