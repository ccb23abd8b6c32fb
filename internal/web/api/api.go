// Package api serves the data API: JSON over HTTP on the tables of a model.
package api

import (
	"bytes"
	"cmp"
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// An API serves the rows of a model.
type API struct {
	rows    *record.DB
	model   *model.Model
	answers *admit.Shares[caller.Client] // bytes of large answers
}

const (
	largeAnswer = 1 << 20   // from this size in bytes on, an answer counts
	allAnswers  = 256 << 20 // bytes of all large answers waiting for their clients
)

// Answers returns counts of the memory of large answers.
func (a *API) Answers() admit.Stats { return a.answers.Stats() }

// New returns the data API of a model.
func New(rows *record.DB, m *model.Model) *API {
	return &API{rows: rows, model: m, answers: admit.NewShares[caller.Client](allAnswers)}
}

// table returns the table in the path, and names the operation in the record of the request.
func (a *API) table(r *http.Request, operation string) (*model.Table, error) {
	table := a.model.Table(r.PathValue("table"))
	if table == nil {
		return nil, errs.New(errs.NotFound, "no such path")
	}
	web.SetTable(r, table.Name, operation)
	return table, nil
}

// id returns the id in the path. An id of another type than the key is missing, and no row has it.
func id(r *http.Request, table *model.Table) value.Value {
	v, ok := value.ParseID(table, r.PathValue("id"))
	if !ok {
		return value.Value{}
	}
	return v
}

func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	target, err := a.table(r, "list")
	if err != nil {
		return err
	}
	rows := a.rows.As(web.Caller(r))
	defer rows.Done()
	table := rows.Table(target)
	if err := table.Allow(record.Read); err != nil {
		return err
	}
	query, err := parseList(r.URL.RawQuery)
	if err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	buf := buffers.get()
	defer buffers.put(buf)
	answer, err := table.List(r.Context(), query, *buf)
	if err != nil {
		return err
	}
	defer answer.Begun.Free()
	size := answer.Len()
	if !answer.Shared {
		*buf = answer.JSON
	}
	tag := answer.Tag.String()
	if cond.given() {
		notModified, err := cond.onRead(func(tags web.ETags) bool { return names(tags, tag) })
		if err != nil {
			return err
		}
		if notModified {
			setKeepers(w, r, answer.Public)
			web.SetETag(w, listTag(tag, web.Coding(w, size)))
			return web.Empty(w, http.StatusNotModified)
		}
	}
	memory, err := a.keep(r, size) // of a shared answer too: a slow client may hold it longer than the cache does
	if err != nil {
		return err
	}
	defer memory.Give()
	coding := web.Coding(w, size)
	setKeepers(w, r, answer.Public)
	web.SetETag(w, listTag(tag, coding))
	if coding != "" {
		coded, err := answer.Coded(coding, web.Compress)
		if err != nil {
			return err
		}
		if coded != nil {
			w.Header()["Content-Encoding"] = []string{coding}
			return web.JSON(w, http.StatusOK, coded)
		}
	}
	return web.LongJSON(w, http.StatusOK, answer.Begun, answer.JSON)
}

func (a *API) get(w http.ResponseWriter, r *http.Request) error {
	table, err := a.table(r, "get")
	if err != nil {
		return err
	}
	v, badView := parseView(r.URL.RawQuery)
	cond, badTags := parseConditions(r)
	if err := cmp.Or(badView, badTags); err != nil {
		// A caller who may read nothing must not learn about faults in its parameters. Get checks access itself.
		return cmp.Or(a.rows.Allow(web.Caller(r), table, record.Read), err)
	}
	buf := buffers.get()
	defer buffers.put(buf)
	row, err := a.rows.GetLong(r.Context(), web.Caller(r), table, id(r, table), v, (*buf)[:0])
	if err != nil {
		return err
	}
	*buf = row.JSON
	defer row.Begun.Free()
	memory, err := a.keep(r, row.Begun.Len()+len(row.JSON))
	if err != nil {
		return err
	}
	defer memory.Give()
	setKeepers(w, r, row.Public)
	if row.Plain {
		web.SetETag(w, etag(row, web.Coding(w, len(row.JSON))))
	}
	if cond.given() {
		notModified, err := cond.onRead(func(tags web.ETags) bool {
			return tags.Any() || (row.Plain && names(tags, strings.Trim(etag(row, ""), `"`)))
		})
		if err != nil {
			return err
		}
		if notModified {
			return web.Empty(w, http.StatusNotModified)
		}
	}
	return web.LongJSON(w, http.StatusOK, row.Begun, row.JSON)
}

