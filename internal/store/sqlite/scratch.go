package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Scratch is a database in memory with empty tables, in which queries are described. It lacks the functions that the engine
// adds, because views must not use them.
type Scratch struct {
	raw *lite.Conn
}

// OpenScratch makes the tables that the definitions define.
func OpenScratch(definitions []string) (*Scratch, error) {
	raw, err := lite.OpenConn(":memory:", lite.OpenReadWrite|lite.OpenCreate|lite.OpenMemory)
	if err != nil {
		return nil, err
	}
	scratch := &Scratch{raw}
	if err := scratch.prepare(definitions); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return scratch, nil
}

func (s *Scratch) prepare(definitions []string) error {
	setLimits(s.raw)
	for _, sql := range definitions {
		if _, err := s.rows(sql); err != nil {
			return err
		}
	}
	return s.markTime()
}

// markTime overloads the functions that read the clock if they get no time, for the numbers of arguments with which they do
// so. A program of SQLite then shows the call.
func (s *Scratch) markTime() error {
	for name, args := range map[string]int{"date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0, "strftime": 1} {
		impl := &lite.FunctionImpl{NArgs: args, Scalar: func(lite.Context, []lite.Value) (lite.Value, error) { return lite.Value{}, nil }}
		if err := s.raw.CreateFunction(name, impl); err != nil {
			return err
		}
	}
	return nil
}

// Close frees the memory.
func (s *Scratch) Close() error { return s.raw.Close() }

// A view's query stands between these in a statement. It must be a whole query there too.
const aroundBefore, aroundAfter = "SELECT * FROM (", "\n)"

const describedView = "ashlar_described"

// Describe describes a query. The error is a *store.QueryError if the text of the query is wrong.
func (s *Scratch) Describe(query string) (described store.Description, err error) {
	if described.Reads, err = s.compile(query); err != nil {
		return described, err
	}
	if err := s.tryAround(query); err != nil {
		return described, err
	}
	if described.Refused, err = s.refused(query); err != nil {
		return described, err
	}
	described.Columns, err = s.columns(query)
	return described, err
}

// compile prepares the query and returns what it reads.
func (s *Scratch) compile(query string) ([]store.Column, error) {
	a := &observer{exists: s.hasTable}
	if err := s.raw.SetAuthorizer(a); err != nil {
		return nil, err
	}
	stmt, trailing, err := s.raw.PrepareTransient(query)
	if clearErr := s.raw.SetAuthorizer(nil); clearErr != nil {
		return nil, clearErr
	}
	if a.writes { // SQLite would only say that it is not authorized
		return nil, errors.Join(&store.QueryError{Offset: -1, Message: "a query is one SELECT"}, finalize(stmt))
	}
	if err != nil {
		return nil, queryError(err, query, 0)
	}
	params, columns := stmt.BindParamCount(), stmt.ColumnCount()
	if err := stmt.Finalize(); err != nil {
		return nil, err
	}
	switch {
	case trailing > 0:
		at := utf8.RuneCountInString(query[:len(query)-trailing])
		return nil, &store.QueryError{Offset: at, Message: "a query is one SELECT: something follows it"}
	case params > 0:
		return nil, &store.QueryError{Offset: -1, Message: "a query has no parameters, as ? or :name or $1"}
	case columns == 0:
		return nil, &store.QueryError{Offset: -1, Message: "a query is one SELECT"}
	}
	reads, err := a.columns()
	return reads, err
}

func finalize(stmt *lite.Stmt) error {
	if stmt == nil {
		return nil
	}
	return stmt.Finalize()
}

func (s *Scratch) tryAround(query string) error {
	stmt, _, err := s.raw.PrepareTransient(aroundBefore + query + aroundAfter)
	if err != nil {
		return queryError(err, query, len(aroundBefore))
	}
	return stmt.Finalize()
}

// queryError makes a *store.QueryError of an error about a text that has so many bytes before the query.
func queryError(err error, query string, before int) error {
	failed := &store.QueryError{Offset: -1, Message: "SQLite: " + plainMessage(err), Refused: true}
	if at, ok := lite.ErrorOffset(err); ok {
		failed.Offset = utf8.RuneCountInString(query[:min(max(at-before, 0), len(query))])
	}
	return failed
}

