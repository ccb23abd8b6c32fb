package openapi

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func ref(kind, name string) object { return object{{"$ref", "#/components/" + kind + "/" + name}} }

// schemasOf are the schemas of a table, as far as its operations need them.
func (d *document) schemasOf(t *schema.Table) object {
	n, may := d.names[t], d.may[t]
	var out object
	if may.read && (may.create || may.update) { // a write is answered with all of the row
		out.add(n.one, d.wholeRow(t))
	}
	if may.read {
		out.add(n.one+partSuffix, d.row(t))
		out.add(n.one+listSuffix, d.page(t))
	}
	if may.create {
		out.add(n.one+createSuffix, d.body(t, true))
	}
	if may.update {
		out.add(n.one+updateSuffix, d.body(t, false))
	}
	return out
}

// wholeRow is the answer to a write: no member is left out, none is expanded.
func (d *document) wholeRow(t *schema.Table) object {
	var properties object
	var required []string
	for _, f := range t.Fields {
		if !f.Secret {
			properties.add(f.Name, d.shown(f))
			required = append(required, f.Name)
		}
	}
	o := object{{"type", "object"}, {"description", rowAbout(t)}, {"properties", properties}, {"required", required}}
	return withExamples(o, d.sampleRow(t))
}

// rowAbout says what a row is.
func rowAbout(t *schema.Table) string {
	if t.Doc == "" && t.Name == "users" {
		return "Who can be a caller."
	}
	if t.Doc == "" {
		return "A row of " + t.Name + "."
	}
	return sentence(t.Doc)
}

// row is a row as a read shows it: `fields` may leave out each of its members, `expand` adds related rows. It tells the types of what is there, not the limits of what may be written: rows
// that are older than a limit stay as they are.
func (d *document) row(t *schema.Table) object {
	var properties object
	for _, f := range t.Fields {
		if !f.Secret {
			properties.add(f.Name, d.shown(f))
		}
		if f.RefName != "" && d.follows(t.Relation(f.RefName)) {
			properties.add(f.RefName, d.related(t.Relation(f.RefName)))
		}
	}
	for _, rel := range t.Relations {
		if rel.Many && d.follows(rel) {
			properties.add(rel.Name, d.related(rel))
		}
	}
	about := rowAbout(t) + " With `fields`, the members that it names and no others."
	return withExamples(object{{"type", "object"}, {"description", about}, {"properties", properties}}, d.sampleRow(t))
}

func withExamples(o object, samples []any) object {
	if samples == nil {
		return o
	}
	return o.with(member{"examples", samples})
}

// follows says whether a client has something to gain from a relation: no caller is shown the rows of a closed table.
func (d *document) follows(rel *schema.Relation) bool { return d.may[rel.To].read }

// related is what `expand` puts beside a reference, or at a way back.
func (d *document) related(rel *schema.Relation) object {
	n := d.names[rel.To]
	if rel.Many {
		return ref("schemas", n.one+listSuffix)
	}
	to := ref("schemas", n.one+partSuffix)
	if !rel.Field.Optional && rel.Field.Read == nil && rule.AlwaysTrue(d.rules.Table(rel.To).Read) {
		return to
	}
	return object{{"anyOf", []any{to, object{{"type", "null"}}}}}
}

func (d *document) page(t *schema.Table) object {
	return object{
		{"type", "object"},
		{"properties", object{
			{"items", object{{"type", "array"}, {"items", ref("schemas", d.names[t].one+partSuffix)}}},
			{"next", object{{"type", []string{"string", "null"}}, {"description", "The cursor of the page after this one; null where it is the last."}}},
			{"total", object{{"type", "integer"}, {"minimum", 0}, {"description", "How many rows pass the filter on all pages. Given where `total=true` asks for it."}}},
		}},
		{"required", []string{"items", "next"}},
	}
}

// body is what a client may write: the fields of a POST, or those of a merge patch.
func (d *document) body(t *schema.Table, creating bool) object {
	properties := object{}
	var required []string
	for _, f := range t.Fields {
		if !d.writable(f, creating) {
			continue
		}
		properties.add(f.Name, d.written(f, creating))
		if creating && d.mustBeGiven(f) {
			required = append(required, f.Name)
		}
	}
	o := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		o.add("required", required)
	}
	o.add("additionalProperties", false)
	return withExamples(o, d.sampleBody(t, creating))
}

func (d *document) writable(f *schema.Field, creating bool) bool {
	if f.Name == "created_at" || f.Name == "updated_at" || f.Immutable && !creating {
		return false
	}
	write := d.rules.Field(f).Write
	return write == nil || !rule.NeverTrue(write)
}

func (d *document) mustBeGiven(f *schema.Field) bool {
	if f.System {
		return f.Type == schema.Text // an id of another type is assigned
	}
	return !f.Optional && f.Default == nil
}

