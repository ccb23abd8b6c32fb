package budget

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A viewQuery is what the text of a view's query tells about its tables. It is read word by word: a query that is written in
// an unusual way tells less, and no index is named for it.
type viewQuery struct {
	aliases map[string]*model.Table // as they stand after FROM and JOIN
	output  map[string]viewColumn   // columns that are fields of a table, by the name of the view's field
	equal   []equality
}

// A viewColumn is a column of one of the tables.
type viewColumn struct {
	alias string
	field *model.Field
}

// An equality is a condition of the query: a column equals another column, or a constant.
type equality struct {
	column viewColumn
	other  viewColumn // zero: a constant
}

// words matches what the text of a query consists of. Comments and texts come first, so that nothing in them counts.
var words = regexp.MustCompile(`--[^\n]*|/\*(?s:.*?)\*/|'(?:[^']|'')*'|"[^"]*"|[\pL_][\pL\pN_]*|[0-9][\w.]*|<>|<=|>=|!=|::|\|\||\S`)

// keywords may follow a table without an alias, or a column without a name.
var keywords = []string{"on", "where", "join", "left", "right", "inner", "outer", "cross", "full", "natural", "group", "order", "having",
	"limit", "offset", "union", "except", "intersect", "using", "window", "and", "or", "from", "as", "is", "not", "in"}

func parseView(view *model.View, text string) *viewQuery {
	q := &viewQuery{aliases: map[string]*model.Table{}, output: map[string]viewColumn{}}
	var all []string
	for _, word := range words.FindAllString(text, -1) {
		if !strings.HasPrefix(word, "--") && !strings.HasPrefix(word, "/*") {
			all = append(all, strings.Trim(word, `"`))
		}
	}
	at := func(i int) string {
		if i < 0 || i >= len(all) {
			return ""
		}
		return all[i]
	}
	isWord := func(i int, names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(at(i), name) })
	}
	for i := range all {
		read := slices.IndexFunc(view.Reads, func(r model.Read) bool { return r.Table.Name == at(i) })
		if read < 0 || at(i-1) == "." || at(i+1) == "." || !isWord(i-1, "from", "join", ",", "(") {
			continue
		}
		next := i + 1
		if isWord(next, "as") {
			next++
		}
		alias := at(i)
		if isName(at(next)) && !isWord(next, keywords...) {
			alias = at(next)
		}
		if q.aliases[alias] == nil {
			q.aliases[alias] = view.Reads[read].Table
		}
	}
	column := func(i int) (found viewColumn, end int) { // the column that begins at i
		if table := q.aliases[at(i)]; table != nil && at(i+1) == "." {
			return viewColumn{at(i), table.Field(at(i + 2))}, i + 3
		}
		if len(q.aliases) == 1 && at(i-1) != "." && at(i+1) != "." {
			for alias, table := range q.aliases {
				return viewColumn{alias, table.Field(at(i))}, i + 1
			}
		}
		return viewColumn{}, i
	}
	for i := range all {
		found, end := column(i)
		if found.field == nil {
			continue
		}
		q.addOutput(found, isWord(i-1, "select", ",", "distinct"), at(end), at(end+1))
		if at(end) == "=" {
			other, _ := column(end + 1)
			isConstant := strings.HasPrefix(at(end+1), "'") || (at(end+1) != "" && strings.Trim(at(end+1), "0123456789.") == "")
			switch {
			case other.field != nil:
				q.equal = append(q.equal, equality{found, other}, equality{other, found})
			case isConstant:
				q.equal = append(q.equal, equality{column: found})
			}
		}
	}
	return q
}

// addOutput notes that the query gives out a column, if the next words say so.
func (q *viewQuery) addOutput(column viewColumn, begins bool, next, after string) {
	name := ""
	switch {
	case !begins:
		return
	case strings.EqualFold(next, "as"):
		name = after
	case next == "," || strings.EqualFold(next, "from"):
		name = column.field.Name
	}
	if _, known := q.output[name]; name != "" && !known {
		q.output[name] = column
	}
}

func isName(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool {
		return r != '_' && !('0' <= r && r <= '9') && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z')
	}) < 0
}

// engineSuffix is what PostgreSQL adds to an alias that stands twice.
var engineSuffix = regexp.MustCompile(`_\d+$`)

// table returns the table that an access of a plan reads, or nil. SQLite tells only the alias.
func (q *viewQuery) table(access *store.Access) *model.Table {
	if access.Table == "" {
		return q.aliases[access.Alias]
	}
	for _, table := range q.aliases {
		if table.Name == access.Table {
			return table
		}
	}
	return nil
}

// alias returns the alias of an access in the text.
func (q *viewQuery) alias(access *store.Access) string {
	if q.aliases[access.Alias] == nil {
		return engineSuffix.ReplaceAllString(access.Alias, "")
	}
	return access.Alias
}
