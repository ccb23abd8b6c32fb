package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"zombiezen.com/go/sqlite"
)

type server struct {
	tokens  *tokens
	readers chan *reader
	writer  *writer
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posts/{id}", s.post)
	mux.HandleFunc("GET /posts", s.posts)
	mux.HandleFunc("GET /notes/{id}", s.note)
	mux.HandleFunc("GET /notes", s.notes)
	mux.HandleFunc("POST /notes", s.createNote)
	mux.HandleFunc("PATCH /notes/{id}", s.patch(patchNotes))
	mux.HandleFunc("PATCH /posts/{id}", s.patch(patchPosts))
	return mux
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

var jsonType = []string{"application/json"}

func answer(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// with runs f on a reader with a buffer, and answers with the bytes from f. No bytes mean that there is no such row.
func (s *server) with(w http.ResponseWriter, f func(*reader, []byte) ([]byte, error)) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	r := <-s.readers
	body, err := f(r, (*buf)[:0])
	s.readers <- r
	switch {
	case err != nil:
		http.Error(w, "internal", http.StatusInternalServerError)
	case len(body) == 0:
		http.Error(w, "not found", http.StatusNotFound)
	default:
		*buf = body
		answer(w, http.StatusOK, body)
	}
}

func (s *server) post(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.with(w, func(from *reader, dst []byte) ([]byte, error) {
		from.get.BindText(1, id)
		return from.one(from.get, dst)
	})
}

func (s *server) note(w http.ResponseWriter, r *http.Request) {
	who := s.tokens.bearer(r)
	if who == "" {
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
		return
	}
	id := r.PathValue("id")
	s.with(w, func(from *reader, dst []byte) ([]byte, error) {
		from.note.BindText(1, id)
		from.note.BindText(2, who)
		return from.one(from.note, dst)
	})
}

func (c *reader) one(stmt *sqlite.Stmt, dst []byte) ([]byte, error) {
	more, err := stmt.Step()
	if more {
		dst = append(appendArticle(dst, stmt, &c.text), '}')
	}
	_ = stmt.Reset()
	return dst, err
}

func (s *server) notes(w http.ResponseWriter, r *http.Request) {
	who := s.tokens.bearer(r)
	if who == "" {
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
		return
	}
	limit := pageSize(r.URL.Query())
	s.with(w, func(from *reader, dst []byte) ([]byte, error) {
		from.notes.BindText(1, who)
		from.notes.BindInt64(2, limit+1)
		dst, err := from.page(from.notes, limit, append(dst, `{"items":[`...))
		return append(dst, '}'), err
	})
}

func pageSize(values url.Values) int64 {
	if n, err := strconv.ParseInt(values.Get("limit"), 10, 64); err == nil && 1 <= n && n <= 500 {
		return n
	}
	return 50
}

func (s *server) posts(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	status, limit, expand := values.Get("status"), pageSize(values), values.Get("expand") == "author"
	at, id, paged := parseCursor(values.Get("cursor"))
	s.with(w, func(from *reader, dst []byte) (_ []byte, err error) {
		stmt := from.list
		if paged {
			stmt = from.listAfter
			stmt.BindInt64(3, at)
			stmt.BindText(4, id)
		}
		stmt.BindText(1, status)
		stmt.BindInt64(2, limit+1)
		dst = append(dst, `{"items":[`...)
		if expand {
			dst, err = from.expanded(stmt, limit, dst)
		} else {
			dst, err = from.page(stmt, limit, dst)
		}
		if err == nil && values.Get("total") == "true" {
			dst, err = from.total(status, append(dst, `,"total":`...))
		}
		return append(dst, '}'), err
	})
}

func (c *reader) total(status string, dst []byte) ([]byte, error) {
	c.count.BindText(1, status)
	_, err := c.count.Step()
	dst = strconv.AppendInt(dst, c.count.ColumnInt64(0), 10)
	_ = c.count.Reset()
	return dst, err
}

// page appends the rows of a page and the cursor to the next.
func (c *reader) page(stmt *sqlite.Stmt, limit int64, dst []byte) ([]byte, error) {
	defer stmt.Reset()
	var at int64
	var id [64]byte
	var size int
	for n := int64(0); ; n++ {
		more, err := stmt.Step()
		if err != nil || !more {
			return append(dst, `],"next":null`...), err
		}
		if n == limit {
			return appendCursor(append(dst, ']'), at, id[:size]), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendArticle(dst, stmt, &c.text), '}')
		if n == limit-1 {
			at, size = stmt.ColumnInt64(8), copy(id[:], c.text.of(stmt, 0))
		}
	}
}

func appendCursor(dst []byte, at int64, id []byte) []byte {
	var room [96]byte
	key := append(append(strconv.AppendInt(room[:0], at, 36), '.'), id...)
	dst = append(dst, `,"next":"`...)
	return append(base64.RawURLEncoding.AppendEncode(dst, key), '"')
}

func parseCursor(s string) (at int64, id string, ok bool) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	head, id, ok := strings.Cut(string(text), ".")
	if err != nil || !ok {
		return 0, "", false
	}
	at, err = strconv.ParseInt(head, 36, 64)
	return at, id, err == nil
}

// expanded appends the rows of a page with their authors, read by one more statement.
func (c *reader) expanded(stmt *sqlite.Stmt, limit int64, dst []byte) ([]byte, error) {
	defer stmt.Reset()
	defer c.authors.Reset()
	rows := make([]byte, 0, 32<<10)
	ends, authors := make([]int, 0, limit), make([]string, 0, limit)
	users := make(map[string][]byte, limit)
	cursor := make([]byte, 0, 128)
	var at int64
	var last string
	for {
		more, err := stmt.Step()
		if err != nil {
			return nil, err
		}
		if !more {
			cursor = append(cursor, `,"next":null`...)
			break
		}
		if int64(len(ends)) == limit {
			cursor = appendCursor(cursor, at, []byte(last))
			break
		}
		rows = appendArticle(rows, stmt, &c.text)
		ends, authors = append(ends, len(rows)), append(authors, stmt.ColumnText(7))
		users[authors[len(authors)-1]] = nil
		if int64(len(ends)) == limit {
			at, last = stmt.ColumnInt64(8), stmt.ColumnText(0)
		}
	}
	if err := c.users(users); err != nil {
		return nil, err
	}
	from := 0
	for i, end := range ends {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, rows[from:end]...)
		dst = append(append(append(dst, `,"author":`...), users[authors[i]]...), '}')
		from = end
	}
	return append(append(dst, ']'), cursor...), nil
}

func (c *reader) users(into map[string][]byte) error {
	ids := make([]string, 0, len(into))
	for id := range into {
		ids = append(ids, id)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	c.authors.BindText(1, string(list))
	buf := make([]byte, 0, 8<<10)
	for {
		more, err := c.authors.Step()
		if err != nil || !more {
			return err
		}
		from := len(buf)
		buf = appendUser(buf, c.authors, &c.text)
		into[c.authors.ColumnText(0)] = buf[from:len(buf):len(buf)]
	}
}
