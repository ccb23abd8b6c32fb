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
	once    bool     // it is too long to be kept: the server has it until the next one without a name
}

// Filters vary without end, and a prepared statement takes about 30 bytes of the server's memory for each byte of its
// text. So both the number and the text of the prepared statements of a connection are bounded. A longer statement is
// parsed each time.
const (
	maxStatements     = 256
	maxStatementBytes = 512 << 10 // of text
	longestPrepared   = 16 << 10  // bytes of text
)

// statements are the prepared statements of a connection, by their text. The one used longest ago is dropped first.
type statements struct {
	byText  map[string]*list.Element // of *statement
	used    *list.List               // the latest in front
	bytes   int                      // of their text
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

// name returns the name to prepare a statement under; "" where the server is to keep it only until the next one.
func (c *statements) name(sql string) string {
	if c.unnamed || len(sql) > longestPrepared {
		return ""
	}
	c.names++
	return "s" + strconv.Itoa(c.names)
}

// put keeps a statement and returns the names of those that are to be deallocated for it.
func (c *statements) put(s *statement) (dropped []string) {
	if len(s.sql) > longestPrepared {
		return nil
	}
	c.byText[s.sql] = c.used.PushFront(s)
	c.bytes += len(s.sql)
	for c.used.Len() > maxStatements || c.bytes > maxStatementBytes {
		oldest := c.used.Remove(c.used.Back()).(*statement)
		delete(c.byText, oldest.sql)
		c.bytes -= len(oldest.sql)
		if !oldest.unnamed() {
			dropped = append(dropped, oldest.desc.Name)
		}
	}
	return dropped
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
