package openapi

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// paths are the operations of a table: its rows together, and one of them.
func (d *document) paths(t *model.Table) object {
	may := d.may[t]
	var rows, row object
	if may.read {
		rows.add("get", d.list(t))
		row.add("get", d.get(t))
	}
	if may.create {
		rows.add("post", d.create(t))
	}
	if may.update {
		row.add("patch", d.update(t))
	}
	if may.delete {
		row.add("delete", d.delete(t))
	}
	var out object
	if len(rows) > 0 {
		out.add("/api/"+t.Name, rows)
	}
	if len(row) > 0 {
		id := object{{"name", "id"}, {"in", "path"}, {"required", true}, {"description", "The id of the row."}, {"schema", idSchema(t)}}
		out.add("/api/"+t.Name+"/{id}", append(object{{"parameters", []any{id}}}, row...))
	}
	return out
}

// head begins an operation.
func (d *document) head(t *model.Table, id, summary, about string) object {
	o := object{{"operationId", id}, {"tags", []string{t.Name}}, {"summary", summary}}
	if about != "" {
		o.add("description", about)
	}
	return o
}

// tail ends one: its answers, those of refusals after the others, and its security. 403 is for callers that a rule
// refuses; what is open to everyone refuses none.
func (d *document) tail(o object, op operation, answers object, statuses ...int) object {
	if !op.open() {
		statuses = append(statuses, 403)
	}
	security, who := d.security(op)
	o = o.describe(who)
	return o.with(member{"responses", append(answers, refusals(statuses...)...)}, member{"security", security})
}

// describe adds a paragraph to the description.
func (o object) describe(paragraph string) object {
	for i := range o {
		if o[i].name == "description" {
			o[i].value = o[i].value.(string) + "\n\n" + paragraph
			return o
		}
	}
	return o.with(member{"description", paragraph})
}

func jsonContent(schema object) object {
	return object{{"application/json", object{{"schema", schema}}}}
}

func (d *document) list(t *model.Table) object {
	n := d.names[t]
	o := d.head(t, "list"+n.many, "List "+readable(t.Name), "")
	o.add("parameters", d.listParams(t))
	answers := object{{"200", object{{"description", "A page of rows."}, {"content", jsonContent(ref("schemas", n.one+listSuffix))}}}}
	return d.tail(o, operation{t, []rule.Node{d.rules.Table(t).Read}}, answers, 400)
}

func (d *document) get(t *model.Table) object {
	n := d.names[t]
	o := d.head(t, "get"+n.one, "Get "+article(readable(singular(t.Name))), "")
	o.add("parameters", append(d.viewParams(t), ref("parameters", "ifNoneMatch")))
	answers := object{
		{"200", object{{"description", "The row."}, {"headers", object{{"ETag", ref("headers", "ETag")}}}, {"content", jsonContent(ref("schemas", n.one+partSuffix))}}},
		{"304", object{{"description", "Nothing has changed."}, {"headers", object{{"ETag", ref("headers", "ETag")}}}}},
	}
	return d.tail(o, operation{t, []rule.Node{d.rules.Table(t).Read}}, answers, 400, 404)
}

func (d *document) create(t *model.Table) object {
	n, r := d.names[t], d.rules.Table(t)
	about := checks(r)
	o := d.head(t, "create"+n.one, "Create "+article(readable(singular(t.Name))), about)
	o.add("requestBody", object{{"required", true}, {"content", jsonContent(ref("schemas", n.one+createSuffix))}})
	created := object{{"description", "The row as it was created."}}
	if !rule.AlwaysTrue(r.Read) {
		created[0].value = "The row as it was created; without a body where the caller may not read it."
	}
	created.add("headers", object{{"Location", ref("headers", "Location")}, {"ETag", ref("headers", "ETag")}})
	if d.may[t].read {
		created.add("content", jsonContent(ref("schemas", n.one)))
	}
	return d.tail(o, operation{t, []rule.Node{r.Create}}, object{{"201", created}}, 400, 409, 413, 415, 422)
}

func (d *document) update(t *model.Table) object {
	n, r := d.names[t], d.rules.Table(t)
	about := "Changes the members that the body has (JSON merge patch, RFC 7396): one that is null makes the field missing."
	if c := checks(r); c != "" {
		about += "\n\n" + c
	}
	o := d.head(t, "update"+n.one, "Update "+article(readable(singular(t.Name))), about)
	o.add("parameters", []any{ref("parameters", "ifMatch")})
	body := object{{"schema", ref("schemas", n.one+updateSuffix)}}
	o.add("requestBody", object{{"required", true}, {"content", object{{"application/merge-patch+json", body}, {"application/json", body}}}})
	answers := object{{"200", object{{"description", "The row as it has become."}, {"headers", object{{"ETag", ref("headers", "ETag")}}}, {"content", jsonContent(ref("schemas", n.one))}}}}
	if !rule.AlwaysTrue(r.Read) {
		answers.add("204", object{{"description", "It is done, and the caller may no longer read the row."}})
	}
	return d.tail(o, operation{t, []rule.Node{r.Read, r.UpdateFrom, r.UpdateTo}}, answers, 400, 404, 409, 412, 413, 415, 422)
}

func (d *document) delete(t *model.Table) object {
	r := d.rules.Table(t)
	o := d.head(t, "delete"+d.names[t].one, "Delete "+article(readable(singular(t.Name))), "")
	o.add("parameters", []any{ref("parameters", "ifMatch")})
	answers := object{{"204", object{{"description", "It is gone."}}}}
	return d.tail(o, operation{t, []rule.Node{r.Read, r.Delete}}, answers, 400, 404, 409, 412)
}

// checks are the messages of the conditions that a row must meet as it becomes.
func checks(r *rule.Table) string {
	if len(r.Checks) == 0 {
		return ""
	}
	about := "What must hold of the row, else 422:\n"
	for _, c := range r.Checks {
		about += "\n- " + c.Message
	}
	return about
}
