// Package watch finds what changes around an app, and tells it as events for the timeline of incidents.
//
// Each detector compares two looks and is told the time, so it needs no clock and no database. A Watch looks every few seconds
// and hands what it sees to the detectors.
package watch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const (
	lookEvery        = 5 * time.Second
	saveEvery        = time.Minute
	certificateEvery = 5 * time.Minute
	askTime          = 2 * time.Second // bounds a question to the database
)

// A Database is what a Watch asks of a store.DB.
type Database interface {
	store.Observer
	Stats() store.Stats
	Plan(ctx context.Context, sql string) (string, error)
}

// Config says what to watch. Put and Store are required.
type Config struct {
	Put   func(archive.Event) // takes the events; it must not block
	Store Database

	Refused      func() error                                                // returns why writes fail, or nil; default: they do not
	Folder       string                                                      // of the data; default: no disk is watched
	File         string                                                      // keeps what the next process compares with; default: nothing does
	Settings     []Setting                                                   // of this process
	Migrations   func(ctx context.Context, after int64) ([]Migration, error) // with a greater ID, in order; default: none
	Backlogs     func() []Backlog                                            // default: none
	Shapes       func() []Shape                                              // sums of all queries; default: none
	Certificates func(ctx context.Context) []Certificate                     // looks at certificates; default: none
	Begun        time.Time                                                   // of the process: its own migrations are told
	Logger       *slog.Logger                                                // default: no log
	Now          func() time.Time                                            // default: time.Now
	Steady       func() time.Duration                                        // time since any moment, which no step of the clock moves; default: the system's
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Refused == nil {
		c.Refused = func() error { return nil }
	}
	if c.Steady == nil {
		begun := time.Now()
		c.Steady = func() time.Duration { return time.Since(begun) }
	}
	return c
}

// A Watch looks at what is around an app. It is a background.Service, and a telemetry.Sink for refusals and background work.
type Watch struct {
	tally
	cfg Config

	mu           sync.Mutex // held by a look
	state        state
	looked       time.Duration // steady time of the last look
	clock        clock
	space        space
	database     database
	locks        locks
	busy         int64 // store.Stats.Busy of the last look
	queues       queues
	limits       limits
	jobs         jobs
	backlogs     backlogs
	certificates certificates
	shapes       shapes
	failing      bool // the state could not be saved
}

// New returns a Watch. It tells at once which settings have changed since the last process. The caller calls Look for the rest.
func New(cfg Config) *Watch {
	w := &Watch{cfg: cfg.withDefaults()}
	w.space.name = "the data folder"
	w.looked = w.cfg.Steady()
	w.begin()
	return w
}

// begin compares this process with the last one.
func (w *Watch) begin() {
	before, known, err := state{}, false, error(nil)
	if w.cfg.File != "" {
		before, known, err = load(w.cfg.File)
	}
	if err != nil {
		w.cfg.Logger.Warn("what the last process had is not known: changes since then are not told", "error", err)
	}
	w.state = before
	marks := w.state.mark(w.cfg.Settings)
	if known {
		if !before.Stopped {
			w.cfg.Put(event(archive.EventStop, "The last server ended without a stop: it was killed, or it crashed. It was alive at %s.", before.Alive.UTC().Format("15:04:05 UTC")))
		}
		w.put(changedSettings(before.Settings, marks))
		if before.Server != nil {
			w.database.known, w.database.server = true, *before.Server
		}
	} else {
		w.state.Migration = unknownMigration
	}
	w.state.Settings, w.state.Stopped = marks, false
}

// unknownMigration stands for the last migration of a database that no process has watched.
const unknownMigration = -1

func (w *Watch) put(events []archive.Event) {
	for _, e := range events {
		w.cfg.Put(e)
	}
}

