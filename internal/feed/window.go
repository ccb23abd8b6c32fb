package feed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// A window is a list that watchers with equal keys share. It knows which rows they show, and a hash of each.
type window struct {
	hub   *Hub
	id    [8]byte // hash of the key
	table *model.Table
	query record.Query
	live  record.Window
	users int // watchers that have not been closed; guarded by Hub.mu

	evaluating chan struct{} // has room for one: whoever is in it reads the rows, and may use the next three
	shown      map[string]uint64
	known      bool // shown is set
	digest     digest
	content    uint64 // exclusive or of the hashes of the rows

	mu       sync.Mutex
	watchers map[*Watcher]struct{}
	pending  pending
	working  bool
	size     int      // rows of the last read
	position Position // of the last read
	others   uint64   // hash of the generations of the other tables, before the last read of all rows
	token    string   // of shown at position; "": to be made
}

// pending is what has changed since the last read.
type pending struct {
	whole bool
	rows  map[string]struct{} // ids in JSON
	to    Position
}

func (p *pending) isEmpty() bool { return !p.whole && len(p.rows) == 0 }

// maxChanged is how many rows are read by their ids. More changes than that read the whole list.
const maxChanged = 64

func (p *pending) add(more pending) {
	p.whole = p.whole || more.whole
	if p.rows == nil && len(more.rows) > 0 {
		p.rows = map[string]struct{}{}
	}
	maps.Copy(p.rows, more.rows)
	if p.whole || len(p.rows) > maxChanged {
		p.whole, p.rows = true, nil
	}
	p.to = more.to
}

// maxRows bounds the rows of a window.
const maxRows = apilimit.MaxLimit

// row is a row of a list.
type row struct {
	id   string // in JSON
	json []byte
}

// errTooMany says that a list has more rows than a window.
func errTooMany() error {
	return errs.New(errs.Malformed, "the list has more than %d rows, and a watched list may not: narrow the filter", maxRows)
}

func newWindow(hub *Hub, table *model.Table, query record.Query, live record.Window) *window {
	w := &window{hub: hub, table: table, query: query, live: live, evaluating: make(chan struct{}, 1), watchers: map[*Watcher]struct{}{}, shown: map[string]uint64{}}
	sum := sha256.Sum256([]byte(live.Key))
	copy(w.id[:], sum[:])
	return w
}

