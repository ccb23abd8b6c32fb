package load

import "github.com/ashlar-dev/ashlar/internal/model"

// fieldKey is a key of a field.
type fieldKey struct {
	name  string
	types typeSet
	read  func(l *loader, decl *fieldDecl, value *node) // nil for a key read at another time
}

// fieldKeys lists the keys in reading order: min needs scale, and default needs values.
func fieldKeys() []fieldKey {
	numbers := types(model.Int, model.Float, model.Decimal)
	return []fieldKey{
		{"type", 0, nil},
		{"ref", 0, nil},
		{"reverse", reference, nil}, // link reads it when all fields are known
		{"on_delete", reference, (*loader).readOnDelete},
		{"link", reference, readFlag("link", func(field *model.Field) *bool { return &field.Link })},
		{"doc", 0, func(l *loader, decl *fieldDecl, value *node) { decl.field.Doc, _ = l.readText(value, "doc") }},
		{"was", 0, (*loader).readFieldWas},
		{"optional", 0, readFlag("optional", func(field *model.Field) *bool { return &field.Optional })},
		{"unique", ^types(model.JSON), readFlag("unique", func(field *model.Field) *bool { return &field.Unique })},
		{"index", ^types(model.JSON), readFlag("index", func(field *model.Field) *bool { return &field.Index })},
		{"immutable", 0, readFlag("immutable", func(field *model.Field) *bool { return &field.Immutable })},
		{"secret", 0, readFlag("secret", func(field *model.Field) *bool { return &field.Secret })},
		{"read", 0, readRule("read", func(field *model.Field) **model.Expr { return &field.Read })},
		{"write", 0, readRule("write", func(field *model.Field) **model.Expr { return &field.Write })},
		{"precision", types(model.Decimal), (*loader).readPrecision},
		{"scale", types(model.Decimal), (*loader).readScale},
		{"values", types(model.Enum), (*loader).readValues},
		{"as", types(model.Int), (*loader).readAs},
		{"min", numbers | types(model.Text), (*loader).readMin},
		{"max", numbers | types(model.Text), (*loader).readMax},
		{"pattern", types(model.Text), (*loader).readPattern},
		{"format", types(model.Text), (*loader).readFormat},
		{"schema", types(model.JSON), (*loader).readSchema},
		{"default", 0, (*loader).readDefault},
	}
}

// readFlag returns a reader of a key with the value true or false.
func readFlag(name string, flag func(*model.Field) *bool) func(*loader, *fieldDecl, *node) {
	return func(l *loader, decl *fieldDecl, value *node) { *flag(decl.field) = l.readBool(value, name) }
}

// readRule returns a reader of a key with an expression.
func readRule(name string, rule func(*model.Field) **model.Expr) func(*loader, *fieldDecl, *node) {
	return func(l *loader, decl *fieldDecl, value *node) { *rule(decl.field) = l.readExpr(value, name) }
}

func fieldKeyNames() []string {
	keys := fieldKeys()
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.name
	}
	return names
}

// uselessInView returns the reason against the key in a field of a view, or "".
func (k fieldKey) uselessInView() string {
	switch k.name {
	case "type", "ref", "reverse", "doc", "optional", "read", "precision", "scale", "values", "as":
		return ""
	case "secret":
		return "leave it out of the query"
	case "unique", "index":
		return "the query uses the indexes of the tables that it reads"
	case "on_delete", "was":
		return "a view stores no rows"
	}
	return "the query makes its value, and nobody writes it"
}

// readAs reads the form of an int in JSON. `as: string` is the only choice besides a number.
func (l *loader) readAs(decl *fieldDecl, value *node) {
	_, decl.field.AsString = l.readChoice(value, "as", asWords())
}

func asWords() []string { return []string{"string"} }

func (l *loader) readOnDelete(decl *fieldDecl, value *node) {
	i, _ := l.readChoice(value, "on_delete", onDeleteWords())
	decl.field.OnDelete = model.OnDelete(max(i, 0))
}

func onDeleteWords() []string {
	return []string{model.Restrict.String(), model.Cascade.String(), model.Clear.String()}
}

func (l *loader) readFieldWas(decl *fieldDecl, value *node) {
	was := l.readWas(value, yamlName(decl.field))
	if was != "" && decl.field.RefName != "" {
		was += "_id"
	}
	decl.field.Was = was
}
