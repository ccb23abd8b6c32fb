package openapi

import (
	"encoding/json"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func ref(kind, name string) object { return object{{"$ref", "#/components/" + kind + "/" + name}} }

// schemasOf returns the schemas of a table that its operations use.
func (d *document) schemasOf(t *model.Table) object {
	n, may := d.names[t], d.may[t]
	var out object
	if may.read && (may.create || may.update) { // a write answers with the whole row
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

// wholeRow describes the answer to a write. It has all members and no expansions.
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

// rowAbout describes a row for people.
func rowAbout(t *model.Table) string {
	if t.Doc == "" && t.Name == "users" {
		return "Who can be a caller."
	}
	if t.Doc == "" {
		return "A row of " + t.Name + "."
	}
	return sentence(t.Doc)
}

// row describes a row in the answer to a read. `fields` may leave out each member, and `expand` adds related rows. It has no
// limits: rows that are older than a limit may exceed it.
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

// follows reports whether clients can follow a relation. No caller sees rows of a closed table.
func (d *document) follows(rel *model.Relation) bool { return d.may[rel.To].read }

// related describes what `expand` adds for a relation.
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

// body describes the body of a create or of a merge patch.
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
		return f.Type == model.Text // the server assigns ids of other types
	}
	return !f.Optional && f.Default == nil
}

// shown describes a field in an answer.
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

// written describes a field in a body.
func (d *document) written(f *model.Field, creating bool) object {
	o := append(typeOf(f), limits(f)...)
	switch {
	case f.Type == model.JSON && !creating:
		o = anyJSON() // any object, since it is merged into the value of the field
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