func (a *API) create(w http.ResponseWriter, r *http.Request) error {
	target, err := a.table(r, "create")
	if err != nil {
		return err
	}
	rows := a.rows.As(web.Caller(r))
	defer rows.Done()
	table := rows.Table(target)
	if err := table.Allow(record.Create); err != nil {
		return err
	}
	members, err := readMembers(w, r, typeJSON)
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
	row, err := table.Create(r.Context(), members)
	if err != nil {
		return err
	}
	w.Header()["Location"] = []string{location(target, row.ID)}
	return writeRow(w, row, http.StatusCreated, http.StatusCreated)
}

func (a *API) update(w http.ResponseWriter, r *http.Request) error {
	target, err := a.table(r, "update")
	if err != nil {
		return err
	}
	rows := a.rows.As(web.Caller(r))
	defer rows.Done()
	table := rows.Table(target)
	if err := table.Allow(record.Update); err != nil {
		return err
	}
	patch, err := readMembers(w, r, typeJSON, typeMerge)
	if err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	row, err := table.Update(r.Context(), id(r, target), patch, cond.onWrite())
	if err != nil {
		return cond.explain(err)
	}
	return writeRow(w, row, http.StatusOK, http.StatusNoContent)
}

func (a *API) delete(w http.ResponseWriter, r *http.Request) error {
	target, err := a.table(r, "delete")
	if err != nil {
		return err
	}
	rows := a.rows.As(web.Caller(r))
	defer rows.Done()
	table := rows.Table(target)
	if err := table.Allow(record.Delete); err != nil {
		return err
	}
	if err := noParams(r.URL.RawQuery); err != nil {
		return err
	}
	cond, err := parseConditions(r)
	if err != nil {
		return err
	}
	if err := table.Delete(r.Context(), id(r, target), cond.onWrite()); err != nil {
		return cond.explain(err)
	}
	return web.Empty(w, http.StatusNoContent)
}

// readMembers reads the members of the body of a write. Writes take no parameters.
func readMembers(w http.ResponseWriter, r *http.Request, types ...string) ([]value.Member, error) {
	data, err := web.ReadBody(w, r, apilimit.BodyBytes, types...)
	if err != nil {
		return nil, err
	}
	if err := noParams(r.URL.RawQuery); err != nil {
		return nil, err
	}
	return value.DecodeObject(bytes.TrimPrefix(data, byteOrderMark))
}

// byteOrderMark is U+FEFF in UTF-8. PowerShell writes it before JSON, and RFC 8259 (8.1) lets a reader ignore it.
var byteOrderMark = []byte("\xef\xbb\xbf")

// writeRow answers a write with the row, or without a body if the caller may not read the row.
func writeRow(w http.ResponseWriter, row record.Row, shown, hidden int) error {
	setPrivate(w)
	if row.JSON == nil {
		return web.Empty(w, hidden)
	}
	web.SetETag(w, etag(row, web.Coding(w, len(row.JSON))))
	return web.JSON(w, shown, row.JSON)
}

// keep takes memory for an answer until its client has read it. Each client has a share, so one that reads slowly does not
// keep others from their answers. The client must read by the deadline of the connection: see web.ServerConfig.WriteTimeout.
func (a *API) keep(r *http.Request, size int) (memory admit.Share[caller.Client], err error) {
	if size < largeAnswer { // the limit of concurrent requests bounds small ones
		return memory, nil
	}
	memory, err = a.answers.Take(web.Caller(r).Client(), int64(size))
	switch err {
	case nil:
		return memory, nil
	case admit.ErrShare:
		web.Record(r).Refuse("answers-share")
		return memory, errs.New(errs.Unavailable, "too many large answers to you are under way: read them first")
	}
	web.Record(r).Refuse("answers")
	return memory, errs.New(errs.Unavailable, "too many large answers are under way: try again")
}
