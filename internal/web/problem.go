package web

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Problem is a kind of error for clients.
type Problem struct {
	Kind    errs.Kind
	Status  int
	Title   string
	Brief   string // for OpenAPI; "" if no operation answers it
	Meaning string // for its page
	Advice  string // for its page
}

// problems is the only table of kinds, statuses and titles. Nothing changes it.
var problems = [...]Problem{
	{errs.Malformed, 400, "The request cannot be read",
		"The body is not JSON, a parameter is unknown, given twice or not of its form, or a filter is no expression. `detail` says what and where.",
		"The body is not JSON, a parameter is unknown, given twice or not of its form, or a filter is not an expression.",
		"The detail says what and where. The same request will fail again: change it."},
	{errs.Unauthenticated, 401, "Authentication required",
		"The token is not valid, this needs one, or the user must prove more: `WWW-Authenticate` says what.",
		"What was asked for is not open to everyone, or the Authorization header is not one valid bearer token: it may be expired, damaged, or made by another server.",
		"Send “Authorization: Bearer TOKEN” with a valid token. The WWW-Authenticate header says error=\"invalid_token\" where one was sent and is not valid. It says error=\"insufficient_user_authentication\" where the user must sign in again: at most max_age seconds before the request, or with a second factor (acr_values=\"mfa\")."},
	{errs.Forbidden, 403, "Not allowed",
		"A rule does not let this caller do that. `errors` names the fields whose own write rule says no.",
		"The server knows who asks, and a rule of the model does not let this caller do that.",
		"Another caller may: the rules are in the model file, under “access”. Asking again changes nothing. “errors” names the fields whose own rule says no: leave them out."},
	{errs.NotFound, 404, "Not found",
		"No such row, or none that this caller may see: the two are not told apart.",
		"Nothing is at this path, or nothing that this caller may see. The two are not told apart, so that nobody learns of what is hidden.",
		"Check the spelling of the path and the id, then whether the caller may read the row."},
	{errs.MethodNotAllowed, 405, "Method not allowed",
		"",
		"Something is at this path, but it does not know this method.",
		"The Allow header lists the methods that it knows."},
	{errs.NotAcceptable, 406, "No such form of answer",
		"The answer has one media type, and `Accept` does not name it.",
		"The answer has one media type, and the Accept header of the request does not name it.",
		"The detail says which media type to name in Accept."},
	{errs.Conflict, 409, "Conflict",
		"A unique value is taken, a referenced row does not exist, or the row is in use. `errors` names the fields.",
		"The change contradicts other rows: a value that must be unique is taken, or a row is still referred to, or the same request is still under way.",
		"“errors” names the fields. Choose another value, or change the other rows first."},
	{errs.Stale, 412, "Changed in the meantime",
		"If-Match names a revision that is no longer the row's.",
		"If-Match names a revision of the row that is no longer the current one: somebody else changed it first.",
		"Read the row again, apply the change to what it has become, and send it with the new ETag."},
	{errs.TooLarge, 413, "Too large",
		"The body is longer than 1 MiB, as it was sent or once it is decompressed.",
		"The body is larger than this server accepts.",
		"Send less at a time. The detail says how much is accepted."},
	{errs.Unsupported, 415, "Media type not supported",
		"The body is of another media type, or has a content coding other than gzip: then `Accept-Encoding` says so.",
		"The body is of a type, charset or encoding that this path does not read.",
		"Send “Content-Type: application/json” (or application/merge-patch+json with PATCH), in UTF-8. A compressed body must be gzip: an Accept-Encoding header in the answer says that the coding was the reason."},
	{errs.Invalid, 422, "Not acceptable values",
		"The body can be read, its values are not acceptable. `errors` lists every fault.",
		"The body can be read, but some of its values are not acceptable.",
		"“errors” lists every fault: a JSON pointer to the value, a code for programs, a sentence for people. Correct them all, then send it again."},
	{errs.Limited, 429, "Too many requests",
		"Asked too often. `limit` names the rule.",
		"This address, caller or key asks more often than it may.",
		"Wait as many seconds as the Retry-After header says. “limit” names the rule, and the headers RateLimit-Policy and RateLimit tell how much it allows and how much is left."},
	{errs.Internal, 500, "Internal error",
		"Not the fault of the request. The cause is in the server's log under the `request_id`.",
		"Something went wrong in the server. It is not the fault of the request.",
		"Tell whoever runs the server the request_id: the cause is in its log under that id. A change may or may not have been made."},
	{errs.Unavailable, 503, "Not available now",
		"Too much to do, or the database cannot be reached. After a write the outcome may be unknown.",
		"The server has too much to do, is stopping, or the request took too long. After a write that took too long, the outcome may be unknown.",
		"Wait as many seconds as the Retry-After header says, then try again."},
}

