package trace

import (
	"strings"
)

// A summary says what a statement does, in the two words of db.query.summary.
type summary struct {
	operation  string // "SELECT"
	collection string // the table that it is about; "" if there is none
}

func (s summary) String() string {
	switch {
	case s.operation == "":
		return "statement"
	case s.collection == "":
		return s.operation
	}
	return s.operation + " " + s.collection
}

// maxCollection bounds the name of a table in a summary, in bytes. Names of the model are shorter.
const maxCollection = 80

// summarize returns the summary of a statement of either engine. The text says it for all statements, also for hand-written
// ones.
//
// The table is the first one of the outermost FROM, INTO or UPDATE. A subquery in its place stands for its own first
// table, and so does a name of WITH. Functions such as json_each are no tables.
func summarize(sql string) summary {
	all := tokenize(sql)
	if len(all) == 0 || all[0].kind != word {
		return summary{}
	}
	q := &query{common: map[string][]token{}}
	body := q.with(all)
	if len(body) == 0 {
		return summary{operation: "WITH"}
	}
	s := summary{operation: strings.ToUpper(body[0].text), collection: q.target(body)}
	if s.operation == "SELECT" && q.writes != nil { // PostgreSQL: WITH moved AS (DELETE …) SELECT …
		s = summary{operation: strings.ToUpper(q.writes[0].text), collection: q.target(q.writes)}
	}
	if s.operation == "CREATE" || s.operation == "ALTER" || s.operation == "DROP" {
		s = define(s.operation, body)
	}
	s.operation, s.collection = strings.Clone(clip(s.operation, 32)), strings.Clone(clip(s.collection, maxCollection))
	return s
}

// query is a statement with the queries of its WITH clauses by name.
type query struct {
	common map[string][]token
	writes []token // the first query of WITH that changes rows
	looked int     // groups that were looked into
}

// maxGroups bounds the work for one statement. Statements of the generator need some ten.
const maxGroups = 1000

// giveUp counts a group, and reports whether it is one too many.
func (q *query) giveUp(group []token) bool {
	q.looked++
	return len(group) == 0 || q.looked > maxGroups
}

// with reads the WITH clause that a query may begin with. It returns the rest.
func (q *query) with(all []token) []token {
	if !all[0].is("WITH") {
		return all
	}
	for i := 1; i < len(all); i++ {
		switch {
		case all[i].is("SELECT"), all[i].is("VALUES"), all[i].isWrite():
			return all[i:]
		case all[i].text == "(" && all[i].kind == sign:
			body := group(all[i:])
			if as := all[i-1]; (as.is("AS") || as.is("MATERIALIZED")) && len(body) > 0 {
				q.common[nameBefore(all[:i])] = body
				if body[0].isWrite() && q.writes == nil {
					q.writes = body
				}
			}
			i += len(body)
		}
	}
	return nil
}

// nameBefore returns the name in front of AS, or of AS NOT MATERIALIZED. Columns may stand between them.
func nameBefore(before []token) string {
	i := len(before) - 1
	for i >= 0 && (before[i].is("AS") || before[i].is("NOT") || before[i].is("MATERIALIZED")) {
		i--
	}
	if i >= 0 && before[i].text == ")" {
		for i >= 0 && before[i].text != "(" {
			i--
		}
		i--
	}
	if i < 0 {
		return ""
	}
	return before[i].text
}

// target returns the table that a query is about.
func (q *query) target(body []token) string {
	if q.giveUp(body) {
		return ""
	}
	var inner [][]token // subqueries in front of the tables' clause
	for i := 0; i < len(body); i++ {
		switch t := body[i]; {
		case t.text == "(" && t.kind == sign:
			sub := group(body[i:])
			inner = append(inner, sub)
			i += len(sub)
		case t.is("FROM") && i > 0 && body[i-1].is("DISTINCT"): // IS DISTINCT FROM
		case t.is("FROM"), t.is("INTO"), t.is("UPDATE"), t.is("COPY"), t.is("TRUNCATE"), t.is("ANALYZE"):
			if name := q.firstTable(body[i+1:]); name != "" {
				return name
			}
		}
	}
	for _, sub := range inner {
		if name := q.nested(sub); name != "" {
			return name
		}
	}
	return ""
}

// nested returns the table of the first query in a group. The group may be the arguments of a function: extract(day FROM x)
// names no table.
func (q *query) nested(sub []token) string {
	if q.giveUp(sub) {
		return ""
	}
	if sub[0].is("SELECT") || sub[0].is("WITH") {
		return q.target(sub)
	}
	for i := 0; i < len(sub); i++ {
		if sub[i].kind == sign && sub[i].text == "(" {
			within := group(sub[i:])
			if name := q.nested(within); name != "" {
				return name
			}
			i += len(within)
		}
	}
	return ""
}

// firstTable returns the first table of a list of tables. Without one it looks into the subqueries of the list.
func (q *query) firstTable(list []token) string {
	var inner [][]token
	isItem := true // a table may stand here
	for i := 0; i < len(list); i++ {
		t := list[i]
		switch {
		case t.text == "(" && t.kind == sign:
			sub := group(list[i:])
			if isItem && len(sub) > 0 {
				inner = append(inner, sub)
			}
			i += len(sub)
			isItem = false
		case t.text == "," && t.kind == sign, t.is("JOIN"):
			isItem = true
		case t.is("LATERAL"), t.is("ONLY"), t.is("OR"), t.is("IGNORE"), t.is("REPLACE"), t.is("TABLE"), t.is("ABORT"):
		case t.ends():
			i = len(list)
		case isItem && t.isName():
			for i+2 < len(list) && list[i+1].text == "." && list[i+2].isName() { // schema.table
				i += 2
			}
			isCall := i+1 < len(list) && list[i+1].text == "(" && !list[i].quoted
			if body, ok := q.common[list[i].text]; ok {
				inner = append(inner, body)
				q.common[list[i].text] = nil // a recursive query names itself
			} else if !isCall {
				return list[i].text
			}
			isItem = false
		}
	}
	for _, sub := range inner {
		if name := q.inside(sub); name != "" {
			return name
		}
	}
	return ""
}

// inside returns the table of a group in a list of tables: a query, or a list itself.
func (q *query) inside(sub []token) string {
	if q.giveUp(sub) {
		return ""
	}
	if sub[0].is("SELECT") || sub[0].is("WITH") || sub[0].is("VALUES") || sub[0].isWrite() {
		return q.target(sub)
	}
	return q.firstTable(sub)
}

// define returns the summary of a statement that changes a definition: "CREATE TABLE posts".
func define(operation string, body []token) summary {
	for i, t := range body {
		switch {
		case t.is("TABLE"), t.is("INDEX"), t.is("VIEW"), t.is("TRIGGER"), t.is("FUNCTION"), t.is("SEQUENCE"):
			s := summary{operation: operation + " " + strings.ToUpper(t.text)}
			for _, name := range body[i+1:] {
				if name.isName() && !name.is("IF") && !name.is("NOT") && !name.is("EXISTS") && !name.is("CONCURRENTLY") && !name.is("ONLY") {
					s.collection = name.text
					return s
				}
			}
			return s
		}
	}
	return summary{operation: operation}
}
