package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

// HTTP returns the request as net/http knows it.
func (q *Request) HTTP() *http.Request { return q.r }

// Operator returns who asks.
func (q *Request) Operator() account.Operator { return q.operator }

// By returns the actor and the client for a use case of accounts.
func (q *Request) By() (caller.Caller, account.Client) { return q.operator.As(q.client()) }

func (q *Request) client() account.Client {
	c := account.Client{
		Address: web.ClientAddress(q.r), Agent: errs.Clip(q.r.UserAgent(), 500), Lang: errs.Clip(q.r.Header.Get("Accept-Language"), 100),
		Request: web.Record(q.r).ID, Cookie: true, Host: q.r.Host,
	}
	if cookie, err := q.r.Cookie(deviceCookie); err == nil {
		c.Device = errs.Clip(cookie.Value, 200)
	}
	return c
}

// maxForm bounds the body of a form, in bytes.
const maxForm = 64 << 10

// Form returns the fields of the form.
func (q *Request) Form() (url.Values, error) {
	if q.form != nil || q.r.ContentLength == 0 {
		return q.form, nil
	}
	body, err := web.ReadBody(q.w, q.r, maxForm, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errs.Wrapf(err, errs.Malformed, "the form cannot be read")
	}
	for name, values := range form {
		if !utf8.ValidString(name) || slices.ContainsFunc(values, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, errs.New(errs.Malformed, "the form is not in UTF-8")
		}
	}
	q.form = form
	return form, nil
}

// policy lets pages load their own style, script and icon, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Page answers with a page of the console. The template makes its main part.
func (q *Request) Page(status int, title string, t *template.Template, data any) error {
	var main, whole bytes.Buffer
	if err := t.Execute(&main, data); err != nil {
		return err
	}
	if err := templates.ExecuteTemplate(&whole, "layout.html", q.layout(title, template.HTML(main.String()))); err != nil { //nolint:gosec // html/template made it
		return err
	}
	return q.html(status, whole.Bytes())
}

func (q *Request) html(status int, body []byte) error {
	q.answered = true
	setPolicy(q.w.Header())
	return web.Bytes(q.w, status, "text/html; charset=utf-8", body)
}

func setPolicy(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// page is Page with a template of this package.
func (q *Request) page(status int, title, name string, data any) error {
	return q.Page(status, title, templates.Lookup(name), data)
}

// layout is the data of the frame around every page.
type layout struct {
	App, Title  string
	Style, Code string // paths
	Passkey     string // path of the script
	Styles      []string
	Scripts     []string
	Operator    *account.Operator
	Groups      []navGroup
	Own         string // path of the operator's own account
	Done        string
	Plain       bool // a sign-in would be in vain
	Main        template.HTML
}

// A navGroup is a part of the navigation.
type navGroup struct {
	Title string
	Links []link
}

type link struct {
	Title, Path string
	Current     bool
}

func (q *Request) layout(title string, main template.HTML) layout {
	l := layout{App: q.console.app, Title: title, Style: assetPath("console.css"), Code: assetPath("console.js"), Passkey: assetPath("passkey.js"), Main: main}
	if q.operator.Account == "" {
		l.Plain = isPlain(q.r)
		return l
	}
	l.Operator = &q.operator
	l.Done, l.Own = doneText(q.r.URL.Query().Get("done")), ownPath
	if q.waits() { // the pages behind the links would all lead back here
		l.Own = factorPath
		return l
	}
	for _, section := range q.console.sections {
		path := q.r.URL.Path
		current := path == section.Path || strings.HasPrefix(path, section.Path+"/")
		if current {
			l.Styles, l.Scripts = section.Styles, section.Scripts
		}
		if n := len(l.Groups); n == 0 || l.Groups[n-1].Title != section.Group {
			l.Groups = append(l.Groups, navGroup{Title: section.Group})
		}
		last := &l.Groups[len(l.Groups)-1]
		last.Links = append(last.Links, link{section.Title, section.Path, current})
	}
	return l
}

// waits reports whether the operator must prove a second factor before anything else.
func (q *Request) waits() bool { return !web.IsLocal(q.r) && !q.operator.MFA }

// Redirect sends the browser to a page of this host.
func (q *Request) Redirect(path string) error {
	q.answered = true
	q.w.Header().Set("Location", path)
	return web.Empty(q.w, http.StatusSeeOther)
}

// fail answers with the page of an error. The log gets the cause.
func (q *Request) fail(failure *errs.Error) error {
	record := web.Record(q.r)
	record.Err, record.Problem = failure, failure.Kind
	status, title := statusOf(failure.Kind)
	if q.isScript() {
		return q.json(status, passkey.Refusal{Detail: sentence(failure)})
	}
	if failure.Kind == errs.Limited || failure.Kind == errs.Unavailable {
		q.w.Header().Set("Retry-After", strconv.Itoa(max(1, int((failure.RetryAfter+time.Second-1)/time.Second))))
	}
	return q.page(status, title, "error.html", problem{
		Title: title, Message: failure.Message, Faults: failure.Faults, Request: record.ID,
		SignIn: failure.Kind == errs.Unauthenticated, Wait: waitOf(failure),
	})
}

// sentence returns the message of an error for a script, with the first fault if there is one.
func sentence(failure *errs.Error) string {
	text := failure.Message
	if len(failure.Faults) > 0 {
		text = failure.Faults[0].Detail
	}
	if wait := waitOf(failure); wait != "" {
		text += " (wait " + wait + ")"
	}
	return text
}

// problem is what went wrong, on a page of its own or above a form.
type problem struct {
	Title   string
	Message string
	Faults  []errs.Fault
	Request string
	Wait    string
	SignIn  bool
}

func waitOf(failure *errs.Error) string {
	if failure.RetryAfter <= 0 {
		return ""
	}
	return failure.RetryAfter.Round(time.Second).String()
}

// mistake returns an error that belongs above a form, or nil if the error needs a page of its own.
func mistake(err error) (*problem, int) {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return nil, 0
	}
	switch failure.Kind {
	case errs.Invalid, errs.Conflict, errs.Limited, errs.Unavailable, errs.Malformed:
	case errs.Unauthenticated: // a sign-in that fails
		if failure.StepUp != nil {
			return nil, 0
		}
	default:
		return nil, 0
	}
	p := &problem{Message: failure.Message, Faults: failure.Faults, Wait: waitOf(failure)}
	if len(p.Faults) > 0 {
		p.Message = ""
	}
	status, _ := statusOf(failure.Kind)
	return p, status
}

