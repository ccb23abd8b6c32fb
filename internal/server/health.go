package server

import (
	"context"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// health says that the process is up, whatever becomes of the database: to restart it would not help.
func health(w http.ResponseWriter, _ *http.Request) error {
	return web.JSON(w, http.StatusOK, []byte(`{"status":"up"}`+"\n"))
}

// readyWait is how long the database may take to answer: one that is only busy is still ready.
const readyWait = 2 * time.Second

// ready says whether to send requests here: the database answers, and the server is not about to stop.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if s.stopping.Load() {
		return errs.New(errs.Unavailable, "The server is stopping.")
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWait)
	defer cancel()
	err := s.db.Read(ctx, func(q store.Reader) error {
		_, err := q.Generation("users")
		return err
	})
	if err != nil {
		return errs.Because(err, errs.Unavailable, "The database does not answer.")
	}
	if err := s.writable(); err != nil {
		return errs.Because(err, errs.Unavailable, "Writes fail: the disk of the database is full, or takes none.")
	}
	return web.JSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}

// writable returns why the database takes no writes at present, as far as its engine knows.
func (s *Server) writable() error {
	if db, ok := s.db.(interface{ Writable() error }); ok {
		return db.Writable()
	}
	return nil
}