// note adds changes and makes sure that somebody reads them. The hub holds its lock.
func (w *window) note(more pending) {
	if (w.live.Whole || w.live.Timed) && len(more.rows) > 0 {
		more.whole = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending.add(more)
	if w.working || w.pending.isEmpty() {
		return
	}
	w.working = true
	background.Go("watch", func() error { w.work(); return nil }, func(err error) {
		if err != nil {
			background.Report(w.hub.cfg.Logger)(err)
			w.mu.Lock()
			w.working = false
			w.mu.Unlock()
			w.endAll(errs.New(errs.Unavailable, "the list could not be read: connect again"))
		}
	})
}

// The pauses between the tries of a read that failed, and the number of tries.
const (
	retryPause = 100 * time.Millisecond
	maxTries   = 20
)

// work reads what has changed until nothing has.
func (w *window) work() {
	for tries := 0; ; {
		w.mu.Lock()
		next := w.pending
		w.pending = pending{}
		if next.isEmpty() {
			w.working = false
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
		err := w.update(next)
		if err == nil {
			tries = 0
			time.Sleep(w.pace())
			continue
		}
		if tries++; tries >= maxTries || errs.KindOf(err) == errs.Malformed {
			w.endAll(err)
			continue
		}
		w.mu.Lock()
		later := w.pending.to
		w.pending.add(next)
		if later != "" {
			w.pending.to = later
		}
		w.mu.Unlock()
		time.Sleep(retryPause)
	}
}

// readTime bounds one read of a window.
const readTime = 10 * time.Second

func (w *window) update(next pending) error {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	w.hub.slots <- struct{}{} // each holder ends within readTime
	defer func() { <-w.hub.slots }()
	w.evaluating <- struct{}{}
	defer func() { <-w.evaluating }()
	return w.evaluate(ctx, next)
}

// evaluate reads the rows that changed and tells the watchers. The caller is in evaluating.
func (w *window) evaluate(ctx context.Context, next pending) error {
	others := w.hub.othersOf(w.live.Others)
	if !w.known {
		next.whole = true
	}
	query, ids := w.query, slices.Sorted(maps.Keys(next.rows))
	if !next.whole {
		query = withIDs(query, ids)
	}
	rows, err := w.read(ctx, query)
	if err != nil {
		return err
	}
	if rows == nil { // nobody is left, so the next watcher reads the list
		w.known = false
		return nil
	}
	if next.whole {
		ids = slices.Sorted(maps.Keys(w.shown))
	}
	events := w.difference(rows, ids)
	if len(w.shown) > maxRows {
		return errTooMany()
	}
	var told []*Watcher
	defer func() { wakeAll(told) }()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.position, w.token, w.size = next.to, "", len(w.shown)
	if next.whole { // else the rows that were not read may be older than the other tables
		w.others = others
	}
	if len(events) > 0 { // the last event is the one after which all is told
		events[len(events)-1].ID = w.currentToken()
	}
	told = w.tell(events)
	return nil
}

// tell gives all watchers the same events. The caller holds mu, and wakes the watchers that are returned when it has released it:
// each takes mu then, and ten thousand that wait for mu cost more than the events.
func (w *window) tell(events []Event) (told []*Watcher) {
	batch := newBatch(events)
	if batch == nil {
		return nil
	}
	told = make([]*Watcher, 0, len(w.watchers))
	for watcher := range w.watchers {
		watcher.push(batch)
		told = append(told, watcher)
	}
	return told
}

func wakeAll(told []*Watcher) {
	for _, watcher := range told {
		watcher.wake()
	}
}

// pushTime is about what it takes to send a batch to one watcher. Several goroutines do so while the next batch gathers.
const pushTime = 10 * time.Microsecond

// pace returns how long the next events of the window may gather. A window of ten thousand watchers tells them ten times a
// second what has changed: each write of an event costs as much as one of ten events.
func (w *window) pace() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Duration(len(w.watchers)) * pushTime
}

// difference makes shown as the rows, and returns the events that do so. ids are the rows that may have left. Events before the
// last one have the token of the position before, with what a watcher shows then.
func (w *window) difference(rows []row, ids []string) (events []Event) {
	is := make(map[string]struct{}, len(rows))
	for _, r := range rows {
		is[r.id] = struct{}{}
	}
	add := func(name, id string, data []byte, toggles bool) {
		if toggles {
			w.digest.toggle(hashRow(w.hub.cfg.Key, w.id, id))
		}
		events = append(events, Event{Name: name, Data: data, ID: w.tokenNow().String()})
	}
	for _, id := range ids {
		_, still := is[id]
		if _, was := w.shown[id]; was && !still {
			w.content ^= w.shown[id]
			delete(w.shown, id)
			add("leave", id, []byte(`{"id":`+id+`}`), true)
		}
	}
	for _, r := range rows {
		hash := hashContent(w.hub.cfg.Key, r.json)
		before, was := w.shown[r.id] // 0 if it was not
		w.shown[r.id] = hash
		w.content ^= before ^ hash
		switch {
		case !was:
			add("enter", r.id, r.json, true)
		case before != hash:
			add("change", r.id, r.json, false)
		}
	}
	w.known = true
	return events
}

func (w *window) tokenNow() token {
	return token{window: w.id, others: w.others, shown: w.digest, content: w.content, position: w.position}
}

// currentToken returns the token of all that was told. The caller holds mu, and is in evaluating or sees no read under way.
func (w *window) currentToken() string {
	if w.token == "" {
		w.token = w.tokenNow().String()
	}
	return w.token
}

// read reads rows as one of the watchers. All of them see the same. A watcher whose session has ended is told so, and another
// one reads. It returns nil without an error if nobody is left.
func (w *window) read(ctx context.Context, query record.Query) ([]row, error) {
	for {
		watcher := w.anyWatcher()
		if watcher == nil {
			return nil, nil
		}
		rows, err := w.readAs(ctx, watcher.who, query)
		switch errs.KindOf(err) {
		case errs.Unauthenticated, errs.Forbidden:
			w.end(watcher, err)
			continue
		}
		return rows, err
	}
}

func (w *window) anyWatcher() *Watcher {
	w.mu.Lock()
	defer w.mu.Unlock()
	for watcher := range w.watchers {
		return watcher
	}
	return nil
}

func (w *window) readAs(ctx context.Context, who caller.Caller, query record.Query) ([]row, error) {
	body, err := w.hub.rows.ListNow(ctx, who, w.table, query, nil)
	if err != nil {
		return nil, err
	}
	return decodeRows(body)
}

// decodeRows returns the rows of a page. It is an error if the page is not the last one.
func decodeRows(body []byte) ([]row, error) {
	var page struct {
		Items []json.RawMessage `json:"items"`
		Next  *string           `json:"next"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil, fmt.Errorf("a page cannot be read: %w", err)
	}
	if page.Next != nil {
		return nil, errTooMany()
	}
	rows := make([]row, 0, len(page.Items)) // not nil
	for _, item := range page.Items {
		var key struct {
			ID json.RawMessage `json:"id"`
		}
		if err := json.Unmarshal(item, &key); err != nil || len(key.ID) == 0 {
			return nil, errors.Join(errors.New("a row of a page has no id"), err)
		}
		rows = append(rows, row{string(key.ID), bytes.Clone(item)})
	}
	return rows, nil
}

// idJSON returns the id of a row in the log as JSON has it.
func idJSON(table *model.Table, id string) string {
	if table.Key == model.Int {
		return id
	}
	quoted, err := jsontext.AppendQuote(nil, id)
	if err != nil {
		return strconv.Quote(id) // no row has an id that is not UTF-8
	}
	return string(quoted)
}

// argPrefix begins the names of the arguments for ids.
const argPrefix = "watched_row_"

// withIDs returns the query of the rows that have one of the ids. The number of ids in the text grows in steps, so that few
// statements are made.
func withIDs(query record.Query, ids []string) record.Query {
	size := 1
	for size < len(ids) {
		size *= 4
	}
	args := maps.Clone(query.Args)
	if args == nil {
		args = map[string]string{}
	}
	names := make([]string, size)
	for i := range size {
		name := argPrefix + strconv.Itoa(i)
		names[i] = "arg." + name
		text := ids[min(i, len(ids)-1)]
		if raw, err := jsontext.AppendUnquote(nil, text); err == nil {
			text = string(raw)
		}
		args[name] = text
	}
	chosen := "id in [" + strings.Join(names, ", ") + "]"
	if query.Filter != "" {
		chosen = "(" + query.Filter + ") && " + chosen
	}
	query.Filter, query.Args = chosen, args
	return query
}