// Run looks every few seconds until ctx ends. It implements background.Service.
func (w *Watch) Run(ctx context.Context) error {
	ticks := time.NewTicker(lookEvery)
	defer ticks.Stop()
	w.save(false)
	saved := w.cfg.Steady()
	looking, looked := false, make(chan []Certificate, 1)
	var next time.Duration // when to look at certificates
	for {
		if now := w.cfg.Steady(); w.cfg.Certificates != nil && !looking && now >= next {
			looking, next = true, now+certificateEvery
			background.Go("a look at certificates", func() error {
				looked <- w.cfg.Certificates(ctx)
				return nil
			}, background.Report(w.cfg.Logger))
		}
		select {
		case <-ctx.Done():
			w.cfg.Put(event(archive.EventStop, "The server stops."))
			w.save(true)
			return nil
		case found := <-looked:
			looking = false
			w.putCertificates(found)
		case <-ticks.C:
			w.Look(ctx)
		}
		if now := w.cfg.Steady(); now-saved >= saveEvery {
			saved = now
			w.save(false)
		}
	}
}

func (w *Watch) putCertificates(list []Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range list {
		w.put(w.certificates.put(one))
	}
	w.put(w.certificates.look(w.cfg.Now()))
}

// Look looks once, and tells what it found.
func (w *Watch) Look(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, steady := w.cfg.Now(), w.cfg.Steady()
	since := steady - w.looked
	w.looked = steady
	w.put(w.clock.look(now, steady))
	if w.cfg.Folder != "" {
		if found, err := disk.SpaceOf(w.cfg.Folder); err == nil {
			w.put(w.space.look(found))
		}
	}
	refused, jobs := w.drain()
	w.put(w.limits.look(now, refused, since))
	w.put(w.jobs.look(now, jobs))
	if w.cfg.Backlogs != nil {
		w.put(w.backlogs.look(now, w.cfg.Backlogs()))
	}
	w.put(w.certificates.look(now))
	stats := w.cfg.Store.Stats()
	w.put(w.queues.look(now, stats))
	w.lookAtDatabase(ctx, now, stats)
	w.lookAtShapes(ctx)
}

// lookAtDatabase asks the database. A database that is busy with other questions says nothing about itself.
func (w *Watch) lookAtDatabase(ctx context.Context, now time.Time, stats store.Stats) {
	asking, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	found, err := w.cfg.Store.Server(asking)
	if ctx.Err() != nil {
		return // the server stops
	}
	if !errors.Is(err, store.ErrBusy) {
		w.put(w.database.look(now, found, err, w.cfg.Refused()))
	}
	failed := stats.Busy > w.busy
	w.busy = stats.Busy
	if err != nil {
		return
	}
	w.state.Server = &found
	if held, err := w.cfg.Store.Locks(asking); err == nil {
		w.put(w.locks.look(now, held, failed))
	}
	w.lookAtMigrations(asking)
}

func (w *Watch) lookAtMigrations(ctx context.Context) {
	if w.cfg.Migrations == nil {
		return
	}
	list, err := w.cfg.Migrations(ctx, max(w.state.Migration, 0))
	if err != nil {
		return // the database has been asked already
	}
	for i := range list {
		one := &list[i]
		isNew := w.state.Migration != unknownMigration || !one.At.Before(w.cfg.Begun)
		if isNew && len(one.Changes) > 0 { // other rules change no table: the event of the deploy has the model
			w.cfg.Put(one.event())
		}
	}
	if w.state.Migration == unknownMigration {
		w.state.Migration = 0
	}
	if len(list) > 0 {
		w.state.Migration = list[len(list)-1].ID
	}
}

func (w *Watch) lookAtShapes(ctx context.Context) {
	if w.cfg.Shapes == nil {
		return
	}
	if found := w.shapes.look(w.cfg.Shapes()); len(found) > 0 {
		w.cfg.Put(shapesEvent(found, func(sql string) string { return w.scans(ctx, sql) }))
	}
}

// save keeps the state for the next process.
func (w *Watch) save(stopped bool) {
	if w.cfg.File == "" {
		return
	}
	w.mu.Lock()
	w.state.Alive, w.state.Stopped = w.cfg.Now(), stopped
	err := w.state.save(w.cfg.File)
	told := w.failing
	w.failing = err != nil
	w.mu.Unlock()
	if err != nil && !told {
		w.cfg.Logger.Warn("what the next process compares with is not stored", "error", err)
	}
}