// Problems returns all kinds of problems, by status.
func Problems() []Problem { return slices.Clone(problems[:]) }

func problemOf(kind errs.Kind) *Problem {
	for i := range problems {
		if problems[i].Kind == kind {
			return &problems[i]
		}
	}
	return problemOf(errs.Internal)
}

// notFound is the detail of every 404, unless Config.Explain is set. A hidden row, a missing row and an unknown path give the
// same bytes.
const notFound = "nothing is here, or nothing that you may see"

// document is a problem document (RFC 9457).
type document struct {
	Type      string        `json:"type"`
	Title     string        `json:"title"`
	Status    int           `json:"status"`
	Detail    string        `json:"detail,omitempty"`
	RequestID string        `json:"request_id"`
	Errors    *[]errs.Fault `json:"errors,omitempty"` // a pointer, so that an empty list is written
	Limit     string        `json:"limit,omitempty"`
	Checks    any           `json:"checks,omitempty"`
}

// writeProblem answers with a problem document and returns its status.
func writeProblem(w *response, r *http.Request, failure *errs.Error, id string) int {
	k := problemOf(failure.Kind)
	p := document{Type: w.base.below("/problems/" + string(k.Kind)), Title: k.Title, Status: k.Status, Detail: failure.Message, RequestID: id}
	switch k.Kind {
	case errs.Internal:
		p.Detail = ""
	case errs.NotFound:
		if x := exchangeOf(r); x == nil || !x.explain || p.Detail == "" {
			p.Detail = notFound
		}
	case errs.Invalid, errs.Conflict, errs.Forbidden, errs.Unauthenticated:
		faults := append([]errs.Fault{}, failure.Faults...)
		if k.Kind == errs.Invalid || len(faults) > 0 {
			p.Errors = &faults
		}
	case errs.Limited:
		p.Limit = failure.Limit
	case errs.Unavailable:
		p.Checks = failure.Checks
	}
	problemHeader(w.Header(), r, k.Kind, failure)
	_ = Bytes(w, k.Status, "application/problem+json", p.encode()) // if it fails, the client is gone
	return k.Status
}

func (p *document) encode() []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		panic(err) // a document holds only strings and numbers
	}
	return buf.Bytes()
}

// problemHeader removes headers set by the handler for its own answer, and adds the headers of the problem.
func problemHeader(header http.Header, r *http.Request, kind errs.Kind, failure *errs.Error) {
	for _, name := range []string{"Content-Encoding", "Content-Security-Policy", "Last-Modified", "Location"} {
		header.Del(name)
	}
	delete(header, ETagHeader)
	header.Set("Cache-Control", "no-store")
	switch kind {
	case errs.Unauthenticated:
		header.Set("WWW-Authenticate", challenge(failure.StepUp, len(r.Header["Authorization"]) > 0))
	case errs.MethodNotAllowed:
		header.Set("Allow", strings.Join(failure.Allow, ", "))
	case errs.Limited, errs.Unavailable:
		header.Set("Retry-After", strconv.Itoa(seconds(failure.RetryAfter)))
	}
}

// challenge returns the value of WWW-Authenticate. A client that sent a good token is told what to prove (RFC 9470); one that
// sent another learns that it is not valid.
func challenge(stepUp *errs.StepUp, sentToken bool) string {
	const bearer = `Bearer realm="ashlar"`
	switch {
	case stepUp == nil && sentToken:
		return bearer + `, error="invalid_token"`
	case stepUp == nil:
		return bearer
	}
	text := bearer + `, error="insufficient_user_authentication"`
	if stepUp.MaxAge > 0 {
		text += ", max_age=" + strconv.Itoa(max(1, int(stepUp.MaxAge.Seconds())))
	}
	if stepUp.MFA {
		text += `, acr_values="mfa"`
	}
	return text
}

// seconds returns d in whole seconds, rounded up, and at least 1.
func seconds(wait time.Duration) int {
	return max(1, int(math.Ceil(wait.Seconds())))
}
