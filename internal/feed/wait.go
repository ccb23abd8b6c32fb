package feed

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A waiter waits for a change of one of some tables.
type waiter struct{ signal chan struct{} }

func (r *waiter) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// Wait calls look at once, and again whenever one of the tables may have changed, until look returns true, fails, or the time
// has passed. Every change that look has not seen leads to another call. Any tables can be waited for.
func (h *Hub) Wait(ctx context.Context, who caller.Caller, tables []string, most time.Duration, look func() (done bool, err error)) error {
	r := &waiter{make(chan struct{}, 1)}
	client := who.Client()
	if err := h.beginWait(ctx, client, tables, r); err != nil {
		return err
	}
	defer h.endWait(client, tables, r)
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		done, err := look()
		if done || err != nil {
			return err
		}
		select {
		case <-r.signal:
			if h.isStopping() {
				return nil
			}
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *Hub) isStopping() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopping
}

func (h *Hub) beginWait(ctx context.Context, client caller.Client, tables []string, r *waiter) error {
	select {
	case h.following <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.following }()
	versions, err := h.versions(ctx, tables)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admit(client); err != nil {
		return err
	}
	h.addOthers(tables, versions)
	for _, name := range tables {
		h.other(name).waiters[r] = struct{}{}
	}
	h.waiting++
	h.clients[client]++
	select {
	case h.wake <- struct{}{}:
	default:
	}
	return nil
}

func (h *Hub) endWait(client caller.Client, tables []string, r *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting--
	if h.clients[client]--; h.clients[client] == 0 {
		delete(h.clients, client)
	}
	for _, name := range tables {
		if o := h.others[name]; o != nil {
			delete(o.waiters, r)
			h.forget(name, o)
		}
	}
}

// addOthers adds tables with their versions, unless they are there. The caller holds mu, and looked at them in following.
func (h *Hub) addOthers(names []string, versions []other) {
	for i, name := range names {
		if h.others[name] == nil {
			o := h.other(name)
			o.version, o.generation = versions[i].version, versions[i].generation
		}
	}
}

// other returns a table, and adds it if it is not there. Its version is then unknown, so the next look takes it for changed.
func (h *Hub) other(name string) *other {
	o := h.others[name]
	if o == nil {
		o = &other{windows: map[*window]struct{}{}, waiters: map[*waiter]struct{}{}}
		h.others[name] = o
	}
	return o
}

func (h *Hub) forget(name string, o *other) {
	if len(o.windows) == 0 && len(o.waiters) == 0 {
		delete(h.others, name)
	}
}
