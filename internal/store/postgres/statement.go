package postgres

import (
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// statement is a prepared statement of a connection.
type statement struct {
	sql     string
	desc    *pgconn.StatementDescription
	results []uint32 // types of the columns
	once    bool     // too long to be kept; the server has it until the next statement without a name
}

// maxStatements is how many statements a connection keeps prepared. Each takes about 30 bytes of the server's memory for each
// byte of its text.
const maxStatements = 256

// statements are the prepared statements of a connection.
type statements struct {
	kept    engine.Statements[*statement]
	names   int
	unnamed bool // the server parses them each time; what is kept is their description
}

func newStatements(unnamed bool) statements {
	return statements{kept: engine.NewStatements[*statement](maxStatements), unnamed: unnamed}
}

// get returns nil if the statement is not prepared.
func (c *statements) get(sql string) *statement {
	s, _ := c.kept.Get(sql)
	return s
}

// name returns the name under which to prepare a statement. The server keeps one without a name only until the next.
func (c *statements) name(sql string) string {
	if c.unnamed || len(sql) > engine.LongestPrepared {
		return ""
	}
	c.names++
	return "s" + strconv.Itoa(c.names)
}

// put keeps a statement. It returns the names of the statements that have to be deallocated for it.
func (c *statements) put(s *statement) (names []string) {
	_, dropped := c.kept.Put(s.sql, s)
	for _, d := range dropped {
		if !d.unnamed() {
			names = append(names, d.desc.Name)
		}
	}
	return names
}

func newStatement(name, sql string, desc *pgconn.StatementDescription) *statement {
	desc.Name, desc.SQL = name, sql
	return &statement{sql: sql, desc: desc, results: typesOf(desc.Fields)}
}

// unnamed reports whether the server keeps the statement only until it runs.
func (s *statement) unnamed() bool { return s.desc.Name == "" }

func typesOf(fields []pgconn.FieldDescription) []uint32 {
	types := make([]uint32, len(fields))
	for i, f := range fields {
		types[i] = f.DataTypeOID
	}
	return types
}
