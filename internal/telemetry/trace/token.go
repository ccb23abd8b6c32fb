package trace

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind int

const (
	word kind = iota // a keyword or a name
	sign             // one letter of anything else
	text             // a string or a number
)

type token struct {
	kind   kind
	text   string
	quoted bool // a name in quotes
	end    int  // offset after its last byte
	inside int  // tokens between a parenthesis and its partner
}

func (t token) is(keyword string) bool {
	return t.kind == word && !t.quoted && len(t.text) == len(keyword) && strings.EqualFold(t.text, keyword)
}

func (t token) isName() bool { return t.kind == word }

func (t token) isWrite() bool {
	return t.is("INSERT") || t.is("UPDATE") || t.is("DELETE") || t.is("REPLACE")
}

// isString reports whether a literal is a string, and no number or parameter.
func (t token) isString() bool {
	return strings.HasSuffix(t.text, "'") || strings.ContainsAny(t.text[:1], "'eE") || strings.Count(t.text, "$") > 1
}

// ends reports whether a keyword ends a list of tables.
func (t token) ends() bool {
	if t.kind != word || t.quoted {
		return t.text == ";"
	}
	return slices.ContainsFunc([]string{
		"WHERE", "SET", "VALUES", "SELECT", "RETURNING", "GROUP", "ORDER", "LIMIT", "HAVING", "WINDOW", "UNION", "EXCEPT", "INTERSECT", "FOR", "DEFAULT",
	}, t.is)
}

// group returns the tokens between the parenthesis that all begins with and its partner.
func group(all []token) []token { return all[1 : 1+all[0].inside] }

// maxScan bounds the text that is read of a statement, in bytes.
const maxScan = 256 << 10

// tokenize returns the tokens of a statement. It understands the strings, names and comments of both engines.
func tokenize(sql string) []token {
	sql = sql[:min(len(sql), maxScan)]
	var all []token
	var open []int
	for at := 0; at < len(sql); {
		t := next(sql, at)
		if t.end > at && t.text != "" {
			all = append(all, t)
			open = pair(all, open)
		}
		at = max(t.end, at+1)
	}
	for _, at := range open { // without a partner
		all[at].inside = len(all) - at - 1
	}
	return all
}

// pair notes the last token if it is a parenthesis. It returns the places of the open ones.
func pair(all []token, open []int) []int {
	last := len(all) - 1
	switch t := all[last]; {
	case t.kind != sign:
	case t.text == "(":
		return append(open, last)
	case t.text == ")" && len(open) > 0:
		at := open[len(open)-1]
		all[at].inside = last - at - 1
		return open[:len(open)-1]
	}
	return open
}

// next returns the token at an offset. White space and comments have no text.
func next(sql string, at int) token {
	rest, c := sql[at:], sql[at]
	upTo := func(k kind, end int) token { return token{kind: k, text: sql[at:end], end: end} }
	switch {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return token{end: at + 1}
	case strings.HasPrefix(rest, "--"):
		line := strings.IndexByte(rest, '\n')
		if line < 0 {
			line = len(rest)
		}
		return token{end: at + line}
	case strings.HasPrefix(rest, "/*"):
		return token{end: at + comment(rest)}
	case c == '\'':
		return upTo(text, at+closing(rest, 1, '\'', false))
	case (c == 'E' || c == 'e') && strings.HasPrefix(rest[1:], "'"):
		return upTo(text, at+closing(rest, 2, '\'', true))
	case c == '"':
		end := at + closing(rest, 1, '"', false)
		name := strings.ReplaceAll(strings.TrimSuffix(sql[at+1:end], `"`), `""`, `"`)
		return token{kind: word, text: name, quoted: true, end: end}
	case c == '$':
		return upTo(text, at+dollar(rest))
	case isLetter(c):
		return upTo(word, at+run(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' }))
	case isDigit(c):
		return upTo(text, at+run(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }))
	}
	return upTo(sign, at+1)
}

func isLetter(c byte) bool {
	return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || c == '_' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// run returns the length of the longest prefix whose bytes all match.
func run(s string, match func(byte) bool) int {
	for i := range len(s) {
		if !match(s[i]) {
			return i
		}
	}
	return len(s)
}

// closing returns the offset after the quote that ends a quoted text. A doubled quote does not end it.
func closing(s string, from int, quote byte, escapes bool) int {
	for i := from; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// comment returns the length of a comment. PostgreSQL nests them.
func comment(s string) int {
	open := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			open++
			i++
		case "*/":
			i++
			if open--; open == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dollar returns the length of a parameter, or of a string such as $tag$…$tag$.
func dollar(s string) int {
	if digits := run(s[1:], isDigit); digits > 0 {
		return 1 + digits
	}
	name := 1 + run(s[1:], func(c byte) bool { return isLetter(c) || isDigit(c) })
	if name >= len(s) || s[name] != '$' {
		return 1
	}
	tag := s[:name+1]
	if end := strings.Index(s[len(tag):], tag); end >= 0 {
		return end + 2*len(tag)
	}
	return len(s)
}

// mask returns a statement with ? for each string, without comments, and at most that many bytes of it. A literal may come from
// a model, and a model may hold what nobody else must see.
func mask(sql string, most int) string {
	var b strings.Builder
	for at := 0; at < len(sql) && b.Len() < most; {
		t := next(sql, at)
		switch end := max(t.end, at+1); {
		case t.kind == text && t.isString():
			b.WriteString("'?'")
		case t.text == "" && end > at+1: // a comment
			b.WriteString(" ")
		default:
			b.WriteString(sql[at:end])
		}
		at = max(t.end, at+1)
	}
	return strings.Clone(clip(b.String(), most))
}

// clip returns at most that many bytes of s, and no half character.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
