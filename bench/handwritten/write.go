package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"
)

// writer runs writes on one connection in groups. All waiting writes are one transaction with one fsync.
type writer struct {
	conn                    *sqlite.Conn
	begin, commit, rollback *sqlite.Stmt
	insert                  *sqlite.Stmt
	patches                 map[string]*sqlite.Stmt
	queue                   chan *write
	text                    borrowed
}

// write is one write on its way. It is answered after the commit.
type write struct {
	table, who, id string
	in             body
	body           []byte // of the answer
	status         int
	done           chan struct{}
}

// body is a body: nil members are not given.
type body struct {
	Title    *string  `json:"title"`
	Body     *string  `json:"body"`
	Status   *string  `json:"status"`
	Views    *int64   `json:"views"`
	Score    *float64 `json:"score"`
	Featured *bool    `json:"featured"`
	Author   *string  `json:"author_id"`
}

const (
	patchNotes = "notes"
	patchPosts = "posts"
	maxGroup   = 64
	groupTime  = 5 * time.Millisecond
)

func openWriter(path string) (*writer, error) {
	conn, err := open(path, "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 1000")
	if err != nil {
		return nil, err
	}
	set := `title = coalesce(?3, title), body = coalesce(?4, body), status = coalesce(?5, status), views = coalesce(?6, views),
		score = coalesce(?7, score), featured = coalesce(?8, featured), updated_at = ?9`
	statements, err := prepare(conn, map[string]string{
		"begin": "BEGIN IMMEDIATE", "commit": "COMMIT", "rollback": "ROLLBACK",
		"insert": `INSERT INTO notes (` + row + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) RETURNING ` + row,
		"notes":  `UPDATE notes SET ` + set + ` WHERE id = ?1 AND author_id = ?2 RETURNING ` + row,
		"posts":  `UPDATE posts SET ` + set + ` WHERE id = ?1 AND author_id = ?2 RETURNING ` + row,
	})
	if err != nil {
		return nil, err
	}
	return &writer{
		conn: conn, begin: statements["begin"], commit: statements["commit"], rollback: statements["rollback"], insert: statements["insert"],
		patches: map[string]*sqlite.Stmt{"notes": statements["notes"], "posts": statements["posts"]}, queue: make(chan *write, 1024),
	}, nil
}

func (w *writer) run() {
	var group []*write
	for first := range w.queue {
		group = append(group[:0], first)
		err := step(w.begin)
		if err == nil {
			group = w.fill(group)
			err = step(w.commit)
		}
		if err != nil {
			_ = step(w.rollback)
		}
		for _, job := range group {
			if err != nil {
				job.status = http.StatusServiceUnavailable
			}
			close(job.done)
		}
	}
}

// fill runs the first write and all waiting ones. A failed statement undoes only itself.
func (w *writer) fill(group []*write) []*write {
	closing := time.Now().Add(groupTime)
	w.perform(group[0])
	for len(group) < maxGroup && time.Now().Before(closing) {
		select {
		case job := <-w.queue:
			w.perform(job)
			group = append(group, job)
		default:
			return group
		}
	}
	return group
}

func step(stmt *sqlite.Stmt) error {
	_, err := stmt.Step()
	return errors.Join(err, stmt.Reset())
}

func (w *writer) perform(job *write) {
	stmt := w.insert
	if job.table != "" {
		stmt = w.patches[job.table]
		w.bindPatch(stmt, job)
	} else {
		w.bindInsert(stmt, job)
	}
	more, err := stmt.Step()
	switch {
	case err != nil:
		job.status = http.StatusConflict
	case !more:
		job.status = http.StatusNotFound
	default:
		job.body = append(appendArticle(job.body, stmt, &w.text), '}')
		_, err = stmt.Step()
	}
	if reset := stmt.Reset(); reset != nil || err != nil {
		job.status = http.StatusConflict
	}
}

func (w *writer) bindInsert(stmt *sqlite.Stmt, job *write) {
	in := job.in
	stmt.BindText(1, job.id)
	stmt.BindText(2, *in.Title)
	stmt.BindText(3, *in.Body)
	stmt.BindText(4, *in.Status)
	stmt.BindInt64(5, *in.Views)
	stmt.BindFloat(6, *in.Score)
	stmt.BindBool(7, *in.Featured)
	stmt.BindText(8, *in.Author)
	stmt.BindInt64(9, time.Now().UnixMicro())
}

func (w *writer) bindPatch(stmt *sqlite.Stmt, job *write) {
	in := job.in
	stmt.BindText(1, job.id)
	stmt.BindText(2, job.who)
	bindText(stmt, 3, in.Title)
	bindText(stmt, 4, in.Body)
	bindText(stmt, 5, in.Status)
	stmt.BindNull(6)
	if in.Views != nil {
		stmt.BindInt64(6, *in.Views)
	}
	stmt.BindNull(7)
	if in.Score != nil {
		stmt.BindFloat(7, *in.Score)
	}
	stmt.BindNull(8)
	if in.Featured != nil {
		stmt.BindBool(8, *in.Featured)
	}
	stmt.BindInt64(9, time.Now().UnixMicro())
}

func bindText(stmt *sqlite.Stmt, param int, text *string) {
	if text == nil {
		stmt.BindNull(param)
		return
	}
	stmt.BindText(param, *text)
}

// read reads the body of a write and identifies its sender. After a fault it has answered.
func (s *server) read(w http.ResponseWriter, r *http.Request) (job *write, ok bool) {
	job = &write{done: make(chan struct{})}
	if job.who = s.tokens.bearer(r); job.who == "" {
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
		return job, false
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || json.Unmarshal(text, &job.in) != nil || !job.in.valid() {
		http.Error(w, "invalid", http.StatusUnprocessableEntity)
		return job, false
	}
	if job.in.Author != nil && *job.in.Author != job.who {
		http.Error(w, "forbidden", http.StatusForbidden)
		return job, false
	}
	return job, true
}

func (a *body) valid() bool {
	return (a.Title == nil || validText(*a.Title, 200)) && (a.Body == nil || validText(*a.Body, 1<<20)) && (a.Status == nil || validStatus(*a.Status))
}

func validStatus(text string) bool {
	return text == "draft" || text == "open" || text == "closed" || text == "archived"
}

func (a *body) complete() bool {
	return a.Title != nil && a.Body != nil && a.Status != nil && a.Views != nil && a.Score != nil && a.Featured != nil && a.Author != nil
}

func (s *server) createNote(w http.ResponseWriter, r *http.Request) {
	job, ok := s.read(w, r)
	if !ok {
		return
	}
	id, err := uuid.NewV7()
	if err != nil || !job.in.complete() {
		http.Error(w, "invalid", http.StatusUnprocessableEntity)
		return
	}
	job.id, job.status = id.String(), http.StatusCreated
	s.submit(w, job)
}

func (s *server) patch(table string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		job, ok := s.read(w, r)
		if !ok {
			return
		}
		job.table, job.id, job.status = table, r.PathValue("id"), http.StatusOK
		s.submit(w, job)
	}
}

func (s *server) submit(w http.ResponseWriter, job *write) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	job.body = (*buf)[:0]
	select {
	case s.writer.queue <- job:
	default:
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	<-job.done
	*buf = job.body
	if job.status >= 400 {
		http.Error(w, http.StatusText(job.status), job.status)
		return
	}
	answer(w, job.status, job.body)
}
