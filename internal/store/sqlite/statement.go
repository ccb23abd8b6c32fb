package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// statement is a prepared statement and, while it runs, its current row. It implements value.Row.
type statement struct {
	raw         *lite.Stmt
	sql         string
	reads       bool   // changes nothing
	changes     bool   // changes rows, so that SQLite counts them
	partial     bool   // may leave changes when it fails, and SQLite need not count them
	control     bool   // would end or nest the transaction
	busy        bool   // between take and release
	kept        bool   // among the statements of the connection
	largeParams []int  // parameters with a large text
	bytes       []byte // see Bytes
}

func newStatement(raw *lite.Stmt, sql string) *statement {
	stmt := &statement{raw: raw, sql: sql}
	switch engine.FirstWord(sql) {
	case "SELECT", "VALUES":
		stmt.reads = true
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH":
		stmt.changes, stmt.partial = true, strings.Contains(sql, "OR FAIL")
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH", "VACUUM":
		stmt.control = true
	}
	return stmt
}

// largeText is the length from which reset frees a bound text. Shorter ones stay until the next run.
const largeText = 1024

// bind sets every parameter, and never clears them. Since SQLite 3.54, many statements are parsed and planned again after
// sqlite3_clear_bindings: a list of 30 rows took 44 µs instead of 31. The cache of zombiezen, Conn.Prepare, clears, so we
// have another. The report is at
// https://gitlab.com/cznic/sqlite/-/issues/264
func (s *statement) bind(args []value.Value) error {
	if len(args) != s.raw.BindParamCount() {
		return engine.Internal(fmt.Errorf("%d values for the %d parameters of %s", len(args), s.raw.BindParamCount(), s.sql))
	}
	for i, arg := range args {
		if err := s.bindOne(i+1, arg); err != nil {
			return engine.Internal(fmt.Errorf("parameter %d of %s: %w", i+1, s.sql, err))
		}
	}
	return nil
}

func (s *statement) bindOne(param int, val value.Value) error {
	switch val.Kind {
	case value.Null:
		s.raw.BindNull(param)
	case value.Bool, value.Int, value.Decimal, value.Timestamp, value.Duration:
		s.raw.BindInt64(param, val.Int)
	case value.Float:
		s.raw.BindFloat(param, val.Float)
	case value.Text, value.Date, value.UUID, value.JSON:
		s.bindText(param, val.Text)
	case value.List:
		text, err := json.Marshal(append([]string{}, val.List...)) // a nil list is [], not null
		if err != nil {
			return err
		}
		s.bindText(param, string(text))
	default:
		return fmt.Errorf("a value of kind %d cannot be bound", val.Kind)
	}
	return nil
}

func (s *statement) bindText(param int, text string) {
	s.raw.BindText(param, text)
	if len(text) >= largeText {
		s.largeParams = append(s.largeParams, param)
	}
}

// finish runs a statement to its end and skips its rows.
func (s *statement) finish() error {
	for {
		if more, err := s.raw.Step(); err != nil || !more {
			return err
		}
	}
}

// reset ends the run, and releases what the statement holds of the transaction.
func (s *statement) reset() {
	_ = s.raw.Reset() // repeats the error of the last step
	for _, param := range s.largeParams {
		s.raw.BindNull(param)
	}
	s.largeParams = s.largeParams[:0]
}

// Null reports whether the column is NULL.
func (s *statement) Null(col int) bool { return s.raw.ColumnType(col) == lite.TypeNull }

// Int returns a column of a Bool, Int, Timestamp or Duration.
func (s *statement) Int(col int) int64 { return s.raw.ColumnInt64(col) }

// Float returns a column of a Float.
func (s *statement) Float(col int) float64 { return s.raw.ColumnFloat(col) }

// Decimal returns the column as it is stored: scaled.
func (s *statement) Decimal(col int, _ int) int64 { return s.raw.ColumnInt64(col) }

// Fits reports whether the column is stored as values of the field are. An integer is a float as well.
func (s *statement) Fits(col int, field *model.Field) bool {
	stored := s.raw.ColumnType(col)
	switch field.Type {
	case model.Int, model.Bool, model.Decimal, model.Timestamp:
		return stored == lite.TypeInteger
	case model.Float:
		return stored == lite.TypeInteger || stored == lite.TypeFloat
	default:
		return stored == lite.TypeText
	}
}

// Bytes returns a column of text, in SQLite's memory. It is valid until the next row.
func (s *statement) Bytes(col int) []byte {
	// The reader is the only access to a column that does not copy. It gives all bytes to Write below in one piece, and
	// does not leave the stack.
	s.bytes = nil
	_, _ = s.raw.ColumnReader(col).WriteTo((*noCopyWriter)(s))
	return s.bytes
}

// noCopyWriter is a statement as the writer that keeps the slice which it is given.
type noCopyWriter statement

func (b *noCopyWriter) Write(p []byte) (int, error) {
	b.bytes = p
	return len(p), nil
}

// maxStatements is how many statements a connection keeps prepared. Each takes about 7 bytes for each byte of its text.
const maxStatements = 512

// statements are the prepared statements of a connection.
type statements struct {
	conn *lite.Conn
	kept engine.Statements[*statement]
}

func newStatements(conn *lite.Conn) statements {
	return statements{conn: conn, kept: engine.NewStatements[*statement](maxStatements)}
}

// take returns the statement of a text, reset, for one run.
func (c *statements) take(sql string) (*statement, error) {
	if s, ok := c.kept.Get(sql); ok && !s.busy {
		s.busy = true
		return s, nil
	}
	raw, trailing, err := c.conn.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	if trailing != 0 {
		return nil, errors.Join(fmt.Errorf("more than one statement: %s", sql), raw.Finalize())
	}
	s := newStatement(raw, sql)
	s.busy = true
	return s, nil
}

// release ends the run of a statement and keeps it for the next. A query inside the same query is not kept.
func (c *statements) release(stmt *statement) {
	stmt.reset()
	stmt.busy = false
	if stmt.kept {
		return
	}
	kept, dropped := c.kept.Put(stmt.sql, stmt)
	if !kept {
		_ = stmt.raw.Finalize()
		return
	}
	stmt.kept = true
	for _, d := range dropped {
		d.kept = false
		if !d.busy { // otherwise release finds it later
			_ = d.raw.Finalize()
		}
	}
}

func (c *statements) close() (err error) {
	for _, s := range c.kept.Clear() {
		err = errors.Join(err, s.raw.Finalize())
	}
	return err
}
