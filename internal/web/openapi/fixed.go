package openapi

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// fixedPaths returns the described routes that belong to no table, by path and method.
func (d *document) fixedPaths() object {
	var out object
	at := map[string]int{}
	for _, route := range d.routes {
		if route.Doc == nil || strings.Contains(route.Pattern, "{table}") {
			continue
		}
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = cmp.Or(route.Doc.Path, path)
		i, known := at[path]
		if !known {
			i, at[path] = len(out), len(out)
			out.add(path, fixedParams(path))
		}
		item := &out[i]
		item.value = item.value.(object).with(member{strings.ToLower(method), d.fixed(route.Doc)})
	}
	return out
}

// fixedTags returns the groups of the routes that belong to no table.
func (d *document) fixedTags() (tags []any) {
	known := map[string]bool{}
	for _, route := range d.routes {
		if route.Doc == nil || route.Doc.Tag.Name == "" || known[route.Doc.Tag.Name] {
			continue
		}
		known[route.Doc.Tag.Name] = true
		tags = append(tags, object{{"name", route.Doc.Tag.Name}, {"description", route.Doc.Tag.About}})
	}
	return tags
}

// fixedParams begins the description of a path with the names in braces.
func fixedParams(path string) object {
	var params []any
	for rest := path; ; {
		_, after, ok := strings.Cut(rest, "{")
		if !ok {
			break
		}
		name, more, _ := strings.Cut(after, "}")
		params = append(params, object{{"name", name}, {"in", "path"}, {"required", true}, {"schema", object{{"type", "string"}}}})
		rest = more
	}
	if params == nil {
		return nil
	}
	return object{{"parameters", params}}
}

// fixed returns the description of one operation.
func (d *document) fixed(doc *web.Doc) object {
	obj := object{{"operationId", doc.ID}, {"tags", []string{doc.Tag.Name}}, {"summary", doc.Summary}}
	if doc.About != "" {
		obj.add("description", doc.About)
	}
	if len(doc.Params) > 0 {
		obj.add("parameters", fixedQuery(doc.Params))
	}
	if doc.Body != nil {
		schema := object{{"schema", d.objectSchema(doc.Body.Members, true)}}
		var content object
		for _, mediaType := range doc.Body.Types {
			content.add(mediaType, schema)
		}
		obj.add("requestBody", object{{"required", true}, {"content", content}})
	}
	security := []any{object{{"bearer", []any{}}}}
	kinds := doc.Problems
	if doc.Access == web.Public {
		security = []any{}
	}
	return obj.with(member{"responses", append(d.fixedAnswers(doc.Answers), refusals(kinds)...)}, member{"security", security})
}

func (d *document) fixedAnswers(answers []web.Answer) object {
	var out object
	for _, answer := range answers {
		obj := object{{"description", answer.About}}
		if d.showsLimits() {
			obj.add("headers", limitHeaders())
		}
		if len(answer.Members) > 0 {
			obj.add("content", object{{cmp.Or(answer.Type, "application/json"), object{{"schema", d.objectSchema(answer.Members, false)}}}})
		}
		out.add(strconv.Itoa(answer.Status), obj)
	}
	return out
}

// fixedQuery describes switches in the query: each is true or false.
func fixedQuery(names []string) (all []any) {
	for _, name := range names {
		all = append(all, object{{"name", name}, {"in", "query"}, {"schema", object{{"type", "boolean"}}}})
	}
	return all
}

// objectSchema returns the schema of an object. A closed one has no further members.
func (d *document) objectSchema(members []web.Member, closed bool) object {
	var properties object
	required := []string{}
	for _, m := range members {
		schema := d.memberSchema(m, closed)
		if m.About != "" {
			schema.add("description", m.About)
		}
		properties.add(m.Name, schema)
		if !m.Optional {
			required = append(required, m.Name)
		}
	}
	obj := object{{"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		obj.add("required", required)
	}
	if closed {
		obj.add("additionalProperties", false)
	}
	return obj
}

func (d *document) memberSchema(m web.Member, closed bool) object {
	switch m.Type {
	case web.TextMember:
		return object{{"type", "string"}}
	case web.TextsMember:
		return object{{"type", "array"}, {"items", object{{"type", "string"}}}}
	case web.BoolMember:
		return object{{"type", "boolean"}}
	case web.IntMember:
		return object{{"type", "integer"}, {"format", "int64"}}
	case web.TimeMember:
		return object{{"type", "string"}, {"format", "date-time"}}
	case web.IDMember:
		return idSchema(d.rules.Model.Table("users"))
	case web.FieldMember:
		return append(typeOf(m.Field), limits(m.Field)...)
	case web.ObjectMember:
		return d.objectSchema(m.Members, closed)
	case web.ObjectsMember:
		return object{{"type", "array"}, {"items", d.objectSchema(m.Members, closed)}}
	}
	return object{}
}
