package portable

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	end    tokenKind = iota
	word             // a bare name or keyword, in lower case
	quoted           // a name in double quotes, without them
	number           // 12 or 0.5
	text             // a string, without its quotes
	sign             // an operator or a bracket
)

// token is one word of a query.
type token struct {
	kind tokenKind
	text string
	at   int // the offset in the query, in bytes
}

// is reports whether a token is the keyword or the operator.
func (t token) is(what string) bool {
	return (t.kind == word || t.kind == sign) && t.text == what
}

// lexer splits a query into tokens. It accepts only tokens that both engines read alike.
type lexer struct {
	query  string
	at     int
	tokens []token
	fault  *Problem // the first fault; the lexer stops there
}

// lex returns the tokens of a query. The last one is end.
func lex(query string) ([]token, *Problem) {
	l := &lexer{query: query}
	for l.fault == nil && l.space() {
		l.next()
	}
	l.add(end, "", l.at)
	return l.tokens, l.fault
}

func (l *lexer) add(kind tokenKind, text string, at int) {
	l.tokens = append(l.tokens, token{kind, text, at})
}

func (l *lexer) fail(at int, message string) {
	if l.fault == nil {
		l.fault = &Problem{Offset: at, Message: message}
	}
	l.at = len(l.query)
}

func (l *lexer) rest() string { return l.query[l.at:] }

// space skips blanks and comments, and reports whether anything follows.
func (l *lexer) space() bool {
	for l.at < len(l.query) {
		switch rest := l.rest(); {
		case strings.ContainsRune(" \t\r\n\f", rune(rest[0])):
			l.at++
		case strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			l.at += len(line)
		case strings.HasPrefix(rest, "/*"):
			l.comment()
		default:
			return true
		}
	}
	return false
}

// comment skips one. PostgreSQL nests comments and SQLite does not; SQLite lets the last one stay open.
func (l *lexer) comment() {
	inside, _, closed := strings.Cut(l.rest()[2:], "*/")
	switch {
	case !closed:
		l.fail(l.at, "this comment has no end: write */")
	case strings.Contains(inside, "/*"):
		l.fail(l.at, "a comment within a comment ends at different places in the two engines: take the inner /* out")
	default:
		l.at += len(inside) + 4
	}
}

func (l *lexer) next() {
	at, rest := l.at, l.rest()
	switch c := rest[0]; {
	case isNameStart(rest):
		name := rest[:nameLength(rest)]
		l.at += len(name)
		if strings.HasPrefix(l.rest(), "'") {
			l.fail(at, "a string has no prefix in a query for both engines: write '…' alone")
			return
		}
		l.add(word, foldASCII(name), at)
	case isDigit(c):
		l.number()
	case c == '\'':
		l.quote(text)
	case c == '"':
		l.quote(quoted)
	default:
		l.sign()
	}
}

// number takes an integer or a decimal fraction: exponents and other forms have types of their own in each engine.
func (l *lexer) number() {
	at, rest := l.at, l.rest()
	n := countDigits(rest)
	if n < len(rest) && rest[n] == '.' {
		fraction := countDigits(rest[n+1:])
		if fraction == 0 {
			l.fail(at, "write this number with digits before and after its point, as 5.0")
			return
		}
		n += 1 + fraction
	}
	if after := rest[n:]; after != "" && (isNameStart(after) || after[0] == '.') {
		l.fail(at, "write numbers as 12 or 0.5: the engines read other forms differently")
		return
	}
	l.at += n
	l.add(number, rest[:n], at)
}

// quote reads a quoted token. A doubled quote inside is one quote.
func (l *lexer) quote(kind tokenKind) {
	at, mark := l.at, l.query[l.at:l.at+1]
	var out strings.Builder
	for i := at + 1; ; {
		n := strings.Index(l.query[i:], mark)
		if n < 0 {
			l.fail(at, "this quote has no end: write "+mark)
			return
		}
		out.WriteString(l.query[i : i+n])
		i += n + 1
		if !strings.HasPrefix(l.query[i:], mark) {
			l.at = i
			break
		}
		out.WriteString(mark)
		i++
	}
	l.add(kind, out.String(), at)
}

// signs are the allowed operators, longer ones first.
var signs = [...]string{"||", "<=", ">=", "<>", "!=", "(", ")", ",", ".", "+", "-", "*", "/", "%", "=", "<", ">"}

// foreignOperators exist in only one engine, or differ in meaning; each has its replacement.
var foreignOperators = [...]struct{ sign, advice string }{
	{"==", "PostgreSQL has no ==: write ="},
	{"::", "SQLite has no ::, write CAST(… AS …)"},
	{"->", "the engines read json in different ways"},
	{"<<", "the engines shift bits differently"},
	{">>", "the engines shift bits differently"},
	{"%-", "PostgreSQL reads these signs as one operator: put a blank between them"},
	{"%+", "PostgreSQL reads these signs as one operator: put a blank between them"},
	{"||-", "PostgreSQL reads these signs as one operator: put a blank between them"},
	{"||+", "PostgreSQL reads these signs as one operator: put a blank between them"},
	{"!=-", "PostgreSQL reads these signs as one operator: put a blank between them"},
	{"!=+", "PostgreSQL reads these signs as one operator: put a blank between them"},
}

func (l *lexer) sign() {
	rest := l.rest()
	for _, f := range foreignOperators {
		if strings.HasPrefix(rest, f.sign) {
			l.fail(l.at, f.advice)
			return
		}
	}
	for _, str := range signs {
		if strings.HasPrefix(rest, str) {
			l.add(sign, str, l.at)
			l.at += len(str)
			return
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	l.fail(l.at, "the engines do not both know "+string(r)+" with the same meaning")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func countDigits(str string) int {
	n := 0
	for n < len(str) && isDigit(str[n]) {
		n++
	}
	return n
}

func isNameStart(str string) bool {
	r, _ := utf8.DecodeRuneInString(str)
	return r == '_' || unicode.IsLetter(r)
}

func nameLength(str string) int {
	for i, r := range str {
		if r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(str)
}

// foldASCII lowers ASCII letters. PostgreSQL does the same to a bare name.
func foldASCII(str string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, str)
}

// reserved are words with a special meaning in PostgreSQL: `user` is the connected role.
var reserved = [...]string{
	"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization", "between", "binary", "both", "case",
	"cast", "check", "collate", "collation", "column", "concurrently", "constraint", "create", "cross", "current_catalog",
	"current_date", "current_role", "current_schema", "current_time", "current_timestamp", "current_user", "default", "deferrable",
	"desc", "distinct", "do", "else", "end", "except", "exists", "false", "fetch", "for", "foreign", "freeze", "from", "full", "glob",
	"grant", "group", "having", "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lateral", "leading",
	"left", "like", "limit", "localtime", "localtimestamp", "match", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order",
	"outer", "overlaps", "placing", "primary", "references", "regexp", "returning", "right", "select", "session_user", "similar", "some",
	"symmetric", "system_user", "table", "tablesample", "then", "to", "trailing", "true", "union", "unique", "user", "using",
	"variadic", "verbose", "when", "where", "window", "with",
}

func isReserved(name string) bool {
	_, found := slices.BinarySearch(reserved[:], name)
	return found
}
