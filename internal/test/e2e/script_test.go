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

// A script is one file of testdata: an app, and a conversation with it. testdata/README.md describes the format.
type script struct {
	app     []txtar.File
	callers map[string]identity
	steps   []step
}

// An identity is what a caller's token says.
type identity struct {
	id, email string
	roles     []string
}

// A step is a request with its expected answer, or moves the clock.
type step struct {
	line int // in the file

	// The request.
	method, path, caller string
	query                []string // name=value, not escaped
	headers              []header
	body                 string

	// The expected answer.
	status  int
	kind    string   // kind of problem document, or ""
	faults  []string // /pointer:code, in order; the pointer "-" is the whole body
	answers []header // headers; one with the value "" must be absent
	holds   []string // parts of the body
	same    string   // label; the first answer with this label must be the same
	want    string   // the whole body
	any     bool     // any body

	clock string // the duration for the clock, without a request
}

type header struct{ name, value string }

func readScript(t *testing.T, path string) script {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := txtar.Parse(data)
	script := script{callers: map[string]identity{}}
	for _, file := range archive.Files {
		if file.Name == "steps" {
			before, _, _ := strings.Cut(string(data), "\n-- steps --\n")
			err = script.parse(string(file.Data), strings.Count(before, "\n")+3)
			continue
		}
		script.app = append(script.app, file)
	}
	if err != nil {
		t.Fatalf("%s:%v", filepath.Base(path), err)
	}
	if len(script.steps) == 0 {
		t.Fatalf("%s has no steps", path)
	}
	return script
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
	who := identity{id: words[1]}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "email":
			who.email = value
		case "role":
			who.roles = append(who.roles, value)
		default:
			return fmt.Errorf("caller: %q", word)
		}
	}
	s.callers[words[0]] = who
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
	if found := headerLine.FindStringSubmatch(rest); found != nil && st.body == "" {
		st.headers = append(st.headers, header{found[1], found[2]})
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
	switch found := headerLine.FindStringSubmatch(rest); {
	case found != nil:
		st.answers = append(st.answers, header{found[1], found[2]})
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

// target returns the path with its query.
func (st *step) target(vars map[string]string) string {
	path := substitute(st.path, vars)
	for i, parameter := range st.query {
		sep := "&"
		if i == 0 && !strings.Contains(path, "?") {
			sep = "?"
		}
		name, value, _ := strings.Cut(substitute(parameter, vars), "=")
		path += sep + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	return path
}

// content returns the body for the request: as written, or made by a directive.
func (st *step) content(vars map[string]string) (string, error) {
	directive, rest, _ := strings.Cut(st.body, " ")
	switch directive {
	case "!raw": // a Go string
		return strconv.Unquote(rest)
	case "!repeat": // N BEFORE TEXT AFTER; the body has TEXT N times
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

func substitute(text string, vars map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := vars[name]; ok {
			return value
		}
		return name
	})
}

// match compares text with a pattern and sets variables. In the pattern, … matches anything. A variable without a value
// matches everything up to a quote, and takes it as its value.
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