// shown is the schema of a field in an answer.
func (d *document) shown(f *schema.Field) object {
	o := typeOf(f)
	if f.Type == schema.Decimal {
		o.add("pattern", shownDecimal(f))
	}
	if f.Optional || d.rules.Field(f).Read != nil {
		o = nullable(f, o)
	}
	if about := d.about(f, true); about != "" {
		o.add("description", about)
	}
	if f.Name == "created_at" || f.Name == "updated_at" {
		o.add("readOnly", true)
	}
	return o
}

// written is the schema of a field in a body.
func (d *document) written(f *schema.Field, creating bool) object {
	o := append(typeOf(f), limits(f)...)
	if f.Type == schema.JSON && !creating {
		o = jsonPatch(o)
	}
	if f.Optional {
		o = nullable(f, o)
	}
	if creating {
		if c, ok := d.rules.Field(f).Default.(*rule.Const); ok && !c.Value.IsNull() {
			o.add("default", json.RawMessage(value.AppendValue(nil, c.Value)))
		}
	}
	about := d.about(f, false)
	if f.Type == schema.JSON && !creating {
		about = strings.TrimSpace(about + " " + mergeNote(f))
	}
	if about != "" {
		o.add("description", about)
	}
	if f.Secret {
		o.add("writeOnly", true)
	}
	return o
}

// typeOf is the schema of a field's type.
func typeOf(f *schema.Field) object {
	switch f.Type {
	case schema.Int:
		return object{{"type", "integer"}, {"format", "int64"}}
	case schema.Float:
		return object{{"type", "number"}, {"format", "double"}}
	case schema.Bool:
		return object{{"type", "boolean"}}
	case schema.Timestamp:
		return object{{"type", "string"}, {"format", "date-time"}}
	case schema.Date:
		return object{{"type", "string"}, {"format", "date"}}
	case schema.UUID:
		return object{{"type", "string"}, {"format", "uuid"}}
	case schema.Enum:
		values := make([]any, len(f.Values))
		for i, v := range f.Values {
			values[i] = v.Name
		}
		return object{{"type", "string"}, {"enum", values}}
	case schema.JSON:
		return jsonType(f)
	default: // Text, Decimal
		return object{{"type", "string"}}
	}
}

// anything but null, which is how a field is missing.
func notNull() object {
	return object{{"type", []string{"object", "array", "string", "number", "boolean"}}}
}

func jsonType(f *schema.Field) object {
	own, ok := embedded(f.JSONSchemaText)
	if !ok {
		return notNull()
	}
	return object{{"allOf", []any{own}}}
}

// jsonPatch admits any object beside a field's own values: it is merged into what the field holds.
func jsonPatch(o object) object {
	if o[0].name != "allOf" {
		return o // any object is among them already
	}
	return object{{"anyOf", append(o[0].value.([]any)[:1:1], object{{"type", "object"}})}}
}

func mergeNote(f *schema.Field) string {
	if f.JSONSchemaText == "" {
		return "An object is merged into what the field holds."
	}
	return "An object is merged into what the field holds, which must then be valid against its JSON Schema."
}

// nullable admits null beside a field's values.
func nullable(f *schema.Field, o object) object {
	if own, ok := o[0].value.([]any); ok && f.Type == schema.JSON && o[0].name != "type" {
		return object{{"anyOf", append(own[:len(own):len(own)], object{{"type", "null"}})}}
	}
	for i, m := range o {
		switch types := m.value.(type) {
		case string:
			if m.name == "type" {
				o[i].value = []string{types, "null"}
			}
		case []string:
			if m.name == "type" {
				o[i].value = append(types, "null")
			}
		case []any:
			if m.name == "enum" {
				o[i].value = append(types, nil)
			}
		}
	}
	return o
}

// limits are the keywords for what a value of the field's type must hold besides.
func limits(f *schema.Field) object {
	switch f.Type {
	case schema.Text:
		return textLimits(f)
	case schema.Int:
		return intLimits(f)
	case schema.Float:
		return floatLimits(f)
	case schema.Decimal:
		return decimalLimits(f)
	}
	return nil
}

func textLimits(f *schema.Field) object {
	var o object
	least := int64(0)
	if f.System {
		least = 1 // an empty id has no path
	}
	if f.Min != nil {
		least = max(least, *f.Min)
	}
	if least > 0 {
		o.add("minLength", least)
	}
	if f.Max != nil {
		o.add("maxLength", *f.Max)
	}
	switch f.Format {
	case "email":
		o.add("format", "idn-email")
		o.add("pattern", `^[^@\x00-\x20\x7f-\xa0]+@[^@\x00-\x20\x7f-\xa0]+$`)
	case "url":
		o.add("format", "uri")
		o.add("pattern", `^https?://`)
	case "slug":
		o.add("pattern", `^[a-z0-9]+(-[a-z0-9]+)*$`)
	default:
		if f.Pattern != nil {
			if p, ok := portable(f.Pattern.String()); ok {
				o.add("pattern", p)
			}
		}
	}
	return o
}

