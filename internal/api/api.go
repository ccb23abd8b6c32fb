// Package api is the data API: JSON over HTTP on the tables of a model.
package api

import (
	"cmp"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// API serves the rows of a model.
type API struct {
	rows    *record.DB
	model   *schema.Model
	answers budget
}

// New returns the data API of a model.
func New(rows *record.DB, m *schema.Model) *API {
	return &API{rows: rows, model: m, answers: budget{free: allAnswers}}
}

// Routes adds the API to a mux. GET answers HEAD too.
func (a *API) Routes(mux *web.Mux) {
	mux.Handle("GET /api/{table}", a.list)
	mux.Handle("POST /api/{table}", a.create)
	mux.Handle("GET /api/{table}/{id}", a.get)
	mux.Handle("PATCH /api/{table}/{id}", a.update)
	mux.Handle("DELETE /api/{table}/{id}", a.delete)
}

// table is the table that the path names.
func (a *API) table(r *http.Request) (*schema.Table, error) {
	t := a.model.Table(r.PathValue("table"))
	if t == nil {
		return nil, errs.New(errs.NotFound, "no such path")
	}
	web.Record(r).Table = t.Name
	return t, nil
}

// id is the id that the path names; missing, which no row is, where it is not of the key's type.
func id(r *http.Request, t *schema.Table) value.Value {
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
	buf := buffers.get()
	defer buffers.put(buf)
	body, err := a.rows.List(r.Context(), web.Caller(r), t, q, (*buf)[:0])
	if err != nil {
		return err
	}
	*buf = body
	give, err := a.answers.take(len(body))
	if err != nil {
		return err
	}
	defer give()
	private(w)
	return web.JSON(w, http.StatusOK, body)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	t, err := a.table(r)
	if err != nil {
		return err
	}
	v, badView := parseView(r.URL.RawQuery)
	none, badTags := web.ParseETags(r.Header["If-None-Match"])
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
	give, err := a.answers.take(len(row.JSON))
	if err != nil {
		return err
	}
	defer give()
	private(w)
	if row.Plain {
		tag := etag(row)
		w.Header()["Etag"] = []string{tag} // the canonical name
		if none.Given() && none.MatchWeak(tag) {
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
	match, err := ifMatch(r)
	if err != nil {
		return err
	}
	row, err := a.rows.Update(r.Context(), web.Caller(r), t, id(r, t), patch, match)
	if err != nil {
		return err
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
	match, err := ifMatch(r)
	if err != nil {
		return err
	}
	if err := a.rows.Delete(r.Context(), web.Caller(r), t, id(r, t), match); err != nil {
		return err
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
	return value.DecodeObject(data)
}

// written answers a write with the row as the caller may see it, or without a body.
func written(w http.ResponseWriter, row record.Written, shown, hidden int) error {
	private(w)
	if row.JSON == nil {
		return web.Empty(w, hidden)
	}
	w.Header()["Etag"] = []string{etag(row)}
	return web.JSON(w, shown, row.JSON)
}
