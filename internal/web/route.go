package web

import "github.com/ashlar-dev/ashlar/internal/errs"

// A Route is a pattern with its handler and its description.
type Route struct {
	Pattern string // pattern of http.ServeMux, such as "GET /api/{table}/{id}"; a GET answers HEAD too
	Handler Handler
	Class   Class
	Doc     *Doc // description for OpenAPI; nil leaves the route out
}

// A Class selects the limits for the requests of a route.
type Class uint8

const (
	Ordinary Class = iota // bound by Config.MaxConcurrent; the caller is identified
	Probe                 // not bound, and open to all. The pattern is a method and a literal path
)

// A Doc describes an operation for OpenAPI. If the path has {table}, the document holds the operation once for each
// table open to someone. The words in braces then stand for a name of that table.
type Doc struct {
	ID       string   // operationId, such as "list{Tables}" or "get{Table}"
	Summary  string   // may hold {tables} or {a table}
	About    string   // for people; may be empty
	Params   []string // names of query parameters and headers
	Body     *Body    // nil: the request has none
	Answers  []Answer // all answers except problems, by status
	Problems []errs.Kind
}

// A Body describes the body of a request.
type Body struct {
	Types  []string // media types, the best first
	Schema Schema
}

// An Answer describes one answer of an operation.
type Answer struct {
	Status  int
	About   string
	Hidden  *Hidden  // if a rule may hide the row from the caller; nil: no difference
	Headers []string // names of headers
	Schema  Schema
}

// Hidden describes the effect of the read rule on an answer.
type Hidden struct {
	About string // replaces Answer.About for tables with a read rule
	Only  bool   // the answer exists only for tables with a read rule
}

// A Schema names one of the schemas of a table.
type Schema string

const (
	NoSchema  Schema = ""
	WholeRow  Schema = "row"    // all members of a row
	PartOfRow Schema = "part"   // the members in fields and expand
	PageOfRow Schema = "page"   // one page of a list
	NewRow    Schema = "create" // the body of a create
	RowPatch  Schema = "update" // the body of a patch
)
