package openapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// paths returns the routes of a table open to at least one caller, by path and method.
func (d *document) paths(table *model.Table) object {
	var out object
	for _, route := range d.routes {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if route.Doc == nil || !strings.Contains(path, "{table}") || !d.may[table].allows(method) {
			continue
		}
		if route.Watch && !table.Watch {
			continue
		}
		path = strings.ReplaceAll(path, "{table}", table.Name)
		if len(out) == 0 || out[len(out)-1].name != path { // routes of one path stand together
			out.add(path, pathParams(table, path))
		}
		item := &out[len(out)-1]
		item.value = item.value.(object).with(member{strings.ToLower(method), d.describe(table, method, route.Doc)})
	}
	return out
}

// pathParams begins the description of a path with its parameters.
func pathParams(table *model.Table, path string) object {
	if !strings.Contains(path, "{id}") {
		return nil
	}
	id := object{{"name", "id"}, {"in", "path"}, {"required", true}, {"description", "The id of the row."}, {"schema", idSchema(table)}}
	return object{{"parameters", []any{id}}}
}

// describe returns the description of one operation on a table.
func (d *document) describe(table *model.Table, method string, doc *web.Doc) object {
	op := d.operation(table, method)
	required, who := d.security(op)
	about := []string{doc.About, "", who}
	if method == http.MethodPost || method == http.MethodPatch {
		about[1] = checks(d.rules.Table(table))
	}
	obj := object{{"operationId", d.named(table, doc.ID)}, {"tags", []string{table.Name}}, {"summary", d.named(table, doc.Summary)}}
	// A description that is only about the caller comes last: documents have had this order since the first version.
	first := about[0] != "" || about[1] != ""
	if first {
		obj.add("description", paragraphs(about...))
	}
	if len(doc.Params) > 0 {
		obj.add("parameters", d.params(table, doc.Params))
	}
	if doc.Body != nil {
		obj.add("requestBody", d.requestBody(table, doc.Body))
	}
	if !first {
		obj.add("description", who)
	}
	kinds := doc.Problems
	if !op.open() { // an open operation refuses no caller
		kinds = append(kinds[:len(kinds):len(kinds)], errs.Forbidden)
	}
	answers := append(d.answers(table, doc.Answers), refusals(kinds)...)
	return obj.with(member{"responses", answers}, member{"security", required})
}

// named puts the names of a table into a text of a Doc.
func (d *document) named(table *model.Table, text string) string {
	n := d.names[table]
	return strings.NewReplacer("{Tables}", n.many, "{Table}", n.one, "{tables}", readable(table.Name),
		"{a table}", article(readable(singular(table.Name)))).Replace(text)
}

func paragraphs(texts ...string) string {
	var out strings.Builder
	for _, text := range texts {
		if text != "" && out.Len() > 0 {
			out.WriteString("\n\n")
		}
		out.WriteString(text)
	}
	return out.String()
}

func (d *document) requestBody(table *model.Table, body *web.Body) object {
	var content object
	for _, mediaType := range body.Types {
		content.add(mediaType, object{{"schema", d.schemaRef(table, body.Schema)}})
	}
	return object{{"required", true}, {"content", content}}
}

func (d *document) answers(table *model.Table, answers []web.Answer) object {
	hides := !rule.AlwaysTrue(d.rules.Table(table).Read)
	var out object
	for _, a := range answers {
		about := a.About
		if a.Hidden != nil && a.Hidden.Only && !hides {
			continue
		}
		if a.Hidden != nil && hides {
			about = a.Hidden.About
		}
		obj := object{{"description", about}}
		var headers object
		for _, name := range a.Headers {
			headers.add(name, ref("headers", name))
		}
		if d.showsLimits() {
			headers = append(headers, limitHeaders()...)
		}
		if len(headers) > 0 {
			obj.add("headers", headers)
		}
		if a.Schema != web.NoSchema && d.may[table].read {
			obj.add("content", object{{"application/json", object{{"schema", d.schemaRef(table, a.Schema)}}}})
		}
		if a.Schema == web.NoSchema && a.Type != "" {
			obj.add("content", object{{a.Type, object{{"schema", object{{"type", "string"}}}}}})
		}
		out.add(strconv.Itoa(a.Status), obj)
	}
	return out
}

// schemaRef refers to a schema of a table.
func (d *document) schemaRef(table *model.Table, schema web.Schema) object {
	suffix := map[web.Schema]string{
		web.WholeRow: "", web.PartOfRow: partSuffix, web.PageOfRow: listSuffix, web.NewRow: createSuffix, web.RowPatch: updateSuffix,
	}[schema]
	return ref("schemas", d.names[table].one+suffix)
}

// checks returns the messages of a table's checks.
func checks(rules *rule.Table) string {
	if len(rules.Checks) == 0 {
		return ""
	}
	about := "What must hold of the row, else 422:\n"
	for _, check := range rules.Checks {
		about += "\n- " + check.Message
	}
	return about
}