// Of returns the faults of a member of a form.
func (p *problem) Of(name string) (faults []errs.Fault) {
	if p == nil {
		return nil
	}
	for _, fault := range p.Faults {
		if fault.Pointer == "/"+name || strings.HasPrefix(fault.Pointer, "/"+name+"/") {
			faults = append(faults, fault)
		}
	}
	return faults
}

// cursorPurpose is what the cursors of lists are sealed for. They hold addresses, which must not be in histories and logs.
const cursorPurpose = "console cursor"

// seal seals the cursor of a list.
func (q *Request) seal(cursor, list string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	return q.console.keys.Seal(cursorPurpose, []byte(cursor), list)
}

// cursor returns the cursor of the request for a list.
func (q *Request) cursor(list string) (string, error) {
	text := q.r.URL.Query().Get("after")
	if text == "" {
		return "", nil
	}
	cursor, err := q.console.keys.Open(cursorPurpose, text, list)
	if err != nil {
		return "", errs.Wrapf(err, errs.Malformed, "this page of the list is no longer there: begin with the first page")
	}
	return string(cursor), nil
}

// Seal seals a text for the address of a page, where histories and logs must not read it. Open opens what was sealed for the
// same purpose.
func (q *Request) Seal(text, purpose string) (string, error) { return q.seal(text, purpose) }

// Open is the reverse of Seal.
func (q *Request) Open(sealed, purpose string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	text, err := q.console.keys.Open(cursorPurpose, sealed, purpose)
	if err != nil {
		return "", errs.Wrapf(err, errs.Malformed, "this address is no longer valid: begin with the first page")
	}
	return string(text), nil
}

// isPlain reports whether the browser came over plain HTTP from elsewhere. It keeps no cookie of the console then.
func isPlain(r *http.Request) bool {
	return r.TLS == nil && !web.IsLoopback(r.Host) && r.Header.Get("X-Forwarded-Proto") != "https" && r.Header.Get("Forwarded") == ""
}

// statusOf returns the status of a kind of error.
func statusOf(kind errs.Kind) (status int, title string) {
	for _, problem := range web.Problems() {
		if problem.Kind == kind {
			return problem.Status, problem.Title
		}
	}
	return http.StatusInternalServerError, "Internal error"
}

// isScript reports whether a request comes from the script of passkeys, which reads JSON.
func (q *Request) isScript() bool {
	return strings.HasPrefix(q.r.Header.Get("Accept"), "application/json")
}

// File answers with a file for the browser to save. The name has only letters, digits, dots and hyphens.
func (q *Request) File(name, mediaType string, body []byte) error {
	q.answered = true
	setPolicy(q.w.Header())
	q.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return web.Bytes(q.w, http.StatusOK, mediaType, body)
}

// JSON answers a script of a page.
func (q *Request) JSON(status int, answer any) error { return q.json(status, answer) }

func (q *Request) json(status int, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	q.answered = true
	return web.JSON(q.w, status, text)
}
