package openapi

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// problem is an answer of kind that a document names, in the order of status codes.
type problem struct {
	status int
	kind   errs.Kind
	name   string // of the component
	title  string
	about  string
}

func problems() []problem {
	return []problem{
		{400, errs.Malformed, "Malformed", "The request cannot be read", "The body is not JSON, a parameter is unknown, given twice or not of its form, or a filter is no expression. `detail` says what and where."},
		{401, errs.Unauthenticated, "Unauthenticated", "Authentication required", "The token is not valid, or this needs one."},
		{403, errs.Forbidden, "Forbidden", "Not allowed", "A rule does not let this caller do that. `errors` names the fields whose own write rule says no."},
		{404, errs.NotFound, "NotFound", "Not found", "No such row, or none that this caller may see: the two are not told apart."},
		{409, errs.Conflict, "Conflict", "Conflict", "A unique value is taken, a referenced row does not exist, or the row is in use. `errors` names the fields."},
		{412, errs.Stale, "Stale", "Changed in the meantime", "If-Match names a revision that is no longer the row's."},
		{413, errs.TooLarge, "TooLarge", "Too large", "The body is longer than 1 MiB."},
		{415, errs.Unsupported, "Unsupported", "Media type not supported", "The body is of another media type."},
		{422, errs.Invalid, "Invalid", "Not acceptable values", "The body can be read, its values are not acceptable. `errors` lists every fault."},
		{429, errs.Limited, "Limited", "Too many requests", "Asked too often."},
		{500, errs.Internal, "Internal", "Internal error", "Not the fault of the request. The cause is in the server's log under the `request_id`."},
		{503, errs.Unavailable, "Unavailable", "Not available now", "Too much to do, or the database cannot be reached. After a write the outcome may be unknown."},
	}
}

// problemResponses are the components of all problems.
func problemResponses() object {
	var out object
	for _, p := range problems() {
		o := object{{"description", p.about}}
		switch p.kind {
		case errs.Unauthenticated:
			o.add("headers", object{{"WWW-Authenticate", ref("headers", "WWWAuthenticate")}})
		case errs.Limited, errs.Unavailable:
			o.add("headers", object{{"Retry-After", ref("headers", "RetryAfter")}})
		}
		o.add("content", object{{"application/problem+json", object{{"schema", ref("schemas", "Problem")}, {"example", p.example()}}}})
		out.add(p.name, o)
	}
	out.add("Default", object{
		{"description", "Any other problem, such as one of a proxy or of a later version."},
		{"content", object{{"application/problem+json", object{{"schema", ref("schemas", "Problem")}}}}},
	})
	return out
}

func (p problem) example() object {
	o := object{{"type", "/problems/" + string(p.kind)}, {"title", p.title}, {"status", p.status}, {"request_id", "4QJ3LMZ5BVNYQTKXW2R6CDHAPE"}}
	switch p.kind {
	case errs.Invalid:
		o.add("detail", "the body has 1 fault")
		o.add("errors", []any{object{{"pointer", "/title"}, {"code", "required"}, {"detail", "it must be given"}}})
	case errs.Conflict:
		o.add("detail", "the row conflicts with another")
		o.add("errors", []any{object{{"pointer", "/title"}, {"code", "unique"}, {"detail", "another row has this value"}}})
	}
	return o
}

// refusals are the problems that an operation may answer with; 401, 429, 500 and 503 may come of any.
func refusals(statuses ...int) object {
	wanted := map[int]bool{401: true, 429: true, 500: true, 503: true}
	for _, s := range statuses {
		wanted[s] = true
	}
	var out object
	for _, p := range problems() {
		if wanted[p.status] {
			out.add(strconv.Itoa(p.status), ref("responses", p.name))
		}
	}
	out.add("default", ref("responses", "Default"))
	return out
}

func sharedSchemas() object {
	kinds, names := make([]any, 0, 13), make([]any, 0, 13)
	for _, p := range problems() {
		names = append(names, p.name)
		kinds = append(kinds, "/problems/"+string(p.kind))
	}
	return object{
		{jsonSchema, object{{"description", "Any JSON."}}},
		{"Problem", object{
			{"type", "object"},
			{"description", "What went wrong, as a problem document (RFC 9457)."},
			{"properties", object{
				{"type", object{{"type", "string"}, {"enum", kinds}, {"x-enum-varnames", names}, {"description", "The kind. At this path the server explains it."}}},
				{"title", object{{"type", "string"}}},
				{"status", object{{"type", "integer"}, {"format", "int32"}}},
				{"detail", object{{"type", "string"}, {"description", "What is wrong with this request."}}},
				{"request_id", object{{"type", "string"}, {"description", "Names the request in the server's log."}}},
				{"errors", object{{"type", "array"}, {"items", ref("schemas", "Fault")}, {"description", "Every fault of a body (422); the fields in conflict (409); the fields that this caller may not write (403)."}}},
			}},
			{"required", []string{"type", "title", "status", "request_id"}},
		}},
		{"Fault", object{
			{"type", "object"},
			{"description", "One thing wrong with a body."},
			{"properties", object{
				{"pointer", object{{"type", "string"}, {"description", "A JSON pointer (RFC 6901) into the body; empty for the whole."}}},
				{"code", object{{"type", "string"}, {"description", "A word for programs, such as required, type, min or unknown."}}},
				{"detail", object{{"type", "string"}, {"description", "A sentence for people."}}},
			}},
			{"required", []string{"pointer", "code", "detail"}},
		}},
	}
}
