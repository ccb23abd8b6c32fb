package openapi

import (
	"encoding/json"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func ref(kind, name string) object { return object{{"$ref", "#/components/" + kind + "/" + name}} }

// schemasOf are the schemas of a table, as far as its operations need them.
func (d *document) schemasOf(t *model.Table) object {
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
func (d *document) wholeRow(t *model.Table) object {
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
func rowAbout(t *model.Table) string {
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
func (d *document) row(t *model.Table) object {
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
func (d *document) follows(rel *model.Relation) bool { return d.may[rel.To].read }

// related is what `expand` puts beside a reference, or at a way back.
func (d *document) related(rel *model.Relation) object {
	n := d.names[rel.To]
	if rel.Many {
		return ref("schemas", n.one+listSuffix)
	}
	to := ref("schemas", n.one+partSuffix)
	if rel.From.View == nil && !rel.Field.Optional && rel.Field.Read == nil && rule.AlwaysTrue(d.rules.Table(rel.To).Read) {
		return to
	}
	return object{{"anyOf", []any{to, object{{"type", "null"}}}}}
}

func (d *document) page(t *model.Table) object {
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
func (d *document) body(t *model.Table, creating bool) object {
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

func (d *document) writable(f *model.Field, creating bool) bool {
	if f.Name == "created_at" || f.Name == "updated_at" || f.ReadOnly || f.Immutable && !creating {
		return false
	}
	write := d.rules.Field(f).Write
	return write == nil || !rule.NeverTrue(write)
}

func (d *document) mustBeGiven(f *model.Field) bool {
	if f.System {
		return f.Type == model.Text // an id of another type is assigned
	}
	return !f.Optional && f.Default == nil
}

// shown is the schema of a field in an answer.
func (d *document) shown(f *model.Field) object {
	o := typeOf(f)
	switch {
	case f.Type == model.Decimal:
		o.add("pattern", shownDecimal(f))
	case f.AsString:
		o.add("pattern", wholeNumber)
	}
	if f.Optional || d.rules.Field(f).Read != nil {
		o = nullable(f, o)
	}
	if about := d.about(f, true); about != "" {
		o.add("description", about)
	}
	if f.Name == "created_at" || f.Name == "updated_at" || f.ReadOnly {
		o.add("readOnly", true)
	}
	return o
}

// written is the schema of a field in a body.
func (d *document) written(f *model.Field, creating bool) object {
	o := append(typeOf(f), limits(f)...)
	switch {
	case f.Type == model.JSON && !creating:
		o = anyJSON() // any object will do, which is merged into what the field holds
	case f.Optional:
		o = nullable(f, o)
	}
	if creating {
		if c, ok := d.rules.Field(f).Default.(*rule.Const); ok && !c.Value.IsNull() {
			o.add("default", json.RawMessage(value.AppendMember(nil, f, c.Value)))
		}
	}
	about := d.about(f, false)
	if f.Type == model.JSON && !creating {
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
