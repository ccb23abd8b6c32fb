package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// script is one file of testdata: an app, and a conversation with it. See testdata/README.md for the format.
type script struct {
	app     []txtar.File
	callers map[string]tokenFor
	steps   []step
}

// tokenFor is whom a caller of a script says to be.
type tokenFor struct {
	id, email string
	roles     []string
}

// step is a request and what its answer must be.
type step struct {
	line int // in the file

	method, path, caller string
	query                []string // name=value, not escaped
	headers              []header
	body                 string

	status  int
	kind    string   // of a problem document, "" where none is expected
	faults  []string // /pointer:code, in order; a pointer of "-" is the whole body
	answers []header // a value of "" means that it must be absent
	holds   []string // texts that the body must hold
	same    string   // label: the same answer as the first with this label
	want    string   // the whole body
	any     bool     // whatever the body

	clock string // no request: the time goes on by this
}

type header struct{ name, value string }

func readScript(t *testing.T, path string) script {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	s := script{callers: map[string]tokenFor{}}
	for _, f := range archive.Files {
		if f.Name == "steps" {
			before, _, _ := strings.Cut(string(data), "\n-- steps --\n")
			err = s.parse(string(f.Data), strings.Count(before, "\n")+3)
			continue
		}
		s.app = append(s.app, f)
	}
	if err != nil {
		t.Fatalf("%s:%v", filepath.Base(path), err)
	}
	if len(s.steps) == 0 {
		t.Fatalf("%s has no steps", path)
	}
	return s
}

func (s *script) parse(text string, line int) error {
	var current *step
	for raw := range strings.SplitSeq(text, "\n") {
		mark, rest, _ := strings.Cut(raw, " ")
		var err error
		switch {
		case mark == "" || strings.HasPrefix(mark, "#"):
		case mark == "caller":
			err = s.parseCaller(rest)
		case mark == "clock":
			s.steps = append(s.steps, step{line: line, clock: rest})
		case mark == ">" && (current == nil || current.status != 0):
			s.steps = append(s.steps, step{line: line})
			current = &s.steps[len(s.steps)-1]
			err = current.parseRequest(rest)
		case mark == ">" && current.status == 0:
			current.parseMore(rest)
		case mark == "?" && current != nil && current.status == 0:
			current.query = append(current.query, rest)
		case mark == "<" && current != nil && current.status == 0:
			err = current.parseStatus(rest)
		case mark == "<" && current != nil:
			current.parseAnswer(rest)
		default:
			err = fmt.Errorf("a line that begins with %q", mark)
		}
		if err != nil {
			return fmt.Errorf("%d: %w", line, err)
		}
		line++
	}
	return nil
}

func (s *script) parseCaller(rest string) error {
	words := strings.Fields(rest)
	if len(words) < 2 {
		return fmt.Errorf("caller NAME ID [email=…] [role=…]")
	}
	c := tokenFor{id: words[1]}
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "email":
			c.email = value
		case "role":
			c.roles = append(c.roles, value)
		default:
			return fmt.Errorf("caller: %q", w)
		}
	}
	s.callers[words[0]] = c
	return nil
}

func (st *step) parseRequest(rest string) error {
	words := strings.Fields(rest)
	if len(words) > 2 && strings.HasPrefix(words[2], "@") {
		st.caller = words[2][1:]
		words = words[:2]
	}
	if len(words) != 2 {
		return fmt.Errorf("> METHOD PATH [@CALLER]")
	}
	st.method, st.path = words[0], words[1]
	return nil
}

var headerLine = regexp.MustCompile(`^([A-Z][A-Za-z-]*): ?(.*)$`)

func (st *step) parseMore(rest string) {
	if m := headerLine.FindStringSubmatch(rest); m != nil && st.body == "" {
		st.headers = append(st.headers, header{m[1], m[2]})
		return
	}
	if st.body != "" {
		st.body += "\n"
	}
	st.body += rest
}

func (st *step) parseStatus(rest string) (err error) {
	words := strings.Fields(rest)
	if st.status, err = strconv.Atoi(words[0]); err != nil {
		return err
	}
	if len(words) > 1 {
		st.kind = words[1]
		st.faults = words[2:]
	}
	return nil
}

func (st *step) parseAnswer(rest string) {
	switch m := headerLine.FindStringSubmatch(rest); {
	case m != nil:
		st.answers = append(st.answers, header{m[1], m[2]})
	case strings.HasPrefix(rest, "~ "):
		st.holds = append(st.holds, rest[2:])
	case strings.HasPrefix(rest, "= "):
		st.same = rest[2:]
	case rest == "…":
		st.any = true
	default:
		st.want += strings.TrimSpace(rest)
	}
}

// target is the path with its query.
func (st *step) target(vars map[string]string) string {
	path := substitute(st.path, vars)
	for i, q := range st.query {
		sep := "&"
		if i == 0 && !strings.Contains(path, "?") {
			sep = "?"
		}
		name, value, _ := strings.Cut(substitute(q, vars), "=")
		path += sep + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	return path
}

// content is the body that is sent: as written, or made by a directive.
func (st *step) content(vars map[string]string) (string, error) {
	directive, rest, _ := strings.Cut(st.body, " ")
	switch directive {
	case "!raw": // a Go string
		return strconv.Unquote(rest)
	case "!repeat": // N BEFORE TEXT AFTER: TEXT stands N times
		words := strings.Fields(rest)
		n, err := strconv.Atoi(words[0])
		if err != nil || len(words) != 4 {
			return "", fmt.Errorf("!repeat N BEFORE TEXT AFTER")
		}
		return words[1] + strings.Repeat(words[2], n) + words[3], nil
	}
	return substitute(st.body, vars), nil
}

var variable = regexp.MustCompile(`\$\{[a-z0-9_]+\}`)

func substitute(s string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(s, func(name string) string {
		if v, ok := vars[name]; ok {
			return v
		}
		return name
	})
}

// match compares text with a pattern in which … is anything and a variable that is not set yet takes what stands there,
// up to a quote.
func match(pattern, text string, vars map[string]string) bool {
	var names []string
	expr := regexp.QuoteMeta(substitute(pattern, vars))
	expr = strings.ReplaceAll(expr, "…", ".*?")
	expr = regexp.MustCompile(`\\\$\\\{[a-z0-9_]+\\\}`).ReplaceAllStringFunc(expr, func(quoted string) string {
		names = append(names, strings.ReplaceAll(quoted, `\`, ""))
		return `([^"]*)`
	})
	found := regexp.MustCompile("(?s)^" + expr + "$").FindStringSubmatch(text)
	if found == nil {
		return false
	}
	for i, name := range names {
		vars[name] = found[i+1]
	}
	return true
}
