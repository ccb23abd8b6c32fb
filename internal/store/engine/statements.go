package engine

// Filters vary without end. So both the number and the text of the prepared statements of a connection are bounded.
const (
	maxStatementBytes = 512 << 10 // of text

	// LongestPrepared is the length of the longest text, in bytes, that a connection keeps prepared. A longer statement is
	// prepared each time.
	LongestPrepared = 16 << 10
)

// Statements are the prepared statements of a connection, by their text. The one used longest ago is dropped first. One
// goroutine uses it at a time.
type Statements[S any] struct {
	most   int
	byText map[string]*statement[S]
	bytes  int           // of their text
	root   *statement[S] // of the ring in the order of use: its older is the latest, its newer the oldest
}

type statement[S any] struct {
	sql          string
	value        S
	older, newer *statement[S]
}

// NewStatements returns an empty cache that keeps at most so many statements.
func NewStatements[S any](most int) Statements[S] {
	root := new(statement[S])
	root.older, root.newer = root, root
	return Statements[S]{most: most, byText: map[string]*statement[S]{}, root: root}
}

// Get returns the statement of a text, as the one used last.
func (c *Statements[S]) Get(sql string) (s S, ok bool) {
	last := c.root.older
	if last != c.root && last.sql == sql { // a text is equal to itself at a glance, and takes long to hash
		return last.value, true
	}
	found := c.byText[sql]
	if found == nil {
		return s, false
	}
	found.unlink()
	c.link(found)
	return found.value, true
}

// Put keeps a statement, if its text is not too long and not kept yet. It returns the statements that it dropped.
func (c *Statements[S]) Put(sql string, s S) (kept bool, dropped []S) {
	if len(sql) > LongestPrepared || c.byText[sql] != nil {
		return false, nil
	}
	added := &statement[S]{sql: sql, value: s}
	c.byText[sql] = added
	c.bytes += len(sql)
	c.link(added)
	for len(c.byText) > c.most || c.bytes > maxStatementBytes {
		oldest := c.root.newer
		oldest.unlink()
		delete(c.byText, oldest.sql)
		c.bytes -= len(oldest.sql)
		dropped = append(dropped, oldest.value)
	}
	return true, dropped
}

// Clear drops all statements and returns them.
func (c *Statements[S]) Clear() (dropped []S) {
	for _, s := range c.byText {
		dropped = append(dropped, s.value)
	}
	*c = NewStatements[S](c.most)
	return dropped
}

// Len returns how many statements are kept.
func (c *Statements[S]) Len() int { return len(c.byText) }

func (s *statement[S]) unlink() {
	s.older.newer, s.newer.older = s.newer, s.older
}

// link links a statement as the latest.
func (c *Statements[S]) link(s *statement[S]) {
	latest := c.root.older
	s.older, s.newer = latest, c.root
	latest.newer, c.root.older = s, s
}
