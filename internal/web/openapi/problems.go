package openapi

import (
	"slices"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// problems returns the problems in the answers of operations, by status.
func problems() []web.Problem {
	return slices.DeleteFunc(web.Problems(), func(problem web.Problem) bool { return problem.Brief == "" })
}

// component returns the name of the component for a kind.
func component(kind errs.Kind) string { return pascal(string(kind)) }

// problemResponses returns the components of all problems.
func problemResponses() object {
	var out object
	for _, problem := range problems() {
		obj := object{{"description", problem.Brief}}
		switch problem.Kind {
		case errs.Unauthenticated:
			obj.add("headers", object{{"WWW-Authenticate", ref("headers", "WWWAuthenticate")}})
		case errs.Limited:
			obj.add("headers", append(object{{"Retry-After", ref("headers", "RetryAfter")}}, limitHeaders()...))
		case errs.Unavailable:
			obj.add("headers", object{{"Retry-After", ref("headers", "RetryAfter")}})
		}
		obj.add("content", object{{"application/problem+json", object{{"schema", ref("schemas", "Problem")}, {"example", exampleOf(problem)}}}})
		out.add(component(problem.Kind), obj)
	}
	out.add("Default", object{
		{"description", "Any other problem, such as one of a proxy or of a later version."},
		{"content", object{{"application/problem+json", object{{"schema", ref("schemas", "Problem")}}}}},
	})
	return out
}

// limitHeaders returns the headers about limits.
func limitHeaders() object {
	return object{{"RateLimit-Policy", ref("headers", "RateLimitPolicy")}, {"RateLimit", ref("headers", "RateLimit")}}
}

// showsLimits reports whether answers without a refusal tell of limits. They tell of the rules that the model gives.
func (d *document) showsLimits() bool {
	return slices.ContainsFunc(d.rules.Model.Limits.Rules, func(rule model.Limit) bool { return !rule.SparesLoopback && len(rule.Rates) > 0 })
}

func exampleOf(problem web.Problem) object {
	obj := object{{"type", "/problems/" + string(problem.Kind)}, {"title", problem.Title}, {"status", problem.Status}, {"request_id", "4QJ3LMZ5BVNYQTKXW2R6CDHAPE"}}
	switch problem.Kind {
	case errs.Invalid:
		obj.add("detail", "the body has 1 fault")
		obj.add("errors", []any{object{{"pointer", "/title"}, {"code", "required"}, {"detail", "it must be given"}}})
	case errs.Limited:
		obj.add("detail", "the limit “caller” allows 1000 requests in 10s")
		obj.add("limit", "caller")
	case errs.Conflict:
		obj.add("detail", "the row conflicts with another")
		obj.add("errors", []any{object{{"pointer", "/title"}, {"code", "unique"}, {"detail", "another row has this value"}}})
	}
	return obj
}

// refusals returns the possible problems of an operation. Every operation may answer with the four of any server.
func refusals(kinds []errs.Kind) object {
	anywhere := []errs.Kind{errs.Unauthenticated, errs.Limited, errs.Internal, errs.Unavailable}
	var out object
	for _, problem := range problems() {
		if slices.Contains(kinds, problem.Kind) || slices.Contains(anywhere, problem.Kind) {
			out.add(strconv.Itoa(problem.Status), ref("responses", component(problem.Kind)))
		}
	}
	out.add("default", ref("responses", "Default"))
	return out
}

func sharedSchemas() object {
	kinds, names := make([]any, 0, 13), make([]any, 0, 13)
	for _, problem := range problems() {
		names = append(names, component(problem.Kind))
		kinds = append(kinds, "/problems/"+string(problem.Kind))
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
				{"limit", object{{"type", "string"}, {"description", "The limit of the model that refuses the request (429)."}}},
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
