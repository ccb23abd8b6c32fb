// Package server is where the parts meet: it opens an app and serves it.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/api"
	"github.com/ashlar-dev/ashlar/internal/auth"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/openapi"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Config is how an app is served. The zero value works.
type Config struct {
	Data          string            // the data folder; "": .ashlar in the app's folder
	Database      string            // the address of a PostgreSQL database; "": SQLite in the data folder
	Direct        string            // its own address, where Database is that of a pooler
	KeepTables    bool              // tables that are not the model's are an error, and are not changed
	Durability    sqlite.Durability // what an acknowledged write to SQLite survives
	Readers       int               // connections for reads; 0: as many as the engine likes
	MaxConcurrent int               // requests at work at once; 0: 1024
	CORS          []string          // origins whose pages may read answers
	HeaderTimeout time.Duration     // for the header of a request; 0: 10 s
	ReadTimeout   time.Duration     // for a whole request; 0: 60 s
	WriteTimeout  time.Duration     // from the end of the header to the end of the answer; 0: 60 s
	IdleTimeout   time.Duration     // between two requests; 0: 120 s
	Grace         time.Duration     // for requests in flight when it stops; 0: 30 s
	Version       string            // of this program, for its page
	Logger        *slog.Logger      // nil: nothing is logged
	Now           func() time.Time  // nil: time.Now

	routes []web.Route // further routes, in tests
}

// Format and MarshalText print no address, which may hold a password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "server.Config{REDACTED}") }

// MarshalText is for logs in JSON.
func (c Config) MarshalText() ([]byte, error) { return []byte("server.Config{REDACTED}"), nil }

func (c Config) withDefaults(dir string) Config {
	if c.Data == "" {
		c.Data = DefaultData(dir)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// DefaultData is the data folder of the app in dir where none is named.
func DefaultData(dir string) string { return filepath.Join(dir, ".ashlar") }

// Server is an app that is open. Where its rows are in its data folder, it has the lock of that until it is closed.
type Server struct {
	cfg      Config
	model    *model.Model
	tables   []homeTable
	db       store.DB
	handler  http.Handler
	stopping atomic.Bool

	answering answering

	closing sync.Once
	closers []func() error // in the order of opening
	closed  error          // what closing them came to
}

// Open opens the app in dir. Faults of its model are returned as model.Faults, before anything is touched. So are a
// model's differences from the database that cannot be followed, and as SeedFaults what is wrong with the seed; both
// leave the database as it was. What only the database can tell of a view (its rows, and all on PostgreSQL) comes after that, as
// model.Faults too.
func Open(ctx context.Context, dir string, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults(dir)
	rules, err := Load(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, model: rules.Model, tables: homeTables(rules)}
	if err := s.open(ctx, dir, rules); err != nil {
		return nil, errors.Join(noRoom(err, cfg.Data), s.Close())
	}
	return s, nil
}

// lockPatience is for whoever has the lock for a moment: `ashlar token`, or a server that is about to end.
const lockPatience = time.Second

// open opens the parts from the bottom up.
func (s *Server) open(ctx context.Context, dir string, rules *rule.Rules) error {
	var verifier *auth.Verifier
	receiver, err := web.NewReceiver(web.Config{ // first, since what it refuses is a setting, and nothing is touched yet
		Logger:        s.cfg.Logger,
		Identify:      func(r *http.Request) (caller.Caller, error) { return verifier.Identify(r) },
		MaxConcurrent: s.cfg.MaxConcurrent,
		CORS:          s.cfg.CORS,
	})
	if err != nil {
		return err
	}
	data, err := lockFolder(ctx, s.cfg, lockPatience)
	if err != nil {
		return err
	}
	data.rules = rules
	s.closers = append(s.closers, data.unlock)
	if s.db, err = data.open(ctx, dir, rules); err != nil {
		return err
	}
	s.closers = append(s.closers, s.db.Close)
	if err := checkWrites(ctx, s.db); err != nil {
		return err
	}
	if err := data.checkViews(ctx, s.db); err != nil {
		return err
	}
	keys, err := auth.Open(data.key())
	if err != nil {
		return err
	}
	verifier = auth.NewVerifier(keys, auth.Config{Now: s.cfg.Now, Roles: s.model.Roles})
	rows := record.New(s.db, rules, record.Config{Now: s.cfg.Now})
	s.handler = receiver.Handler(s.routes(api.New(rows, s.model), rules))
	return nil
}

// routes is everything that the server answers to.
func (s *Server) routes(data *api.API, rules *rule.Rules) *web.Mux {
	own := []web.Route{
		{Pattern: "GET /{$}", Handler: s.home},
		{Pattern: "GET " + healthPath, Handler: health, Class: web.Probe},
		{Pattern: "GET " + readyPath, Handler: s.ready, Class: web.Probe},
	}
	dataRoutes := data.Routes()
	return web.NewMux(slices.Concat(own, web.ProblemRoutes(), dataRoutes, openapi.Routes(rules, dataRoutes), s.cfg.routes)...)
}

// Model returns the model that is served.
func (s *Server) Model() *model.Model { return s.model }

// Serve answers the connections of ln until ctx ends and all has stopped, in the reverse order of opening: requests in
// flight are finished, then the database is closed, then the lock is released. It closes ln, and the server.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	err := web.Serve(ctx, ln, s.handler, web.ServerConfig{
		HeaderTimeout: s.cfg.HeaderTimeout,
		ReadTimeout:   s.cfg.ReadTimeout,
		WriteTimeout:  s.cfg.WriteTimeout,
		IdleTimeout:   s.cfg.IdleTimeout,
		Grace:         s.cfg.Grace,
		OnStop:        func() { s.stopping.Store(true) },
		Logger:        s.cfg.Logger,
	})
	return errors.Join(err, s.Close())
}

// Close closes what Open opened. A server that has served is closed already; closing it again does nothing.
func (s *Server) Close() error {
	s.closing.Do(func() {
		for _, shut := range slices.Backward(s.closers) {
			s.closed = errors.Join(s.closed, shut())
		}
	})
	return s.closed
}
