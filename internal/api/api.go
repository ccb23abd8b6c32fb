// Package api is the data API: JSON over HTTP on the tables of a model.
package api

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// API serves the rows of a model.
type API struct {
	rows         *record.DB
	model        *model.Model
	answerMemory *admit.Budget
}

const (
	largeAnswer = 1 << 20   // size of an answer, in bytes, from which on answerMemory counts it
	allAnswers  = 256 << 20 // memory of all large answers that wait for their clients, in bytes
)

// New returns the data API of a model.
func New(rows *record.DB, m *model.Model) *API {
	return &API{rows: rows, model: m, answerMemory: admit.NewBudget(allAnswers, largeAnswer)}
}

// Routes adds the API to a mux. GET answers HEAD too.
func (a *API) Routes(mux *web.Mux) {
	mux.Handle("GET /api/{table}", a.list)
	mux.Handle("POST /api/{table}", a.create)
	mux.Handle("GET /api/{table}/{id}", a.get)
	mux.Handle("PATCH /api/{table}/{id}", a.update)
	mux.Handle("DELETE /api/{table}/{id}", a.delete)
	mux.Handle("/api/{table}", a.otherMethod("POST"))
	mux.Handle("/api/{table}/{id}", a.otherMethod("PATCH", "DELETE"))
}

// otherMethod refuses a method that no handler is for. writes are the methods that the path has beside GET and HEAD,
// where it is not a view's.
func (a *API) otherMethod(writes ...string) web.Handler {
	return func(_ http.ResponseWriter, r *http.Request) error {
		t, err := a.table(r)
		if err != nil {
			return err
		}
		allow := []string{"GET", "HEAD"}
		if t.View == nil {
			allow = append(allow, writes...)
		}
		slices.Sort(allow)
		return &errs.Error{Kind: errs.MethodNotAllowed, Allow: allow, Message: "the methods here are " + strings.Join(allow, ", ")}
	}
}

// table is the table that the path names.
func (a *API) table(r *http.Request) (*model.Table, error) {
	t := a.model.Table(r.PathValue("table"))
	if t == nil {
		return nil, errs.New(errs.NotFound, "no such path")
	}
	web.Record(r).Table = t.Name
	return t, nil
}

// id is the id that the path names; missing, which no row is, where it is not of the key's type.
func id(r *http.Request, t *model.Table) value.Value {
	v, ok := value.ParseID(t, r.PathValue("id"))
	if !ok {
		return value.Value{}
	}
	return v
}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	if err := a.rows.Allow(web.Caller(r), t, record.Read); err != nil {
		return err
	}
	q, err := parseList(r.URL.RawQuery)
	if err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	notModified, err := cond.onRead("") // a list has no tag, so only * matches it
	if err != nil {
		return err
	}
	if notModified {
		private(w)
		return web.Empty(w, http.StatusNotModified)
	}
	buf := buffers.get()
	defer buffers.put(buf)
	body, err := a.rows.List(r.Context(), web.Caller(r), t, q, (*buf)[:0])
	if err != nil {
		return err
	}
	*buf = body
	if !a.answerMemory.Take(len(body)) {
		return tooManyAnswers()
	}
	defer a.answerMemory.Release(len(body))
	private(w)
	return web.JSON(w, http.StatusOK, body)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	v, badView := parseView(r.URL.RawQuery)
	cond, badTags := parseConditions(r)
	if err := cmp.Or(badView, badTags); err != nil { // which who may read nothing is not told; Get asks for itself
		return cmp.Or(a.rows.Allow(web.Caller(r), t, record.Read), err)
	}
	buf := buffers.get()
	defer buffers.put(buf)
	row, err := a.rows.Get(r.Context(), web.Caller(r), t, id(r, t), v, (*buf)[:0])
	if err != nil {
		return err
	}
	*buf = row.JSON
	if !a.answerMemory.Take(len(row.JSON)) {
		return tooManyAnswers()
	}
	defer a.answerMemory.Release(len(row.JSON))
	private(w)
	tag := ""
	if row.Plain {
		tag = etag(row, web.Coding(w, len(row.JSON)))
		w.Header()[web.ETagHeader] = []string{tag}
	}
	if cond.given() {
		notModified, err := cond.onRead(tag)
		if err != nil {
			return err
		}
		if notModified {
			return web.Empty(w, http.StatusNotModified)
		}
	}
	return web.JSON(w, http.StatusOK, row.JSON)
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	if err := a.rows.Allow(web.Caller(r), t, record.Create); err != nil {
		return err
	}
	members, err := body(w, r, "application/json")
	if err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	if err := cond.onCreate(); err != nil {
		return err
	}
	row, err := a.rows.Create(r.Context(), web.Caller(r), t, members)
	if err != nil {
		return err
	}
	w.Header().Set("Location", location(t, row.ID))
	return written(w, row, http.StatusCreated, http.StatusCreated)
}

func (a *API) update(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	if err := a.rows.Allow(web.Caller(r), t, record.Update); err != nil {
		return err
	}
	patch, err := body(w, r, "application/json", "application/merge-patch+json")
	if err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	row, err := a.rows.Update(r.Context(), web.Caller(r), t, id(r, t), patch, cond.onWrite())
	if err != nil {
		return cond.explain(err)
	}
	return written(w, row, http.StatusOK, http.StatusNoContent)
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	if err := a.rows.Allow(web.Caller(r), t, record.Delete); err != nil {
		return err
	}
	if err := noParams(r.URL.RawQuery); err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	if err := a.rows.Delete(r.Context(), web.Caller(r), t, id(r, t), cond.onWrite()); err != nil {
		return cond.explain(err)
	}
	return web.Empty(w, http.StatusNoContent)
}

// body reads the members of a request's body; a write takes no parameters.
func body(w http.ResponseWriter, r *http.Request, types ...string) ([]value.Member, error) {
	data, err := web.ReadBody(w, r, maxBody, types...)
	if err != nil {
		return nil, err
	}
	if err := noParams(r.URL.RawQuery); err != nil {
		return nil, err
	}
	return value.DecodeObject(bytes.TrimPrefix(data, byteOrderMark))
}

// byteOrderMark is U+FEFF in UTF-8. PowerShell writes it in front of JSON, and RFC 8259 (8.1) lets a reader ignore it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// written answers a write with the row as the caller may see it, or without a body.
func written(w http.ResponseWriter, row record.Written, shown, hidden int) error {
	private(w)
	if row.JSON == nil {
		return web.Empty(w, hidden)
	}
	w.Header()[web.ETagHeader] = []string{etag(row, web.Coding(w, len(row.JSON)))}
	return web.JSON(w, shown, row.JSON)
}

func tooManyAnswers() error {
	return errs.New(errs.Unavailable, "too many large answers are under way: try again")
}
