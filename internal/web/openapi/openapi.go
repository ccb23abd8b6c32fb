// Package openapi writes the OpenAPI 3.1 document of a model's data API, and serves it with a page for people.
package openapi

import (
	"bytes"
	"cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// intro is the introduction of the document, true for all operations.
const intro = "Rows of the tables below, as JSON.\n\n" +
	"**Lists** are `{\"items\": […], \"next\": …}`; `next` is the cursor of the page after, null at the end. `HEAD` works where `GET` does.\n\n" +
	"**Filters** are written in [CEL](https://cel.dev): `title == arg.t`, with `arg.t=…` as a parameter of its own, so that what a person typed needs no quoting. " +
	"A missing value is `null`: `==`, `!=` and `in` answer for it, everything else on it fails, and a row for which a filter fails is not listed.\n\n" +
	"**Nothing is ignored**: an unknown parameter, one given twice and an empty value are a 400; an unknown member of a body is a fault of its 422. Text may not hold U+0000.\n\n" +
	"**What a caller may not read** looks as if it were not there: a row is not found, a member is null.\n\n" +
	"**Rows can change under you.** `ETag` and `If-Match` keep a write from undoing another: a stale one is a 412.\n\n" +
	"**Errors** are problem documents (RFC 9457)."

// unversioned is the version of an API without one in its model.
const unversioned = "0.0.0"

// Document returns the description of routes for a model as JSON, the same bytes each time. It leaves out operations
// for the system caller only. public is the path of the public address. Its version is the model's, so a new build of the server does not change it.
func Document(rules *rule.Rules, routes []web.Route, public string) []byte {
	d := &document{rules: rules, routes: routes, names: nameTables(rules.Model), may: map[*model.Table]access{}, stranger: stranger(rules)}
	var open []*model.Table
	for _, table := range rules.Model.All() {
		d.may[table] = accessTo(rules.Table(table))
		if d.may[table].any() {
			open = append(open, table)
		}
	}
	tags := []any{}
	var paths, schemas object
	for _, table := range open {
		tags = append(tags, tag(table))
		paths = append(paths, d.paths(table)...)
		schemas = append(schemas, d.schemasOf(table)...)
	}
	tags = append(tags, d.fixedTags()...)
	paths = append(paths, d.fixedPaths()...)
	text := encode(nil, object{
		{"openapi", "3.1.0"},
		{"info", object{{"title", rules.Model.Name}, {"version", cmp.Or(rules.Model.Version, unversioned)}, {"description", intro}}},
		{"servers", []any{object{{"url", cmp.Or(public, "/")}}}},
		{"tags", tags},
		{"paths", paths},
		{"components", object{
			{"schemas", append(schemas, sharedSchemas()...)},
			{"parameters", sharedParams()},
			{"headers", sharedHeaders()},
			{"responses", problemResponses()},
			{"securitySchemes", object{{"bearer", object{
				{"type", "http"}, {"scheme", "bearer"},
				{"description", "A token that says who asks: an access token, an API key, or an access token of an issuer that the model names. On the machine of the server, `ashlar token` prints one."},
			}}}},
		}},
	})
	if public != "" {
		text = bytes.ReplaceAll(text, []byte(`"/problems/`), []byte(`"`+public+`/problems/`))
	}
	return append(text, '\n')
}

func tag(table *model.Table) object {
	return object{{"name", table.Name}, {"description", rowAbout(table)}}
}
