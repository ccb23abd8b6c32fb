package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The same service on PostgreSQL: pgx's pool, statements prepared once a connection, binary values appended to the
// buffer straight from the connection, one transaction a write.

const postgresSchema = `
CREATE TABLE users (id uuid PRIMARY KEY, email text COLLATE "C" UNIQUE, name text COLLATE "C", created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
` + article + `posts` + postgresColumns + article + `notes` + postgresColumns + `
CREATE INDEX posts_author ON posts (author_id, created_at);
CREATE INDEX posts_status ON posts (status, created_at);
CREATE INDEX notes_author ON notes (author_id, created_at);
CREATE INDEX notes_status ON notes (status, created_at);`

const postgresColumns = ` (
	id uuid PRIMARY KEY, title text COLLATE "C" NOT NULL, body text COLLATE "C" NOT NULL, status text COLLATE "C" NOT NULL, views bigint NOT NULL,
	score float8 NOT NULL, featured boolean NOT NULL, author_id uuid NOT NULL REFERENCES users (id), created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL
);
`

func createPostgresTables(url string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, postgresSchema).ReadAll()
	return errors.Join(err, conn.Close(ctx))
}

var postgresStatements = func() map[string]string {
	const set = `title = coalesce($3, title), body = coalesce($4, body), status = coalesce($5, status), views = coalesce($6, views),
		score = coalesce($7, score), featured = coalesce($8, featured), updated_at = $9`
	return map[string]string{
		"get":         `SELECT ` + row + ` FROM posts WHERE id = $1`,
		"list":        `SELECT ` + row + ` FROM posts WHERE status = $1 ORDER BY created_at DESC, id DESC LIMIT $2`,
		"after":       `SELECT ` + row + ` FROM posts WHERE status = $1 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $2`,
		"count":       `SELECT count(*) FROM posts WHERE status = $1`,
		"users":       `SELECT id, email, name, created_at, updated_at FROM users WHERE id = ANY ($1)`,
		"note":        `SELECT ` + row + ` FROM notes WHERE id = $1 AND author_id = $2`,
		"notes":       `SELECT ` + row + ` FROM notes WHERE author_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2`,
		"insert":      `INSERT INTO notes (` + row + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING ` + row,
		"patch-notes": `UPDATE notes SET ` + set + ` WHERE id = $1 AND author_id = $2 RETURNING ` + row,
		"patch-posts": `UPDATE posts SET ` + set + ` WHERE id = $1 AND author_id = $2 RETURNING ` + row,
	}
}()

// postgres is the service. No deadlines: a context of a request would cost each of its queries a goroutine.
type postgres struct {
	tokens *tokens
	pool   *pgxpool.Pool
}

func newPostgres(url, key string, connections int) (*postgres, error) {
	tokens, err := openTokens(key)
	if err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connections)
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["jit"] = "off"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		for name, text := range postgresStatements {
			if _, err := conn.PgConn().Prepare(ctx, name, text, nil); err != nil {
				return err
			}
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	return &postgres{tokens, pool}, err
}

func (s *postgres) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posts/{id}", s.post)
	mux.HandleFunc("GET /posts", s.posts)
	mux.HandleFunc("GET /notes/{id}", s.note)
	mux.HandleFunc("GET /notes", s.notes)
	mux.HandleFunc("POST /notes", s.createNote)
	mux.HandleFunc("PATCH /notes/{id}", s.patch("patch-notes"))
	mux.HandleFunc("PATCH /posts/{id}", s.patch("patch-posts"))
	return mux
}

var binaryFormat = []int16{1}

// query runs a prepared statement and gives each row to f.
func query(conn *pgconn.PgConn, name string, f func([][]byte), params ...[]byte) error {
	reader := conn.ExecPrepared(context.Background(), name, params, binaryFormat, binaryFormat)
	for reader.NextRow() {
		f(reader.Values())
	}
	_, err := reader.Close()
	return err
}

// with runs f on a connection with a buffer, and answers with the bytes from f. No bytes mean that there is no such
// row.
func (s *postgres) with(w http.ResponseWriter, status int, f func(*pgconn.PgConn, []byte) ([]byte, error)) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	conn, err := s.pool.Acquire(context.Background())
	if err != nil {
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}
	body, err := f(conn.Conn().PgConn(), (*buf)[:0])
	conn.Release()
	switch {
	case err != nil:
		http.Error(w, "internal", http.StatusInternalServerError)
	case len(body) == 0:
		http.Error(w, "not found", http.StatusNotFound)
	default:
		*buf = body
		answer(w, status, body)
	}
}

func one(conn *pgconn.PgConn, dst []byte, name string, params ...[]byte) ([]byte, error) {
	err := query(conn, name, func(values [][]byte) { dst = append(appendRow(dst, values), '}') }, params...)
	return dst, err
}

func (s *postgres) post(w http.ResponseWriter, r *http.Request) {
	id := uuidBytes(r.PathValue("id"))
	s.with(w, http.StatusOK, func(conn *pgconn.PgConn, dst []byte) ([]byte, error) { return one(conn, dst, "get", id) })
}

func (s *postgres) note(w http.ResponseWriter, r *http.Request) {
	who := s.tokens.bearer(r)
	if who == "" {
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
		return
	}
	id := uuidBytes(r.PathValue("id"))
	s.with(w, http.StatusOK, func(conn *pgconn.PgConn, dst []byte) ([]byte, error) {
		return one(conn, dst, "note", id, uuidBytes(who))
	})
}

func (s *postgres) notes(w http.ResponseWriter, r *http.Request) {
	who := s.tokens.bearer(r)
	if who == "" {
		http.Error(w, "unauthenticated", http.StatusUnauthorized)
		return
	}
	page := rowsPage{limit: pageSize(r.URL.Query())}
	s.with(w, http.StatusOK, func(conn *pgconn.PgConn, dst []byte) ([]byte, error) {
		page.dst = append(dst, `{"items":[`...)
		err := query(conn, "notes", page.add, uuidBytes(who), int8Bytes(page.limit+1))
		return append(page.end(), '}'), err
	})
}

// rowsPage appends the rows of a page and the cursor to the next.
type rowsPage struct {
	dst   []byte
	limit int64
	n     int64
	at    int64
	id    [36]byte
}

func (p *rowsPage) add(values [][]byte) {
	p.n++
	if p.n > p.limit {
		return
	}
	if p.n > 1 {
		p.dst = append(p.dst, ',')
	}
	p.dst = append(appendRow(p.dst, values), '}')
	if p.n == p.limit {
		p.at = microsOf(values[8])
		appendUUID(p.id[:0], values[0])
	}
}

func (p *rowsPage) end() []byte {
	if p.n <= p.limit {
		return append(p.dst, `],"next":null`...)
	}
	return appendCursor(append(p.dst, ']'), p.at, p.id[:])
}

func (s *postgres) posts(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	status, limit := values.Get("status"), pageSize(values)
	name, params := "list", [][]byte{[]byte(status), int8Bytes(limit + 1)}
	if at, id, paged := parseCursor(values.Get("cursor")); paged {
		name, params = "after", append(params, int8Bytes(at-epochMicros), uuidBytes(id))
	}
	s.with(w, http.StatusOK, func(conn *pgconn.PgConn, dst []byte) (_ []byte, err error) {
		dst = append(dst, `{"items":[`...)
		if values.Get("expand") == "author" {
			dst, err = expandedRows(conn, dst, limit, name, params)
		} else {
			p := rowsPage{dst: dst, limit: limit}
			err = query(conn, name, p.add, params...)
			dst = p.end()
		}
		if err == nil && values.Get("total") == "true" {
			dst = append(dst, `,"total":`...)
			err = query(conn, "count", func(values [][]byte) { dst = strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(values[0])), 10) }, []byte(status))
		}
		return append(dst, '}'), err
	})
}

// expandedRows appends the rows of a page with their authors, read by one more statement.
func expandedRows(conn *pgconn.PgConn, dst []byte, limit int64, name string, params [][]byte) ([]byte, error) {
	rows := make([]byte, 0, 32<<10)
	ends, authors := make([]int, 0, limit), make([][16]byte, 0, limit)
	users := make(map[[16]byte][]byte, limit)
	page := rowsPage{limit: limit}
	err := query(conn, name, func(values [][]byte) {
		if page.n++; page.n > limit {
			return
		}
		rows = appendRow(rows, values)
		author := [16]byte(values[7])
		ends, authors = append(ends, len(rows)), append(authors, author)
		users[author] = nil
		page.at = microsOf(values[8])
		appendUUID(page.id[:0], values[0])
	}, params...)
	if err != nil {
		return nil, err
	}
	list := make([]byte, 0, 20+20*len(users))
	for _, n := range [...]uint32{1, 0, 2950, uint32(len(users)), 1} {
		list = binary.BigEndian.AppendUint32(list, n)
	}
	for id := range users {
		list = append(binary.BigEndian.AppendUint32(list, 16), id[:]...)
	}
	buf := make([]byte, 0, 8<<10)
	err = query(conn, "users", func(values [][]byte) {
		from := len(buf)
		buf = appendPerson(buf, values)
		users[[16]byte(values[0])] = buf[from:len(buf):len(buf)]
	}, list)
	from := 0
	for i, end := range ends {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, rows[from:end]...), `,"author":`...)
		dst = append(append(dst, users[authors[i]]...), '}')
		from = end
	}
	page.dst = dst
	return page.end(), err
}

// writeBody reads the body of a write and identifies its sender. After a fault it has answered.
func (s *postgres) writeBody(w http.ResponseWriter, r *http.Request) (body, string, bool) {
	job, ok := (&server{tokens: s.tokens}).read(w, r)
	return job.in, job.who, ok
}

func (s *postgres) createNote(w http.ResponseWriter, r *http.Request) {
	in, _, ok := s.writeBody(w, r)
	if !ok {
		return
	}
	id, err := uuid.NewV7()
	if err != nil || !in.complete() {
		http.Error(w, "invalid", http.StatusUnprocessableEntity)
		return
	}
	s.with(w, http.StatusCreated, func(conn *pgconn.PgConn, dst []byte) ([]byte, error) {
		return one(conn, dst, "insert", id[:], []byte(*in.Title), []byte(*in.Body), []byte(*in.Status), int8Bytes(*in.Views),
			int8Bytes(int64(math.Float64bits(*in.Score))), boolBytes(*in.Featured), uuidBytes(*in.Author), now())
	})
}

func (s *postgres) patch(statement string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in, who, ok := s.writeBody(w, r)
		if !ok {
			return
		}
		params := [][]byte{uuidBytes(r.PathValue("id")), uuidBytes(who), textBytes(in.Title), textBytes(in.Body), textBytes(in.Status), nil, nil, nil, now()}
		if in.Views != nil {
			params[5] = int8Bytes(*in.Views)
		}
		if in.Score != nil {
			params[6] = int8Bytes(int64(math.Float64bits(*in.Score)))
		}
		if in.Featured != nil {
			params[7] = boolBytes(*in.Featured)
		}
		s.with(w, http.StatusOK, func(conn *pgconn.PgConn, dst []byte) ([]byte, error) { return one(conn, dst, statement, params...) })
	}
}

// epochMicros is PostgreSQL's epoch in Unix time.
const epochMicros = 946_684_800_000_000

func now() []byte { return int8Bytes(time.Now().UnixMicro() - epochMicros) }

func microsOf(value []byte) int64 { return int64(binary.BigEndian.Uint64(value)) + epochMicros }

func int8Bytes(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func boolBytes(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

func textBytes(text *string) []byte {
	if text == nil {
		return nil
	}
	return append(make([]byte, 0, len(*text)), *text...)
}

// uuidBytes parses a uuid. For an invalid text it returns zeros, equal to no row's.
func uuidBytes(text string) []byte {
	id, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(id) != 16 {
		return make([]byte, 16)
	}
	return id
}

func appendUUID(dst, value []byte) []byte {
	dst = append(hex.AppendEncode(dst, value[:4]), '-')
	dst = append(hex.AppendEncode(dst, value[4:6]), '-')
	dst = append(hex.AppendEncode(dst, value[6:8]), '-')
	dst = append(hex.AppendEncode(dst, value[8:10]), '-')
	return hex.AppendEncode(dst, value[10:])
}

// appendRow appends a row of posts or notes, but for its last brace.
func appendRow(dst []byte, values [][]byte) []byte {
	dst = appendUUID(append(dst, `{"id":"`...), values[0])
	dst = appendString(append(dst, `","title":`...), values[1])
	dst = appendString(append(dst, `,"body":`...), values[2])
	dst = append(append(dst, `,"status":"`...), values[3]...)
	dst = strconv.AppendInt(append(dst, `","views":`...), int64(binary.BigEndian.Uint64(values[4])), 10)
	dst = strconv.AppendFloat(append(dst, `,"score":`...), math.Float64frombits(binary.BigEndian.Uint64(values[5])), 'f', -1, 64)
	dst = strconv.AppendBool(append(dst, `,"featured":`...), values[6][0] != 0)
	dst = appendUUID(append(dst, `,"author_id":"`...), values[7])
	dst = appendTime(append(dst, `","created_at":`...), microsOf(values[8]))
	return appendTime(append(dst, `,"updated_at":`...), microsOf(values[9]))
}

func appendPerson(dst []byte, values [][]byte) []byte {
	dst = appendUUID(append(dst, `{"id":"`...), values[0])
	dst = appendString(append(dst, `","email":`...), values[1])
	dst = appendString(append(dst, `,"name":`...), values[2])
	dst = appendTime(append(dst, `,"created_at":`...), microsOf(values[3]))
	return append(appendTime(append(dst, `,"updated_at":`...), microsOf(values[4])), '}')
}
