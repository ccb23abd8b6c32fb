package openapi

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// params describes parameters of an operation, by their names.
func (d *document) params(table *model.Table, names []string) []any {
	var params []any
	for _, name := range names {
		if p := d.param(table, name); p != nil {
			params = append(params, p)
		}
	}
	return params
}

// param describes one parameter. It returns nil if the parameter has no use on the table.
func (d *document) param(table *model.Table, name string) object {
	switch name {
	case "filter":
		return d.filterParam(table, d.examplesOf(table))
	case "sort":
		return sortParam(table)
	case "fields":
		return d.fieldsParam(table)
	case "expand":
		if rels := d.relations(table); len(rels) > 0 {
			return expandParam(rels)
		}
		return nil
	case "Last-Event-ID":
		return ref("parameters", "lastEventID")
	case "If-Match":
		return ref("parameters", "ifMatch")
	case "If-None-Match":
		return ref("parameters", "ifNoneMatch")
	}
	return ref("parameters", name)
}

func (d *document) relations(table *model.Table) []string {
	var names []string
	for _, rel := range table.Relations {
		if d.follows(rel) {
			names = append(names, rel.Name)
		}
	}
	return names
}

func (d *document) filterParam(table *model.Table, examples []example) object {
	var shown object
	for _, e := range examples {
		shown.add(e.name, object{{"summary", sentence(e.about)}, {"value", e.filter}})
	}
	return object{
		{"name", "filter"}, {"in", "query"},
		{"description", "A condition in CEL on the members of a row of " + table.Name + ": only rows for which it is true are listed. Comparisons, `&&`, `||`, `!`, `in`, " +
			"`contains`, `startsWith`, `endsWith`, `size`" + d.steps(table) + ". Arguments that `args` gives are named `arg.…`."},
		{"schema", object{{"type", "string"}, {"minLength", 1}, {"maxLength", apilimit.FilterBytes}}},
		{"examples", shown},
	}
}

// steps explains relations in filters, by examples from the table.
func (d *document) steps(table *model.Table) string {
	var one, many string
	for _, rel := range table.Relations {
		switch {
		case !d.follows(rel):
		case rel.Many && many == "":
			many = "; `" + rel.Name + ".exists(x, x.id == …)`, `all` and `size(" + rel.Name + ")` for lists of related rows"
		case !rel.Many && one == "":
			one = "; `" + rel.Name + ".id` for a related row"
		}
	}
	return one + many
}

// argsParam describes the arguments of a filter. Its schema has no patternProperties, since some generators turn them into
// a class without members.
func argsParam() object {
	return object{
		{"name", "args"}, {"in", "query"}, {"style", "form"}, {"explode", true},
		{"description", "The arguments of the filter, each a member `arg.NAME` that becomes a parameter of its own: `title == arg.text` takes its value from `arg.text=…`. " +
			"It has the type of what it is compared with, and needs no quoting whatever a person typed. Each that is given must be used, and each that is used must be given. " +
			"A client that does not send the members as parameters may send all of them as JSON, `args={\"text\":\"…\"}`, or as `args[text]=…`."},
		{"schema", object{{"type", "object"}, {"additionalProperties", object{{"type", "string"}}}}},
		{"examples", object{{"none", object{{"summary", "No arguments."}, {"value", object{}}}}}},
	}
}

// list describes a parameter with a comma-separated list. It does not call items unique, since Java generators would
// make it a set and lose the order.
func list(name, about string, items object, most int) object {
	values := object{{"type", "array"}, {"items", items}, {"minItems", 1}}
	if most > 0 {
		values.add("maxItems", most)
	}
	return object{
		{"name", name}, {"in", "query"}, {"style", "form"}, {"explode", false}, {"description", about},
		{"schema", values},
	}
}

func sortParam(table *model.Table) object {
	var keys []any
	for _, field := range table.Fields {
		if !field.Secret && field.Type != model.JSON {
			keys = append(keys, field.Name, "-"+field.Name)
		}
	}
	return list("sort", "The order, by up to eight fields, `-` for descending. Default: `id`. Missing values come last; ties go by `id`. A field stands here once.",
		object{{"type", "string"}, {"enum", keys}}, apilimit.SortKeys)
}

const furtherNames = `[a-z][a-z0-9_]*`

