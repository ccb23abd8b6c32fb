package web

import (
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Route is a pattern with its handler and its description.
type Route struct {
	Pattern   string  // pattern of http.ServeMux, such as "GET /api/{table}/{id}"; a GET answers HEAD too
	Handler   Handler // nil: the route only describes what another one serves
	Class     Class
	Watch     bool            // the route is about tables that clients may watch
	Operation model.Operation // what a route of {table} does with rows; "" for other routes
	Doc       *Doc            // description for OpenAPI; nil leaves the route out
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
	Path     string   // path for the document, if the pattern cannot say it: /keys/{id}:rotate
	Tag      Tag      // group of an operation without {table}
	Access   Access   // of an operation without {table}
	ID       string   // operationId, such as "list{Tables}" or "get{Table}"
	Summary  string   // may hold {tables} or {a table}
	About    string   // for people; may be empty
	Params   []string // names of query parameters and headers
	Body     *Body    // nil: the request has none
	Answers  []Answer // all answers except problems, by status
	Problems []errs.Kind
}

// A Tag is a group of operations.
type Tag struct{ Name, About string }

// Access says whose operation it is.
type Access uint8

const (
	Signed Access = iota // of callers who have signed in
	Public               // of everybody
)

// A Body describes the body of a request.
type Body struct {
	Types   []string // media types, the best first
	Schema  Schema   // of a table; NoSchema: an object with Members
	Members []Member
}

// A Member describes a member of a JSON object that belongs to no table.
type Member struct {
	Name     string
	Type     MemberType
	About    string
	Optional bool
	Members  []Member     // of an Object, or of the items of a List
	Field    *model.Field // whose values it takes, for a FieldMember
}

// A MemberType is the type of a member.
type MemberType string

const (
	TextMember    MemberType = "text"
	TextsMember   MemberType = "texts" // a list of texts
	BoolMember    MemberType = "bool"
	IntMember     MemberType = "int"
	TimeMember    MemberType = "time"
	IDMember      MemberType = "id" // id of a row in users
	ObjectMember  MemberType = "object"
	ObjectsMember MemberType = "objects" // a list of objects
	FieldMember   MemberType = "field"
	AnyMember     MemberType = "any"
)

// An Answer describes one answer of an operation.
type Answer struct {
	Status  int
	About   string
	Hidden  *Hidden  // if a rule may hide the row from the caller; nil: no difference
	Headers []string // names of headers
	Schema  Schema   // of a table; NoSchema: an object with Members, or no body
	Type    string   // media type of an answer with Members, or of a text; default: application/json
	Members []Member
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
