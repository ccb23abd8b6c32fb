package portable

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// relation is a table of FROM, as expressions see it.
type relation struct {
	id      int // it is told from all others of the query by it
	name    string
	columns []column
	base    *model.Table // nil: it is a query
	broken  bool         // it has a fault, and its columns are not known
	unique  [][]int      // columns of which no two rows have the same; empty: there is one row at most
}

type column struct {
	name string // "" where the engines would give it different names
	typ  typ
}

// scope is what an expression of a SELECT can name.
type scope struct {
	relations []*relation
	outer     *scope
	named     []withRelation // the tables of WITH, the nearest last

	stage  stage
	groups map[string]bool // the expressions of GROUP BY
	// identity lists what tells the rows of the SELECT apart, as identities of expressions. With known and nothing in it there is
	// one row at most.
	identity []string
	known    bool
	written  map[int]string // what identify returned, by the place of the node
}

type withRelation struct {
	name  string
	rel   *relation
	self  bool // it is being defined, and this is its recursive part
	count *int // how often the recursive part names it
}

// stage says what the expressions of a SELECT may be at the moment.
type stage uint8

const (
	ofRows   stage = iota // WHERE, ON, GROUP BY, the argument of an aggregate, and everything of a SELECT without groups
	ofGroups              // what is computed once for each group
)

// place is a column that a name stands for.
type place struct {
	scope *scope
	rel   *relation
	col   int
}

func (p place) typ() typ         { return p.rel.columns[p.col].typ }
func (p place) identity() string { return identity(p.rel, p.col) }

func identity(r *relation, col int) string { return strconv.Itoa(r.id) + "." + strconv.Itoa(col) }

// find resolves a name in the nearest SELECT that has it, as both engines do.
func (s *scope) find(n name) (p place, problem string) {
	for at := s; at != nil; at = at.outer {
		found := at.matches(n)
		switch {
		case len(found) > 1:
			return p, n.column + " names more than one column here: write the table before it"
		case len(found) == 1 && found[0].rel.columns[found[0].col].name == n.column && (n.table == "" || found[0].rel.name == n.table):
			return found[0], ""
		case len(found) == 1:
			return p, "PostgreSQL tells capitals and small letters apart in double quotes: write " + found[0].rel.columns[found[0].col].name
		}
		if n.table != "" && at.has(n.table) {
			break
		}
	}
	return p, s.unknown(n)
}

func (s *scope) matches(n name) []place {
	var found []place
	for _, r := range s.relations {
		if n.table != "" && !strings.EqualFold(r.name, n.table) {
			continue
		}
		for i, c := range r.columns {
			if c.name != "" && strings.EqualFold(c.name, n.column) {
				found = append(found, place{s, r, i})
			}
		}
	}
	return found
}

func (s *scope) has(table string) bool {
	for _, r := range s.relations {
		if strings.EqualFold(r.name, table) {
			return true
		}
	}
	return false
}

// broken says whether a name may be a column that is not known because of another fault.
func (s *scope) broken() bool {
	for at := s; at != nil; at = at.outer {
		if slices.ContainsFunc(at.relations, func(r *relation) bool { return r.broken }) {
			return true
		}
	}
	return false
}

func (s *scope) unknown(n name) string {
	var names []string
	for at := s; at != nil; at = at.outer {
		for _, r := range at.relations {
			if n.table != "" && r.name != n.table {
				continue
			}
			for _, c := range r.columns {
				names = append(names, c.name)
			}
		}
	}
	if n.quoted && n.table == "" {
		return fmt.Sprintf("there is no column %q here, and SQLite would take it for a text: write texts in single quotes", n.column)
	}
	return "PostgreSQL knows no column " + n.column + " here (a name that the SELECT gives can stand in ORDER BY and GROUP BY alone)" +
		suggest.DidYouMean(n.column, names)
}

// identify writes an expression so that two with the same result on every row are the same text. An expression that cannot be told
// is like no other.
func (s *scope) identify(operand node) string {
	operand = bare(operand)
	text, known := s.written[operand.place()]
	if !known {
		text = s.write(operand)
		if s.written == nil {
			s.written = map[int]string{}
		}
		s.written[operand.place()] = text
	}
	return text
}

func (s *scope) write(operand node) string {
	switch n := operand.(type) {
	case literal:
		return strconv.Quote(n.text) + strconv.Itoa(int(n.kind))
	case name:
		p, problem := s.find(n)
		if problem != "" {
			return "?" + strconv.Itoa(n.place())
		}
		return p.identity()
	case unary:
		return n.op + "(" + s.identify(n.x) + ")"
	case binary:
		return "(" + s.identify(n.l) + n.op + s.identify(n.r) + ")"
	case test:
		return "is " + n.what + "(" + s.identify(n.x) + ")"
	case cast:
		return n.to + "<" + s.identify(n.x) + ">"
	case call:
		if n.filter == nil && n.over == nil && len(n.order) == 0 && !n.star && !n.distinct {
			return n.name + "(" + s.identifyAll(n.args) + ")"
		}
	case choice:
		if n.operand == nil && n.orElse != nil {
			return "case(" + s.identifyAll(n.parts()) + ")"
		}
	}
	return "?" + strconv.Itoa(operand.place())
}

func (s *scope) identifyAll(nodes []node) string {
	all := make([]string, len(nodes))
	for i, operand := range nodes {
		all[i] = s.identify(operand)
	}
	return strings.Join(all, ",")
}

// grouped says whether each group has one value of the column: it is grouped by, or the id of its row is.
func (s *scope) grouped(p place) bool {
	if s.groups[p.identity()] {
		return true
	}
	return p.rel.base != nil && s.groups[identity(p.rel, 0)]
}