func (d *document) fieldsParam(table *model.Table) object {
	var names []string
	for _, field := range table.Fields {
		if !field.Secret {
			names = append(names, field.Name)
		}
	}
	about := "Exactly these members of each row."
	pattern := `^(` + strings.Join(names, "|")
	if rels := d.relations(table); len(rels) > 0 {
		about = "Exactly these members of each row; `" + rels[0] + ".id` is a member of a related row, over up to four relations."
		pattern += `|(` + strings.Join(rels, "|") + `)(\.` + furtherNames + `){0,` + strconv.Itoa(apilimit.Levels) + `}`
	}
	return list("fields", about, object{{"type", "string"}, {"pattern", pattern + `)$`}}, 0)
}

func expandParam(rels []string) object {
	return list("expand", "Related rows to put within each row: "+code(rels)+", and over points theirs, up to four levels. Of a list of related rows the first "+strconv.Itoa(apilimit.RelatedRows)+" are shown.",
		object{{"type", "string"}, {"pattern", `^(` + strings.Join(rels, "|") + `)(\.` + furtherNames + `){0,` + strconv.Itoa(apilimit.Levels-1) + `}$`}}, 0)
}

func code(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// sharedParams returns the parameters shared by all tables.
func sharedParams() object {
	tags := object{{"type", "string"}, {"minLength", 1}, {"pattern", `^(\*|(W/)?"[^"]*"([ \t]*,[ \t]*(W/)?"[^"]*")*)$`}}
	return object{
		{"args", argsParam()},
		{"limit", object{
			{"name", "limit"}, {"in", "query"}, {"description", "How many rows a page holds at most. A page may hold fewer though more follow: `next` tells."},
			{"schema", object{{"type", "integer"}, {"minimum", apilimit.MinLimit}, {"maximum", apilimit.MaxLimit}, {"default", apilimit.DefaultLimit}}},
		}},
		{"cursor", object{
			{"name", "cursor"}, {"in", "query"},
			{"description", "The `next` of the page before, with the same filter, arguments and sort."},
			{"schema", object{{"type", "string"}, {"minLength", 1}, {"maxLength", apilimit.CursorBytes}}},
		}},
		{"total", object{
			{"name", "total"}, {"in", "query"}, {"description", "Whether to count all rows that pass."},
			{"schema", object{{"type", "boolean"}, {"default", false}}},
		}},
		{"wait", object{
			{"name", "wait"}, {"in", "query"},
			{"description", "How many seconds to wait for another answer than `If-None-Match` names. 304 if there was none."},
			{"schema", object{{"type", "integer"}, {"minimum", 1}, {"maximum", apilimit.WaitSeconds}}},
		}},
		{"initial", object{
			{"name", "initial"}, {"in", "query"}, {"description", "Whether the rows of the list come first, each as `enter`."},
			{"schema", object{{"type", "boolean"}, {"default", false}}},
		}},
		{"lastEventID", object{
			{"name", "Last-Event-ID"}, {"in", "header"},
			{"description", "The `id` of the last event that came: the stream goes on there, or says `reset`. Browsers send it."},
			{"schema", object{{"type", "string"}, {"minLength", 1}}},
		}},
		{"ifMatch", object{
			{"name", "If-Match"}, {"in", "header"},
			{"description", "The `ETag` of the row as it was read: the write is refused with 412 where it has changed since. `*` for any."},
			{"schema", tags},
		}},
		{"ifNoneMatch", object{
			{"name", "If-None-Match"}, {"in", "header"},
			{"description", "The `ETag` of the answer as it is known: 304 while the caller would be shown the same."},
			{"schema", tags},
		}},
	}
}

func sharedHeaders() object {
	text := func(about string) object {
		return object{{"description", about}, {"schema", object{{"type", "string"}}}}
	}
	return object{
		{"ETag", text("Of a row, its revision, for `If-Match`, and what the caller is shown of it, for `If-None-Match`; not given with `expand` or with members of related rows. Of a list, what the caller is shown, for `If-None-Match`.")},
		{"Location", text("The path of the row.")},
		{"WWWAuthenticate", text("`Bearer`, with `error=\"invalid_token\"` where a token was sent.")},
		{"RateLimitPolicy", text("The limits that the request counts for: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers-11).")},
		{"RateLimit", text("What the tightest limit has left: `r` requests. It has room for all again after `t` seconds, or for one if `r` is 0.")},
		{"RetryAfter", object{{"description", "Seconds to wait."}, {"schema", object{{"type", "integer"}, {"minimum", 1}}}}},
	}
}