// plainMessage removes what the driver adds to SQLite's own message.
func plainMessage(err error) string {
	message := err.Error()
	if _, after, found := strings.Cut(message, "SQL logic error: "); found {
		return after
	}
	return strings.TrimPrefix(message, "sqlite: prepare: ")
}

// columns makes a view for a moment, because SQLite says of a view's columns what it can know of their types.
func (s *Scratch) columns(query string) (columns []store.Column, err error) {
	if _, err := s.rows("CREATE TEMP VIEW " + describedView + " AS " + query); err != nil {
		return nil, err
	}
	info, err := s.rows("PRAGMA temp.table_info(" + describedView + ")")
	if err != nil {
		return nil, err
	}
	for _, row := range info {
		c := store.Column{Name: row[1]}
		if holds, known := kindsOf(row[2]); known {
			c.Type, c.Holds = row[2], holds
		}
		columns = append(columns, c)
	}
	_, err = s.rows("DROP VIEW temp." + describedView)
	return columns, err
}

// kindsOf returns the kinds as which a column of a type can be read. Tables are strict, so a column of theirs holds only
// its type, as the result of CAST does. SQLite knows no type of anything else.
func kindsOf(declared string) (kinds []value.Kind, known bool) {
	switch declared {
	case "INTEGER", "INT":
		return []value.Kind{value.Int, value.Bool, value.Decimal, value.Timestamp, value.Float}, true
	case "REAL":
		return []value.Kind{value.Float}, true
	case "TEXT":
		return []value.Kind{value.Text, value.Date, value.UUID, value.JSON}, true
	case "BLOB":
		return nil, true
	}
	return nil, false
}

// nondeterministic are the functions that do something, or may return something else, each time they are called.
var nondeterministic = [...]string{"random", "randomblob", "current_timestamp", "current_date", "current_time", "last_insert_rowid",
	"changes", "total_changes", "load_extension", "sqlite_offset"}

// refused looks for such functions in the program of the query.
func (s *Scratch) refused(query string) ([]string, error) {
	program, err := s.rows("EXPLAIN " + query)
	if err != nil {
		return nil, err
	}
	var found []string
	var times, now bool
	for _, op := range program {
		switch opcode, p4 := op[1], op[5]; opcode {
		case "Function", "PureFunc", "AggStep", "AggStep1", "AggFinal", "AggValue", "AggInverse":
			name, args, _ := strings.Cut(p4, "(")
			switch {
			case slices.Contains(nondeterministic[:], name):
				found = append(found, name+store.Nondeterministic)
			case isTime(name) && (args == "0)" || (args == "1)" && name == "strftime")):
				found = append(found, name+" without a time"+store.Nondeterministic)
			}
			times = times || isTime(name)
		case "String8", "String":
			now = now || strings.EqualFold(p4, "now")
		}
	}
	if times && now {
		found = append(found, "the time 'now'"+store.Nondeterministic)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func isTime(name string) bool {
	switch name {
	case "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff":
		return true
	}
	return false
}

const selectTable = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '"

// hasTable reports whether there is a table of that name, in any case.
func (s *Scratch) hasTable(name string) (bool, error) {
	found, err := s.rows(selectTable + strings.ReplaceAll(name, "'", "''") + "' COLLATE NOCASE")
	return len(found) > 0, err
}

// rows runs a statement and returns its rows as text.
func (s *Scratch) rows(sql string) (rows [][]string, err error) {
	stmt, _, err := s.raw.PrepareTransient(sql)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stmt.Finalize()) }()
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return rows, err
		}
		row := make([]string, stmt.ColumnCount())
		for i := range row {
			row[i] = stmt.ColumnText(i)
		}
		rows = append(rows, row)
	}
}

// Describe implements store.DB. It describes the query in a Scratch with the tables of the database.
func (db *DB) Describe(ctx context.Context, query string) (described store.Description, err error) {
	var definitions []string
	err = db.Read(ctx, func(reader store.Reader) error {
		definitions = definitions[:0]
		return reader.Query(selectTables, nil, func(row value.Row) error {
			definitions = append(definitions, string(row.Bytes(0)))
			return nil
		})
	})
	if err != nil {
		return described, err
	}
	scratch, err := OpenScratch(definitions)
	if err != nil {
		return described, engine.Internal(err)
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	return scratch.Describe(query)
}

// selectTables leaves out indexes and triggers, which do not change what a query returns.
const selectTables = `SELECT sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY rowid`
