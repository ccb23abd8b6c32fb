package feed

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// A Request is what a client wants to watch.
type Request struct {
	Query   record.Query // its Filter, Args, Fields and Expand
	Initial bool         // the rows of the list come first
	Last    string       // id of the last event of an earlier watcher; "": there was none
}

// Watch begins to watch a list. Its first events are the rows, if they are wanted, and then ready: whatever is committed
// after that is told. A watcher that resumes first gets what it has missed, or reset if that cannot be known.
//
// The caller must close the Watcher.
func (h *Hub) Watch(ctx context.Context, who caller.Caller, table *model.Table, req Request) (_ *Watcher, err error) {
	defer errs.Wrap(&err, "feed.Watch(%s)", table.Name)
	if err := h.rows.Allow(who, table, record.Read); err != nil {
		return nil, err
	}
	if h.tables[table.Name] == nil {
		return nil, errs.New(errs.Malformed, "the table %s cannot be watched: its model has no `watch: true`", table.Name)
	}
	for name := range req.Query.Args {
		if strings.HasPrefix(name, argPrefix) {
			return nil, errs.New(errs.Malformed, "the argument %q has a name that is reserved: give it another one", errs.Clip(name, 60))
		}
	}
	req.Query.Sort, req.Query.Cursor, req.Query.Total, req.Query.Limit = "", "", false, apilimit.MaxLimit
	req.Query.Fields = withID(req.Query.Fields)
	live, err := h.rows.Window(who, table, req.Query)
	if err != nil {
		return nil, err
	}
	var last *token
	if req.Last != "" {
		t, err := parseToken(req.Last)
		if err != nil {
			return nil, err
		}
		last = &t
	}
	if err := h.rows.Prove(ctx, who); err != nil {
		return nil, err
	}
	watcher := &Watcher{who: who, client: who.Client(), began: h.cfg.Now(), signal: make(chan struct{}, 1)}
	watcher.check, watcher.guards = h.rows.Proof(who)
	w, err := h.join(ctx, watcher, table, req.Query, live)
	if err != nil {
		return nil, err
	}
	if err := w.begin(ctx, watcher, req.Initial, last); err != nil {
		watcher.Close()
		return nil, err
	}
	h.counts.started.Add(1)
	return watcher, nil
}

// withID returns a list of fields with the id, by which clients and windows know a row.
func withID(fields string) string {
	if fields == "" || slices.Contains(strings.Split(fields, ","), "id") {
		return fields
	}
	return "id," + fields
}

// refused reports whether an error says that a caller may no longer watch.
func refused(err error) bool {
	kind := errs.KindOf(err)
	return kind == errs.Unauthenticated || kind == errs.Forbidden
}

// join finds or makes the window of a watcher, and follows the log from now on.
func (h *Hub) join(ctx context.Context, watcher *Watcher, table *model.Table, query record.Query, live record.Window) (*window, error) {
	select {
	case h.following <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.following }()
	h.mu.Lock()
	position := h.position
	var unknown []string
	for _, name := range live.Others {
		if h.others[name] == nil {
			unknown = append(unknown, name)
		}
	}
	h.mu.Unlock()
	if position == "" {
		var err error
		if position, err = h.log.Now(ctx); err != nil {
			return nil, err
		}
	}
	// The versions are read before the rows, so that a later change of a table is noticed.
	versions, err := h.versions(ctx, unknown)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admit(watcher.client); err != nil {
		return nil, err
	}
	h.position = position
	h.addOthers(unknown, versions)
	w := h.windows[live.Key]
	if w == nil {
		w = newWindow(h, table, query, live)
		h.windows[live.Key] = w
		if h.byTable[table] == nil {
			h.byTable[table] = map[*window]struct{}{}
		}
		h.byTable[table][w] = struct{}{}
		for _, name := range live.Others {
			h.other(name).windows[w] = struct{}{}
		}
	}
	watcher.window = w
	w.users++
	h.watchers[watcher] = struct{}{}
	h.clients[watcher.client]++
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return w, nil
}

// retryWhenFull is when a client may come again if too many watch.
const retryWhenFull = 30 * time.Second

