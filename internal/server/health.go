package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// The paths that a supervisor asks. They are answered however many other requests are at work.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// health says that the process is up, whatever becomes of the database: to restart it would not help.
func health(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, []byte(`{"status":"up"}`+"\n"))
}

// readyWait is how long the database may take to answer.
const readyWait = 2 * time.Second

// ready says whether to send requests here: the database answers, and the server is not about to stop.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if s.stopping.Load() {
		return errs.New(errs.Unavailable, "The server is stopping.")
	}
	if err := s.answering.ask(r.Context(), s.db); err != nil {
		return errs.Wrapf(err, errs.Unavailable, "The database does not answer.")
	}
	if err := s.writable(); err != nil {
		return errs.Wrapf(err, errs.Unavailable, "Writes fail: the disk of the database is full, or takes none.")
	}
	return web.JSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}

// answering says whether the database answers. However many ask, they share one read at a time. The zero value is ready
// and takes the database for one that answered.
type answering struct {
	mu   sync.Mutex
	look *look // under way
	last error // what the last look found
}

// look is one look at the database.
type look struct {
	done chan struct{} // closed when err is set
	err  error
}

func (a *answering) ask(ctx context.Context, db store.DB) error {
	a.mu.Lock()
	l := a.look
	if l != nil {
		a.mu.Unlock()
		select {
		case <-l.done:
			return l.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l = &look{done: make(chan struct{}), err: errNoLook}
	a.look = l
	a.mu.Unlock()
	defer a.end(l) // after a panic too
	l.err = a.read(ctx, db)
	return l.err
}

var errNoLook = errors.New("the look at the database failed")

func (a *answering) end(l *look) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.look, a.last = nil, l.err
	close(l.done)
}

// read looks whether the database answers. One that is only busy is what it was before: to take this server away from its
// clients would make the others busier. The look goes on when its own client goes away, since others wait for it.
func (a *answering) read(ctx context.Context, db store.DB) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyWait)
	defer cancel()
	err := db.Read(ctx, func(q store.Reader) error {
		_, err := q.Generation("users")
		return err
	})
	if errors.Is(err, store.ErrBusy) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.last
	}
	return err
}

// writable returns why the database takes no writes at present, as far as its engine knows.
func (s *Server) writable() error {
	if db, ok := s.db.(interface{ Writable() error }); ok {
		return db.Writable()
	}
	return nil
}
