package advise

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// A query is a shape read back from its name, to run it again.
type query struct {
	operation string // "get" or "list"
	table     string
	filter    string
	sort      string
	fields    string
	expand    string
	total     bool
	limit     int // 0: unknown
}

var errText = errors.New("the name of the shape cannot be read")

// parseQuery reads the name of a shape, as in `list posts filter(state == arg.s) sort(-id) total`.
func parseQuery(text string) (q query, err error) {
	q.operation, text, _ = strings.Cut(text, " ")
	q.table, text, _ = strings.Cut(text, " ")
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		end := strings.IndexAny(text, " (")
		if end < 0 || text[end] == ' ' {
			word, rest, _ := strings.Cut(text, " ")
			if err := q.set(word, ""); err != nil {
				return q, err
			}
			text = rest
			continue
		}
		inside := closing(text[end:])
		if inside < 0 {
			return q, fmt.Errorf("%w: a bracket is open in %q", errText, text)
		}
		if err := q.set(text[:end], text[end+1:end+inside]); err != nil {
			return q, err
		}
		text = text[end+inside+1:]
	}
	return q, nil
}

// withArguments returns the filter of a name with arguments in place of values. In a name, ? stands for a value or for all
// values of a list, and may also be the operator of a ? b : c.
func withArguments(filter string) string {
	var out strings.Builder
	n := 0
	for i, r := range filter {
		if r != '?' || endsOperand(strings.TrimRight(filter[:i], " ")) {
			out.WriteRune(r)
			continue
		}
		n++
		before := out.String()
		for _, sign := range []string{"timestamp(", "duration(", "date(", "-"} {
			before = strings.TrimSuffix(before, sign)
		}
		called := strings.HasSuffix(out.String(), "(") && len(before) < out.Len()
		out.Reset()
		out.WriteString(before)
		out.WriteString("arg.value" + strconv.Itoa(n))
		if called {
			out.WriteString(dropParen)
		}
	}
	return strings.ReplaceAll(out.String(), dropParen+")", "")
}

// dropParen marks the end of an argument that was in a call such as timestamp(?). No filter has the character.
const dropParen = "\x00"

// endsOperand returns true if a text ends with a name, a value or a closing bracket. Then an operator follows.
func endsOperand(text string) bool {
	if text == "" || strings.HasSuffix(text, " in") {
		return false
	}
	last := text[len(text)-1]
	return last == '_' || last == ')' || last == ']' || last == '?' || last >= 0x80 ||
		('0' <= last && last <= '9') || ('a' <= last && last <= 'z') || ('A' <= last && last <= 'Z')
}

// set sets one part of the name.
func (q *query) set(name, inside string) (err error) {
	switch name {
	case "filter":
		q.filter = withArguments(inside)
	case "sort":
		q.sort = inside
	case "fields":
		q.fields = inside
	case "expand":
		q.expand = inside
	case "total":
		q.total = true
	case "limit":
		if q.limit, err = strconv.Atoi(inside); err != nil || q.limit < 1 || q.limit > apilimit.MaxLimit {
			return fmt.Errorf("%w: limit(%s)", errText, inside)
		}
	default: // a part of a later release changes little in what the query reads
	}
	return nil
}

// closing returns the index of the bracket that closes the first byte of text, or -1. Brackets in quotes do not count.
func closing(text string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// request returns the parameters of a list with these arguments.
func (q *query) request(args map[string]string, limit int) record.Query {
	return record.Query{
		Selection: record.Selection{Fields: q.fields, Expand: q.expand},
		Filter:    q.filter, Args: args, Sort: q.sort, Total: q.total, Limit: limit,
	}
}