func (h *Hub) admit(client caller.Client) error {
	switch {
	case h.stopping:
		return errs.New(errs.Unavailable, "the server stops: connect again")
	case len(h.watchers)+h.waiting >= h.cfg.Streams:
		err := errs.New(errs.Unavailable, "too many lists are watched: try again later")
		err.RetryAfter = retryWhenFull
		return err
	case h.clients[client] >= h.cfg.Each:
		err := errs.New(errs.Limited, "you watch %d lists already: end one of these streams first", h.cfg.Each)
		err.RetryAfter = retryWhenFull
		return err
	}
	return nil
}

// left forgets a watcher, and its window if it was the last one.
func (h *Hub) left(watcher *Watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.watchers[watcher]; !known {
		return
	}
	delete(h.watchers, watcher)
	if h.clients[watcher.client]--; h.clients[watcher.client] == 0 {
		delete(h.clients, watcher.client)
	}
	w := watcher.window
	if w.users--; w.users > 0 {
		return
	}
	delete(h.windows, w.live.Key)
	delete(h.byTable[w.table], w)
	for _, name := range w.live.Others {
		if o := h.others[name]; o != nil {
			delete(o.windows, w)
			h.forget(name, o)
		}
	}
}

// begin reads the list and gives the watcher its first events.
func (w *window) begin(ctx context.Context, watcher *Watcher, initial bool, last *token) error {
	select {
	case w.evaluating <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-w.evaluating }()
	if !initial && last == nil {
		if done, err := w.beginUnread(ctx, watcher); done || err != nil {
			return err
		}
	}
	position, err := w.hub.log.Now(ctx) // before the rows: what is committed in between is told twice rather than never
	if err != nil {
		return err
	}
	others := w.hub.othersOf(w.live.Others)
	// The watcher reads as itself. The others of the window are told what this finds.
	rows, err := w.readAs(ctx, watcher.who, w.query)
	if err != nil {
		return err
	}
	var missed []Event
	reset := false
	if last != nil {
		if missed, err = w.missed(ctx, rows, last); errors.Is(err, errTooOld) {
			reset, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	var told []*Watcher
	defer func() { wakeAll(told) }()
	w.mu.Lock()
	defer w.mu.Unlock()
	events := w.difference(rows, slices.Sorted(maps.Keys(w.shown)))
	w.position, w.others, w.token, w.size = position, others, "", len(w.shown)
	now := w.currentToken()
	if len(events) > 0 {
		events[len(events)-1].ID = now
	}
	told = w.tell(events)
	first := missed
	// A client that is cut while it begins shows nothing, or a part of the rows. Its token says so, and that any row is in question.
	at := token{window: w.id, others: ^others, position: position}
	if reset {
		w.hub.counts.resets.Add(1)
		first = append(first, Event{Name: "reset", ID: at.String(), Data: []byte(`{}`)})
	}
	if initial && (last == nil || reset) {
		for _, r := range rows {
			at.shown.toggle(hashRow(w.hub.cfg.Key, w.id, r.id))
			first = append(first, Event{Name: "enter", ID: at.String(), Data: r.json})
		}
	}
	first = append(first, Event{Name: "ready", ID: now, Data: []byte(`{}`)})
	w.watchers[watcher] = struct{}{}
	watcher.push(newBatch(first))
	watcher.wake()
	return nil
}

// beginUnread is begin for a watcher that needs no rows, if the window knows its list as it is now. So thousands of clients that
// watch one list read it once. The caller is in evaluating.
func (w *window) beginUnread(ctx context.Context, watcher *Watcher) (done bool, err error) {
	w.mu.Lock()
	from, quiet := w.position, w.known && !w.working && w.pending.isEmpty()
	w.mu.Unlock()
	if from == "" || !quiet || w.live.Timed {
		return false, nil
	}
	changed := false
	to, err := w.hub.log.Since(ctx, from, func(c Change) error {
		changed = changed || c.Table == "" || c.Table == w.table.Name
		return nil
	})
	if changed || errors.Is(err, errTooOld) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if to != w.position {
		w.position, w.token = to, ""
	}
	w.watchers[watcher] = struct{}{}
	watcher.push(newBatch([]Event{{Name: "ready", ID: w.currentToken(), Data: []byte(`{}`)}}))
	watcher.wake()
	return true, nil
}

// missed returns the events since a token, so that the watcher then shows the rows. The error is errTooOld if that cannot be
// known.
func (w *window) missed(ctx context.Context, rows []row, last *token) ([]Event, error) {
	if last.window != w.id || w.live.Timed {
		return nil, errTooOld
	}
	// The other tables are looked at after the rows were read. A change of one that the rows show already would be lost else.
	others, err := w.hub.versions(ctx, w.live.Others)
	if err != nil {
		return nil, err
	}
	changed, err := w.changedSince(ctx, last.position)
	if err != nil {
		return nil, err
	}
	// A change elsewhere may have let rows in, or made them look different.
	moved := last.others != hashOthers(w.live.Others, others) || (w.live.Whole && len(changed) > 0)
	shown, ok := w.shownBefore(rows, changed, last.shown)
	if !ok && moved {
		for _, r := range rows {
			changed[r.id] = true
		}
		shown, ok = w.shownBefore(rows, changed, last.shown)
	}
	if !ok {
		return nil, errTooOld
	}
	return w.events(rows, changed, shown, last, moved), nil
}

// changedSince returns the ids of the rows of the table that changed after a position.
func (w *window) changedSince(ctx context.Context, from Position) (changed map[string]bool, err error) {
	changed = map[string]bool{}
	whole := false
	_, err = w.hub.log.Since(ctx, from, func(c Change) error {
		if c.Table == w.table.Name && c.Row != "" {
			changed[idJSON(w.table, c.Row)] = true
		}
		if whole = whole || c.Table == "" || (c.Table == w.table.Name && c.Row == ""); whole || len(changed) > maxSolved {
			return errTooOld
		}
		return nil
	})
	if errors.Is(err, errMalformed) { // of another engine
		err = errTooOld
	}
	return changed, err
}

// shownBefore returns which of the rows in question a client shows whose digest is target. It shows all other rows of the list.
func (w *window) shownBefore(rows []row, inQuestion map[string]bool, target digest) (shown map[string]bool, ok bool) {
	if len(inQuestion) > maxSolved {
		return nil, false
	}
	for _, r := range rows {
		if !inQuestion[r.id] {
			target.toggle(hashRow(w.hub.cfg.Key, w.id, r.id))
		}
	}
	ids := slices.Sorted(maps.Keys(inQuestion))
	hashes := make([]digest, len(ids))
	for i, id := range ids {
		hashes[i] = hashRow(w.hub.cfg.Key, w.id, id)
	}
	chosen, ok := subset(hashes, target)
	shown = map[string]bool{}
	for i, id := range ids {
		shown[id] = ok && chosen[i]
	}
	return shown, ok
}

// events returns what leads from the rows that a client shows to the rows of the list. If something has changed elsewhere, each
// row of the list may look different. The token knows whether none does, unless one of the rows was changed itself.
func (w *window) events(rows []row, changed, shown map[string]bool, last *token, moved bool) (events []Event) {
	at, content := *last, uint64(0)
	at.content = 0 // unknown
	add := func(name, id string, data []byte, toggles bool) {
		if toggles {
			at.shown.toggle(hashRow(w.hub.cfg.Key, w.id, id))
		}
		events = append(events, Event{Name: name, Data: data, ID: at.String()})
	}
	is := map[string]bool{}
	for _, r := range rows {
		is[r.id] = true
		content ^= hashContent(w.hub.cfg.Key, r.json)
	}
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		if shown[id] && !is[id] {
			add("leave", id, []byte(`{"id":`+id+`}`), true)
		}
	}
	same := last.content != 0 && content == last.content
	for _, r := range rows {
		switch {
		case !changed[r.id] && (!moved || same):
		case changed[r.id] && !shown[r.id]:
			add("enter", r.id, r.json, true)
		default:
			add("change", r.id, r.json, false)
		}
	}
	return events
}
