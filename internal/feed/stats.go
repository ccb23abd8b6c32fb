package feed

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Stats are counts of a hub. The last four rise from its begin.
type Stats struct {
	Watchers int           // now
	Windows  int           // lists that they share
	Waiting  int           // lists that wait for a change
	Lag      time.Duration // since the log was read to its end; 0: nobody watches

	Started uint64 // watchers
	Events  uint64 // told, counted for each watcher
	Resets  uint64 // watchers that could not resume
	Slow    uint64 // watchers that were cut because they read too slowly
}

// Stats returns counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	s := Stats{Watchers: len(h.watchers), Windows: len(h.windows), Waiting: h.waiting}
	h.mu.Unlock()
	s.Started, s.Events, s.Resets, s.Slow = h.counts.started.Load(), h.counts.events.Load(), h.counts.resets.Load(), h.counts.slow.Load()
	if looked := h.looked.Load(); looked != 0 && s.Watchers > 0 {
		s.Lag = max(0, time.Since(time.UnixMicro(looked)))
	}
	return s
}

// A Shown is a watcher, for people.
type Shown struct {
	Who     string // text of the caller
	Address string // of an anonymous one
	Table   string
	Shape   string // of the list, without values
	Rows    int    // of the list
	Sharing int    // watchers of the same list
	Since   time.Time
	Events  int64 // told
	Waiting int   // events that it has not taken yet
}

// An Ended is a watcher that the hub has ended.
type Ended struct {
	Who     string
	Address string
	Table   string
	Shape   string
	Since   time.Time
	At      time.Time
	Events  int64
	Why     string // for people
}

// keptEnds bounds the ended watchers that are remembered.
const keptEnds = 50

// noteEnd remembers a watcher that was ended. The caller holds the lock of its window. At a stop nobody is left to ask.
func (h *Hub) noteEnd(r *Watcher, why error) {
	if errors.Is(why, ErrStopping) {
		return
	}
	text := why.Error()
	if failure, ok := errors.AsType[*errs.Error](why); ok {
		text = failure.Message
	}
	e := Ended{r.who.String(), r.client.Address(), r.window.table.Name, r.window.live.Shape, r.began, h.cfg.Now(), r.told, text}
	h.endsMu.Lock()
	defer h.endsMu.Unlock()
	if h.ended = append(h.ended, e); len(h.ended) > keptEnds {
		h.ended = slices.Delete(h.ended, 0, 1)
	}
}

// List returns the watchers that were told most, and how many there are. ended are the last ones that the hub has ended, the last
// one first.
func (h *Hub) List(most int) (list []Shown, all int, ended []Ended) {
	h.mu.Lock()
	watchers := make([]*Watcher, 0, len(h.watchers))
	for watcher := range h.watchers {
		watchers = append(watchers, watcher)
	}
	h.mu.Unlock()
	for _, r := range watchers {
		w := r.window
		w.mu.Lock()
		list = append(list, Shown{r.who.String(), r.client.Address(), w.table.Name, w.live.Shape, w.size, len(w.watchers), r.began, r.told, r.events})
		w.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Shown) int {
		if a.Events != b.Events {
			return int(b.Events - a.Events)
		}
		if order := a.Since.Compare(b.Since); order != 0 {
			return order
		}
		return strings.Compare(a.Shape, b.Shape)
	})
	h.endsMu.Lock()
	ended = slices.Clone(h.ended)
	h.endsMu.Unlock()
	slices.Reverse(ended)
	return list[:min(most, len(list))], len(list), ended
}
