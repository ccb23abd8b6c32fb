package portable

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// relation is a table of FROM.
type relation struct {
	id      int // it is told from all others of the query by it
	name    string
	columns []column
	base    *model.Table // nil: it is a query
	broken  bool         // it has a fault, and its columns are not known
	unique  [][]int      // sets of columns with unique values; an empty set means one row at most
}

type column struct {
	name string // "" if the engines choose different names
	typ  exprType
}

// selectScope holds the names for the expressions of a SELECT.
type selectScope struct {
	relations []*relation
	outer     *selectScope
	named     []withRelation // the tables of WITH, the nearest last

	stage  stage
	groups map[string]bool // the expressions of GROUP BY
	// identity lists the expressions that identify the rows of the SELECT. If known is set and the list is empty,
	// there is one row at most.
	identity []string
	known    bool
	written  map[int]string // results of identify, by position of the node
}

type withRelation struct {
	name  string
	rel   *relation
	self  bool // it is being defined, and this is its recursive part
	count *int // uses in the recursive part
}

// stage is the part of a SELECT that is being typed.
type stage uint8

const (
	ofRows   stage = iota // WHERE, ON, GROUP BY, arguments of aggregates, and all of a SELECT without groups
	ofGroups              // expressions computed once for each group
)

// place is the column that a name stands for.
type place struct {
	scope *selectScope
	rel   *relation
	col   int
}

func (p place) typ() exprType    { return p.rel.columns[p.col].typ }
func (p place) identity() string { return identity(p.rel, p.col) }

func identity(rel *relation, col int) string { return strconv.Itoa(rel.id) + "." + strconv.Itoa(col) }

// find resolves a name in the nearest SELECT that has it. Both engines do the same.
func (s *selectScope) find(ident name) (col place, problem string) {
	for at := s; at != nil; at = at.outer {
		found := at.matches(ident)
		switch {
		case len(found) > 1:
			return col, ident.column + " names more than one column here: write the table before it"
		case len(found) == 1 && found[0].rel.columns[found[0].col].name == ident.column && (ident.table == "" || found[0].rel.name == ident.table):
			return found[0], ""
		case len(found) == 1:
			return col, "PostgreSQL tells capitals and small letters apart in double quotes: write " + found[0].rel.columns[found[0].col].name
		}
		if ident.table != "" && at.has(ident.table) {
			break
		}
	}
	return col, s.unknown(ident)
}

func (s *selectScope) matches(ident name) []place {
	var found []place
	for _, rel := range s.relations {
		if ident.table != "" && !strings.EqualFold(rel.name, ident.table) {
			continue
		}
		for i, col := range rel.columns {
			if col.name != "" && strings.EqualFold(col.name, ident.column) {
				found = append(found, place{s, rel, i})
			}
		}
	}
	return found
}

func (s *selectScope) has(table string) bool {
	for _, rel := range s.relations {
		if strings.EqualFold(rel.name, table) {
			return true
		}
	}
	return false
}

// broken reports whether a name may belong to a relation with a fault.
func (s *selectScope) broken() bool {
	for at := s; at != nil; at = at.outer {
		if slices.ContainsFunc(at.relations, func(rel *relation) bool { return rel.broken }) {
			return true
		}
	}
	return false
}

func (s *selectScope) unknown(ident name) string {
	var names []string
	for at := s; at != nil; at = at.outer {
		for _, rel := range at.relations {
			if ident.table != "" && rel.name != ident.table {
				continue
			}
			for _, col := range rel.columns {
				names = append(names, col.name)
			}
		}
	}
	if ident.quoted && ident.table == "" {
		return fmt.Sprintf("there is no column %q here, and SQLite would take it for a text: write texts in single quotes", ident.column)
	}
	return "PostgreSQL knows no column " + ident.column + " here (a name that the SELECT gives can stand in ORDER BY and GROUP BY alone)" +
		suggest.DidYouMean(ident.column, names)
}

// identify returns a text for an expression. Two expressions with the same text have the same result on every row. An
// unknown expression has a text of its own.
func (s *selectScope) identify(operand node) string {
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

func (s *selectScope) write(operand node) string {
	switch n := operand.(type) {
	case literal:
		return strconv.Quote(n.text) + strconv.Itoa(int(n.kind))
	case name:
		found, problem := s.find(n)
		if problem != "" {
			return "?" + strconv.Itoa(n.place())
		}
		return found.identity()
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

func (s *selectScope) identifyAll(nodes []node) string {
	all := make([]string, len(nodes))
	for i, operand := range nodes {
		all[i] = s.identify(operand)
	}
	return strings.Join(all, ",")
}

// grouped reports whether each group has one value of the column: GROUP BY names the column, or the id of its table.
func (s *selectScope) grouped(found place) bool {
	if s.groups[found.identity()] {
		return true
	}
	return found.rel.base != nil && s.groups[identity(found.rel, 0)]
}
