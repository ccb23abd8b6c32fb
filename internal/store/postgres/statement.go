package postgres

import (
	"container/list"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// statement is a prepared statement of a connection.
type statement struct {
	sql     string
	desc    *pgconn.StatementDescription
	results []uint32 // the types of the columns
}

// maxStatements bounds the prepared statements of a connection: filters vary without end, and each takes memory of the
// server.
const maxStatements = 256

// statements are the prepared statements of a connection, by their text. The one used longest ago is dropped first.
type statements struct {
	byText  map[string]*list.Element // of *statement
	used    *list.List               // the latest in front
	names   int
	unnamed bool // they are parsed each time; what is kept is their description
}

func newStatements(unnamed bool) statements {
	return statements{byText: map[string]*list.Element{}, used: list.New(), unnamed: unnamed}
}

func (c *statements) get(sql string) *statement {
	if e := c.used.Front(); e != nil {
		if s := e.Value.(*statement); s.sql == sql { // one text is equal to itself at a glance, and takes long to hash
			return s
		}
	}
	e := c.byText[sql]
	if e == nil {
		return nil
	}
	c.used.MoveToFront(e)
	return e.Value.(*statement)
}

func (c *statements) name() string {
	if c.unnamed {
		return ""
	}
	c.names++
	return "s" + strconv.Itoa(c.names)
}

// put keeps a statement and returns the name of one that is to be deallocated for it, or "".
func (c *statements) put(s *statement) (dropped string) {
	c.byText[s.sql] = c.used.PushFront(s)
	if c.used.Len() <= maxStatements {
		return ""
	}
	oldest := c.used.Remove(c.used.Back()).(*statement)
	delete(c.byText, oldest.sql)
	return oldest.desc.Name
}

func newStatement(name, sql string, desc *pgconn.StatementDescription) *statement {
	desc.Name, desc.SQL = name, sql
	return &statement{sql: sql, desc: desc, results: typesOf(desc.Fields)}
}

// unnamed says whether the server keeps it no longer than until it is run.
func (s *statement) unnamed() bool { return s.desc.Name == "" }

func typesOf(fields []pgconn.FieldDescription) []uint32 {
	types := make([]uint32, len(fields))
	for i, f := range fields {
		types[i] = f.DataTypeOID
	}
	return types
}
