// Package live serves lists that clients follow: a stream of server-sent events, and a list that waits for a change.
package live

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Config tunes a Live. Its zero value works.
type Config struct {
	// Identify returns the caller of a request again, each second. A stream ends when its token has expired. nil: nobody's
	// token expires.
	Identify func(*http.Request) (caller.Caller, error)

	Heartbeat time.Duration // between two comments of a quiet stream; default: 15 s
	Tick      time.Duration // between two calls of Identify; default: 1 s
}

// A Live serves the lists of a model.
type Live struct {
	hub   *feed.Hub
	rows  *record.DB
	model *model.Model
	cfg   Config
}

// New returns the lists of a model to follow.
func New(hub *feed.Hub, rows *record.DB, m *model.Model, cfg Config) *Live {
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = 15 * time.Second
	}
	if cfg.Tick == 0 {
		cfg.Tick = time.Second
	}
	return &Live{hub, rows, m, cfg}
}

// watchSuffix follows the name of a table in the path of a stream.
const watchSuffix = ":watch"

// WatchPattern is the route of streams in records.
const WatchPattern = "GET " + model.RowsPath + watchSuffix

// Lists returns the handler of GET /api/{table} with next as the handler of plain lists. A pattern of net/http cannot name a part
// of a segment, so this handler tells the two paths apart.
func (l *Live) Lists(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		name, watches := strings.CutSuffix(r.PathValue("table"), watchSuffix)
		if watches {
			table := l.model.Table(name)
			if table == nil {
				return errs.New(errs.NotFound, "no such path")
			}
			r.Pattern = WatchPattern
			web.SetTable(r, table.Name, "watch")
			return l.watch(w, r, table)
		}
		if table := l.model.Table(name); table != nil && strings.Contains(r.URL.RawQuery, waitParam+"=") {
			web.SetTable(r, table.Name, "list")
			if err := l.wait(r, table); err != nil {
				return err
			}
		}
		return next(w, r)
	}
}

const typeEvents = "text/event-stream"

// acceptsEvents reports whether a request asks for a stream by its name. A stream for a client that only says */* would be a
// surprise: it never ends.
func acceptsEvents(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(name), typeEvents) && strings.ReplaceAll(params, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}

func (l *Live) watch(w http.ResponseWriter, r *http.Request, table *model.Table) error {
	if r.Method == http.MethodHead {
		return web.MethodNotAllowed([]string{http.MethodGet})
	}
	who := web.Caller(r)
	if err := l.rows.Allow(who, table, record.Read); err != nil {
		return err
	}
	if !acceptsEvents(r) {
		return errs.New(errs.NotAcceptable, "this is a stream of events: send Accept: %s", typeEvents)
	}
	req, err := parseWatch(r)
	if err != nil {
		return err
	}
	watcher, err := l.hub.Watch(r.Context(), who, table, req)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", typeEvents)
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return web.Hold(w, r, func(s *web.Stream, r *http.Request) error {
		defer watcher.Close()
		return l.stream(s, r, watcher)
	})
}

// stream sends the events of a watcher until one side ends. A client that is gone is no error.
//
// There may be ten thousand streams, so each keeps little: the text of events is shared, and only who has a token is looked
// at each second.
func (l *Live) stream(s *web.Stream, r *http.Request, watcher *feed.Watcher) error {
	heartbeat := time.NewTimer(l.cfg.Heartbeat)
	defer heartbeat.Stop()
	var ticks <-chan time.Time
	if l.cfg.Identify != nil && !web.Caller(r).IsAnonymous() {
		tick := time.NewTicker(l.cfg.Tick)
		defer tick.Stop()
		ticks = tick.C
	}
	record := web.Record(r)
	record.Rows = 0 // of the list that was read at the begin
	for {
		var err, ended error
		select {
		case <-s.Context().Done():
			return nil
		case <-watcher.Signal():
			var batches []*feed.Batch
			batches, ended = watcher.Take()
			for _, batch := range batches {
				record.Rows += rowsIn(batch)
				if _, err = s.Write(batch.Text); err != nil {
					return nil
				}
			}
		case <-heartbeat.C:
			_, err = s.Write(appendHeartbeat(nil, watcher.Token()))
		case <-ticks:
			if _, ended = l.cfg.Identify(r); ended == nil {
				continue
			}
		}
		if ended != nil && err == nil {
			_, err = s.Write(appendEnd(nil, ended))
		}
		if err != nil {
			return nil
		}
		s.Flush()
		if ended != nil {
			return nil
		}
		heartbeat.Reset(l.cfg.Heartbeat)
	}
}

// rowsIn counts the events of rows.
func rowsIn(b *feed.Batch) (n int) {
	for _, e := range b.Events {
		switch e.Name {
		case "enter", "change", "leave":
			n++
		}
	}
	return n
}

// appendHeartbeat appends a comment. An id without data is no event for a browser, and moves the point where it resumes.
func appendHeartbeat(dst []byte, id string) []byte {
	dst = append(dst, ":\n"...)
	if id != "" {
		dst = append(append(append(dst, "id: "...), id...), '\n')
	}
	return append(dst, '\n')
}

// retry is the time after which a client connects again, in milliseconds.
const retry = "retry: 1000\n\n"

// appendEnd appends the last lines of a stream. If connecting again would end alike, the event end has the reason. Other
// clients resume: they read too slowly, the server stops, or the database cannot be reached.
func appendEnd(dst []byte, cause error) []byte {
	switch failure, _ := errors.AsType[*errs.Error](cause); errs.KindOf(cause) {
	case errs.Unauthenticated, errs.Forbidden, errs.Malformed:
		return feed.Event{Name: "end", Data: problemOf(failure)}.Append(dst)
	}
	return append(dst, retry...)
}

// parseWatch reads the parameters of a stream.
func parseWatch(r *http.Request) (req feed.Request, err error) {
	params, err := web.ParseQuery(r.URL.RawQuery, "fields", "expand")
	if err != nil {
		return req, err
	}
	for _, param := range params {
		switch name := param.Name; {
		case name == "filter":
			req.Query.Filter = param.Value
		case name == "fields":
			req.Query.Fields = param.Value
		case name == "expand":
			req.Query.Expand = param.Value
		case name == "initial" && (param.Value == "true" || param.Value == "false"):
			req.Initial = param.Value == "true"
		case name == "initial":
			return req, errs.New(errs.Malformed, "initial must be true or false")
		case strings.HasPrefix(name, "arg."):
			if req.Query.Args == nil {
				req.Query.Args = map[string]string{}
			}
			req.Query.Args[strings.TrimPrefix(name, "arg.")] = param.Value
		case slices.Contains([]string{"sort", "limit", "cursor", "total", waitParam}, name):
			return req, errs.New(errs.Malformed, "a watched list has no %s: it has no order and no pages. Remove the parameter", name)
		default:
			return req, errs.New(errs.Malformed, "there is no parameter %q: a watched list has filter, arg.NAME, fields, expand and initial", errs.Clip(name, 60))
		}
	}
	ids := r.Header["Last-Event-Id"]
	if len(ids) > 1 {
		return req, errs.New(errs.Malformed, "Last-Event-ID is given %d times", len(ids))
	}
	if len(ids) == 1 {
		req.Last = ids[0]
	}
	return req, nil
}
