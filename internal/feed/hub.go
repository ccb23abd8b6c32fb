package feed

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Config tunes a Hub.
type Config struct {
	Key     []byte       // secret that all nodes share, of 16 bytes or more: see hashRow. Required
	Logger  *slog.Logger // default: no log
	Streams int          // watchers at once; default: 20,000
	Each    int          // watchers of one client; default: 20
	Now     func() time.Time
}

const (
	defaultStreams = 20_000
	defaultEach    = 20
)

// A Hub follows the log while there are watchers. It is safe for concurrent use.
type Hub struct {
	rows   *record.DB
	db     store.DB
	log    *Log
	tables map[string]*model.Table // that are watched
	cfg    Config
	slots  chan struct{} // of windows that read
	wake   chan struct{} // has room for one: the first watcher has come

	counts struct{ events, resets, slow, started atomic.Uint64 }
	looked atomic.Int64 // when the log was last read to its end, or nobody watched, in microseconds

	following chan struct{} // has room for one: whoever is in it reads the log

	endsMu sync.Mutex
	ended  []Ended // the last ones, the oldest first

	mu       sync.Mutex
	position Position // of what the windows were told; "": nobody follows
	windows  map[string]*window
	byTable  map[*model.Table]map[*window]struct{}
	others   map[string]*other
	watchers map[*Watcher]struct{}
	clients  map[caller.Client]int
	waiting  int // waiters
	stopping bool
}

// other is a table that rules of windows read.
type other struct {
	windows    map[*window]struct{}
	waiters    map[*waiter]struct{}
	version    []int64 // of the last look; nil: unknown
	generation int64
}

// NewHub returns a hub of the watched tables of a model, whose log Install has made.
func NewHub(rows *record.DB, db store.DB, tables []*model.Table, cfg Config) *Hub {
	if len(cfg.Key) < 16 {
		panic("feed: a hub needs a key of 16 bytes")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Streams == 0 {
		cfg.Streams = defaultStreams
	}
	if cfg.Each == 0 {
		cfg.Each = defaultEach
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	h := &Hub{
		rows: rows, db: db, log: NewLog(db), cfg: cfg, tables: map[string]*model.Table{},
		slots: make(chan struct{}, 2*background.Processors()), wake: make(chan struct{}, 1), following: make(chan struct{}, 1),
		windows: map[string]*window{}, byTable: map[*model.Table]map[*window]struct{}{}, others: map[string]*other{},
		watchers: map[*Watcher]struct{}{}, clients: map[caller.Client]int{},
	}
	for _, table := range tables {
		h.tables[table.Name] = table
	}
	return h
}

// maxBatch bounds the changes that are kept of one table. After more, its windows read their whole lists.
const maxBatch = 4096

// step gives the windows what is new in the log.
func (h *Hub) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	h.following <- struct{}{}
	defer func() { <-h.following }()
	h.mu.Lock()
	from := h.position
	h.mu.Unlock()
	if from == "" {
		return nil
	}
	changed := map[*model.Table]*pending{}
	everything := false
	to, err := h.log.Since(ctx, from, func(c Change) error {
		everything = everything || c.Table == ""
		table := h.tables[c.Table]
		if table == nil {
			return nil
		}
		p := changed[table]
		if p == nil {
			p = &pending{rows: map[string]struct{}{}}
			changed[table] = p
		}
		if p.whole = p.whole || c.Row == "" || len(p.rows) > maxBatch; !p.whole {
			p.rows[idJSON(table, c.Row)] = struct{}{}
		}
		return nil
	})
	if errors.Is(err, errTooOld) {
		return h.startAgain(ctx)
	}
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position = to
	if everything {
		for _, w := range h.windows {
			w.note(pending{whole: true, to: to})
		}
		return nil
	}
	for table, p := range changed {
		p.to = to
		for w := range h.byTable[table] {
			w.note(*p)
		}
	}
	return nil
}

// startAgain reads every list again: the database was replaced, or this process stood still for a day.
func (h *Hub) startAgain(ctx context.Context) error {
	to, err := h.log.Now(ctx)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position = to
	for _, w := range h.windows {
		w.note(pending{whole: true, to: to})
	}
	return nil
}

// stepOthers reads the lists again whose rules read a table that has changed.
func (h *Hub) stepOthers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	h.mu.Lock()
	names := make([]string, 0, len(h.others))
	for name := range h.others {
		names = append(names, name)
	}
	h.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	versions, err := h.versions(ctx, names)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, name := range names {
		o, now := h.others[name], versions[i]
		if o == nil || (o.version != nil && slices.Equal(o.version, now.version)) {
			continue
		}
		o.version, o.generation = now.version, now.generation
		for w := range o.windows {
			w.note(pending{whole: true, to: h.position})
		}
		for waiter := range o.waiters {
			waiter.wake()
		}
	}
	return nil
}

// versions looks at tables. A version is nil if it is unknown.
func (h *Hub) versions(ctx context.Context, names []string) (all []other, err error) {
	err = h.db.Read(ctx, func(reader store.Reader) error {
		all = make([]other, len(names))
		for i, name := range names {
			version, known, err := reader.Version(nil, []string{name})
			if err != nil {
				return err
			}
			if known {
				all[i].version = version
			}
			if all[i].generation, err = reader.Generation(name); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

// othersOf returns a hash of the generations of tables, as they were last looked at.
func (h *Hub) othersOf(names []string) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]other, len(names))
	for i, name := range names {
		if o := h.others[name]; o != nil {
			all[i].generation = o.generation
		}
	}
	return hashOthers(names, all)
}

// hashOthers returns a hash of the generations of tables.
func hashOthers(names []string, all []other) uint64 {
	if len(names) == 0 {
		return 0
	}
	hash := fnv.New64a()
	for i, name := range names {
		_, _ = hash.Write([]byte(name)) // never fails
		_, _ = hash.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(all[i].generation)))
	}
	return hash.Sum64()
}

// refreshTimed reads the lists again whose rules depend on the time.
func (h *Hub) refreshTimed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.windows {
		if w.live.Timed {
			w.note(pending{whole: true, to: h.position})
		}
	}
}

// told returns the position of what the windows were told.
func (h *Hub) told() Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.position
}

// Stop ends all watchers with ErrStopping, and admits no others. A server calls it when its own stop begins, because it
// waits for all answers.
func (h *Hub) Stop() {
	h.mu.Lock()
	h.stopping = true
	windows := make([]*window, 0, len(h.windows))
	for _, w := range h.windows {
		windows = append(windows, w)
	}
	for _, o := range h.others {
		for waiter := range o.waiters {
			waiter.wake()
		}
	}
	h.mu.Unlock()
	for _, w := range windows {
		w.endAll(ErrStopping)
	}
}