func intLimits(f *schema.Field) object {
	var o object
	if f.Min != nil {
		o.add("minimum", *f.Min)
	}
	if f.Max != nil {
		o.add("maximum", *f.Max)
	}
	return o
}

func floatLimits(f *schema.Field) object {
	var o object
	if f.MinFloat != nil {
		o.add("minimum", *f.MinFloat)
	}
	if f.MaxFloat != nil {
		o.add("maximum", *f.MaxFloat)
	}
	return o
}

// decimalLimits are a pattern and, since no keyword compares what a string holds, extensions of our own.
func decimalLimits(f *schema.Field) object {
	o := object{{"pattern", writtenDecimal(f)}}
	if f.Min != nil {
		o.add("x-minimum", decimalText(f, *f.Min))
	}
	if f.Max != nil {
		o.add("x-maximum", decimalText(f, *f.Max))
	}
	return o
}

// decimalText is a limit as a decimal is written.
func decimalText(f *schema.Field, unscaled int64) string {
	return strings.Trim(string(value.AppendValue(nil, value.OfDecimal(unscaled, uint8(f.Scale)))), `"`)
}

// shownDecimal has exactly the field's digits after the point.
func shownDecimal(f *schema.Field) string {
	if f.Scale == 0 {
		return `^-?[0-9]+$`
	}
	return fmt.Sprintf(`^-?[0-9]+\.[0-9]{%d}$`, f.Scale)
}

// writtenDecimal has as many digits as the field holds, zeros in front not counted. Its sign is where a limit says most
// about it that a pattern can.
func writtenDecimal(f *schema.Field) string {
	sign := `[+-]?`
	switch {
	case f.Min != nil && *f.Min >= 0:
		sign = `\+?`
	case f.Max != nil && *f.Max < 0:
		sign = `-`
	}
	whole := `0+`
	if n := f.Precision - f.Scale; n > 0 {
		whole = fmt.Sprintf(`0*[0-9]{1,%d}`, n)
	}
	if f.Scale == 0 {
		return `^` + sign + whole + `$`
	}
	return fmt.Sprintf(`^%s%s(\.[0-9]{1,%d})?$`, sign, whole, f.Scale)
}

// about is what a person should know of a field: its own words first, then what the keywords do not say.
func (d *document) about(f *schema.Field, shown bool) string {
	var notes []string
	if f.Doc != "" {
		notes = append(notes, sentence(f.Doc))
	}
	if f.Ref != nil {
		notes = append(notes, "The id of a row of "+f.Ref.Name+".")
	}
	if f.Type == schema.Decimal {
		notes = append(notes, decimalNote(f))
	}
	if shown {
		if d.rules.Field(f).Read != nil {
			notes = append(notes, "A rule decides who is shown it; to others it is null.")
		}
		return strings.Join(notes, " ")
	}
	if f.Pattern != nil {
		if p, ok := portable(f.Pattern.String()); !ok || p != f.Pattern.String() {
			notes = append(notes, "Must match `"+f.Pattern.String()+"` (RE2).")
		}
	}
	if f.JSONSchemaText != "" {
		if _, ok := embedded(f.JSONSchemaText); !ok {
			notes = append(notes, "Must be valid against the JSON Schema `"+f.JSONSchemaText+"`.")
		}
	}
	if f.Default != nil && !f.Default.Bare {
		if _, constant := d.rules.Field(f).Default.(*rule.Const); !constant {
			notes = append(notes, "Where it is not given: `"+f.Default.Text+"`.")
		}
	}
	if f.Immutable && !f.System {
		notes = append(notes, "Set once, when the row is created.")
	}
	if d.rules.Field(f).Write != nil {
		notes = append(notes, "A rule decides who may write it.")
	}
	if f.System {
		notes = append(notes, idNote(f))
	}
	return strings.Join(notes, " ")
}

func idNote(f *schema.Field) string {
	if f.Type == schema.Text {
		return "The name of the row in paths and references."
	}
	return "Assigned where it is not given."
}

func decimalNote(f *schema.Field) string {
	note := fmt.Sprintf("A decimal in a string, with up to %d digits before the point and %d after it", f.Precision-f.Scale, f.Scale)
	switch {
	case f.Min != nil && f.Max != nil:
		note += ", from " + decimalText(f, *f.Min) + " to " + decimalText(f, *f.Max)
	case f.Min != nil:
		note += ", at least " + decimalText(f, *f.Min)
	case f.Max != nil:
		note += ", at most " + decimalText(f, *f.Max)
	}
	return note + "."
}

// sentence ends text with a point and begins it with a capital.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s != "" && 'a' <= s[0] && s[0] <= 'z' {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// idSchema is the schema of an id in a path.
func idSchema(t *schema.Table) object {
	switch t.Key {
	case schema.Text:
		return append(object{{"type", "string"}}, textLimits(t.ID())...)
	case schema.Int:
		return object{{"type", "integer"}, {"format", "int64"}, {"minimum", int64(math.MinInt64)}, {"maximum", int64(math.MaxInt64)}}
	default:
		return typeOf(t.ID())
	}
}
