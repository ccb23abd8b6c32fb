package openapi

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// schemasOf returns the schemas used by the operations of a table.
func (d *document) schemasOf(table *model.Table) object {
	n, may := d.names[table], d.may[table]
	var out object
	if may.read && (may.create || may.update) { // a write answers with the whole row
		out.add(n.one, d.wholeRow(table))
	}
	if may.read {
		out.add(n.one+partSuffix, d.row(table))
		out.add(n.one+listSuffix, d.page(table))
	}
	if may.create {
		out.add(n.one+createSuffix, d.body(table, true))
	}
	if may.update {
		out.add(n.one+updateSuffix, d.body(table, false))
	}
	return out
}

// wholeRow describes the answer to a write. It has all members and no expansions.
func (d *document) wholeRow(table *model.Table) object {
	var properties object
	var required []string
	for _, field := range table.Fields {
		if !field.Secret {
			properties.add(field.Name, d.shown(field))
			required = append(required, field.Name)
		}
	}
	obj := object{{"type", "object"}, {"description", rowAbout(table)}, {"properties", properties}, {"required", required}}
	return withExamples(obj, d.sampleRow(table))
}

// rowAbout describes a row for people.
func rowAbout(table *model.Table) string {
	if table.Doc == "" && table.Name == "users" {
		return "Who can be a caller."
	}
	if table.Doc == "" {
		return "A row of " + table.Name + "."
	}
	return sentence(table.Doc)
}

// row describes a row in the answer to a read. `fields` may leave out each member, and `expand` adds related rows. It
// has no limits: a row older than a limit may exceed it.
func (d *document) row(table *model.Table) object {
	var properties object
	for _, field := range table.Fields {
		if !field.Secret {
			properties.add(field.Name, d.shown(field))
		}
		if field.RefName != "" && d.follows(table.Relation(field.RefName)) {
			properties.add(field.RefName, d.related(table.Relation(field.RefName)))
		}
	}
	for _, rel := range table.Relations {
		if rel.Many && d.follows(rel) {
			properties.add(rel.Name, d.related(rel))
		}
	}
	about := rowAbout(table) + " With `fields`, the members that it names and no others."
	return withExamples(object{{"type", "object"}, {"description", about}, {"properties", properties}}, d.sampleRow(table))
}

func withExamples(obj object, samples []any) object {
	if samples == nil {
		return obj
	}
	return obj.with(member{"examples", samples})
}

// follows reports whether clients can follow a relation. No caller sees rows of a closed table.
func (d *document) follows(rel *model.Relation) bool { return d.may[rel.To].read }

// related describes the rows added by `expand` for a relation.
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

func (d *document) page(table *model.Table) object {
	return object{
		{"type", "object"},
		{"properties", object{
			{"items", object{{"type", "array"}, {"items", ref("schemas", d.names[table].one+partSuffix)}}},
			{"next", object{{"type", []string{"string", "null"}}, {"description", "The cursor of the page after this one; null where it is the last."}}},
			{"total", object{{"type", "integer"}, {"minimum", 0}, {"description", "How many rows pass the filter on all pages. Given where `total=true` asks for it."}}},
		}},
		{"required", []string{"items", "next"}},
	}
}

// body describes the body of a create or of a merge patch.
func (d *document) body(table *model.Table, creating bool) object {
	properties := object{}
	var required []string
	for _, field := range table.Fields {
		if !d.writable(field, creating) {
			continue
		}
		properties.add(field.Name, d.written(field, creating))
		if creating && d.mustBeGiven(field) {
			required = append(required, field.Name)
		}
	}
	obj := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		obj.add("required", required)
	}
	obj.add("additionalProperties", false)
	return withExamples(obj, d.sampleBody(table, creating))
}

func (d *document) writable(field *model.Field, creating bool) bool {
	if field.Name == "created_at" || field.Name == "updated_at" || field.ReadOnly || (field.Immutable && !creating) {
		return false
	}
	write := d.rules.Field(field).Write
	return write == nil || !rule.NeverTrue(write)
}

func (d *document) mustBeGiven(field *model.Field) bool {
	if field.System {
		return field.Type == model.Text // the server assigns ids of other types
	}
	return !field.Optional && field.Default == nil
}

// shown describes a field in an answer.
func (d *document) shown(field *model.Field) object {
	obj := typeOf(field)
	switch {
	case field.Type == model.Decimal:
		obj.add("pattern", shownDecimal(field))
	case field.AsString:
		obj.add("pattern", wholeNumber)
	}
	if field.Optional || d.rules.Field(field).Read != nil {
		obj = nullable(field, obj)
	}
	if about := d.about(field, true); about != "" {
		obj.add("description", about)
	}
	if field.Name == "created_at" || field.Name == "updated_at" || field.ReadOnly {
		obj.add("readOnly", true)
	}
	return obj
}

// signingSecret is the form of a secret that signs messages of webhooks: 24 to 62 bytes in base64.
const signingSecret = `^whsec_([A-Za-z0-9+/]{4}){8,20}([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?$`

// isEndpoint reports whether the rows of a table are endpoints of a webhook.
func (d *document) isEndpoint(table *model.Table) bool {
	return slices.ContainsFunc(d.rules.Model.Webhooks, func(w *model.Webhook) bool { return w.To == table })
}

// written describes a field in a body.
func (d *document) written(field *model.Field, creating bool) object {
	obj := append(typeOf(field), limits(field)...)
	if field.Secret && field.Name == "secret" && field.Pattern == nil && d.isEndpoint(field.Table) {
		obj.add("pattern", signingSecret)
	}
	switch {
	case field.Type == model.JSON && !creating:
		obj = anyJSON() // any object, since it is merged into the value of the field
	case field.Optional:
		obj = nullable(field, obj)
	}
	if creating {
		if constant, ok := d.rules.Field(field).Default.(*rule.Const); ok && !constant.Value.IsNull() {
			obj.add("default", json.RawMessage(value.AppendMember(nil, field, constant.Value)))
		}
	}
	about := d.about(field, false)
	if field.Type == model.JSON && !creating {
		about = strings.TrimSpace(about + " " + mergeNote(field))
	}
	if about != "" {
		obj.add("description", about)
	}
	if field.Secret {
		obj.add("writeOnly", true)
	}
	return obj
}
