package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// statement is a prepared statement and, while it runs, the row that it stands at.
type statement struct {
	raw     *lite.Stmt
	sql     string
	changes bool // it changes rows, so that SQLite counts them
	control bool // it would end or nest the transaction
	busy    bool // between take and release
	kept    bool // among the statements of the connection
	large   []int
	bytes   []byte // see Bytes
}

func newStatement(raw *lite.Stmt, sql string) *statement {
	s := &statement{raw: raw, sql: sql}
	switch engine.FirstWord(sql) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH":
		s.changes = true
	case "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH", "VACUUM":
		s.control = true
	}
	return s
}

// largeText is the length from which a bound text is let go after the run, rather than kept until the next.
const largeText = 1024

// bind sets every parameter. It never clears: since SQLite 3.54 sqlite3_clear_bindings makes the next run of many a
// statement parse and plan it anew (a list of 30 rows took 44 µs instead of 31). zombiezen's own cache, Conn.Prepare,
// clears; hence ours. https://gitlab.com/cznic/sqlite/-/issues/264
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

func (s *statement) bindOne(param int, v value.Value) error {
	switch v.Kind {
	case value.Null:
		s.raw.BindNull(param)
	case value.Bool, value.Int, value.Decimal, value.Timestamp, value.Duration:
		s.raw.BindInt64(param, v.Int)
	case value.Float:
		s.raw.BindFloat(param, v.Float)
	case value.Text, value.Date, value.UUID, value.JSON:
		s.bindText(param, v.Text)
	case value.List:
		text, err := json.Marshal(append([]string{}, v.List...)) // nil too is a list: [], not null
		if err != nil {
			return err
		}
		s.bindText(param, string(text))
	default:
		return fmt.Errorf("a value of kind %d cannot be bound", v.Kind)
	}
	return nil
}

func (s *statement) bindText(param int, text string) {
	s.raw.BindText(param, text)
	if len(text) >= largeText {
		s.large = append(s.large, param)
	}
}

// finish runs a statement to its end and passes over its rows.
func (s *statement) finish() error {
	for {
		if more, err := s.raw.Step(); err != nil || !more {
			return err
		}
	}
}

// reset ends the run, and with it the statement's part in the transaction.
func (s *statement) reset() {
	_ = s.raw.Reset() // repeats the error of the last step, which has been reported
	for _, param := range s.large {
		s.raw.BindNull(param)
	}
	s.large = s.large[:0]
}

// Null says whether the column is missing.
func (s *statement) Null(col int) bool { return s.raw.ColumnType(col) == lite.TypeNull }

// Int returns a column of a Bool, Int, Timestamp or Duration.
func (s *statement) Int(col int) int64 { return s.raw.ColumnInt64(col) }

// Float returns a column of a Float.
func (s *statement) Float(col int) float64 { return s.raw.ColumnFloat(col) }

// Decimal returns the column as it is stored: scaled.
func (s *statement) Decimal(col int, _ int) int64 { return s.raw.ColumnInt64(col) }

// Fits says whether the column is stored as values of the field are. An integer is a float as well.
func (s *statement) Fits(col int, f *model.Field) bool {
	stored := s.raw.ColumnType(col)
	switch f.Type {
	case model.Int, model.Bool, model.Decimal, model.Timestamp:
		return stored == lite.TypeInteger
	case model.Float:
		return stored == lite.TypeInteger || stored == lite.TypeFloat
	default:
		return stored == lite.TypeText
	}
}

// Bytes returns a column of text, in memory of SQLite's: it is valid until the next row.
func (s *statement) Bytes(col int) []byte {
	// The reader is the only way to a column that does not copy. It gives what it reads to Write below in one piece,
	// and does not leave the stack.
	s.bytes = nil
	_, _ = s.raw.ColumnReader(col).WriteTo((*borrower)(s))
	return s.bytes
}

// borrower is a statement as the writer that keeps what it is given.
type borrower statement

func (b *borrower) Write(p []byte) (int, error) {
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

// take returns the statement, reset, for one run.
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
func (c *statements) release(s *statement) {
	s.reset()
	s.busy = false
	if s.kept {
		return
	}
	kept, dropped := c.kept.Put(s.sql, s)
	if !kept {
		_ = s.raw.Finalize()
		return
	}
	s.kept = true
	for _, d := range dropped {
		d.kept = false
		if !d.busy { // else release meets it again
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
