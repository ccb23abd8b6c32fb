package load

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxDepth is how deep a model file may be nested: three times what a large JSON Schema needs.
const maxDepth = 64

// kind is what a node of a model file is.
type kind uint8

const (
	refused kind = iota // a fault was said about it; who reads it stays silent
	null
	boolean
	integer
	float
	text
	list
	object
)

var kindNames = [...]string{"refused", "nothing", "true or false", "a number", "a number", "text", "a list", "a group of keys"}

func (k kind) String() string { return kindNames[k] }

// node is one value of a model file.
type node struct {
	kind    kind
	pos     model.Pos
	text    string // of a scalar
	style   yaml.Style
	items   []*node  // of a list
	members []member // of an object; no key is given twice
	holes   bool     // a member was left out with a fault, so what seems missing may be there
}

// member is one key of an object and its value.
type member struct {
	name  string
	pos   model.Pos
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// quoted says whether a scalar's text is marked as text.
func (n *node) quoted() bool { return n.style != 0 }

// parse reads one YAML document. It returns nil where the file cannot be read.
func (l *loader) parse(file, source string) *node {
	loader, err := yaml.NewLoader(strings.NewReader(source), yaml.WithUniqueKeys(false))
	if err != nil {
		l.syntaxFault(file, err)
		return nil
	}
	var doc, more yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) {
		return &node{kind: null, pos: startOf(file)}
	} else if err != nil {
		l.syntaxFault(file, err)
		return nil
	}
	if err := loader.Load(&more); err == nil {
		l.fault(posAt(file, more.Line, max(more.Column, 1)), "a model file is one YAML document: remove this `---` or `...`")
		return nil
	} else if !errors.Is(err, io.EOF) {
		l.syntaxFault(file, err)
		return nil
	}
	if len(doc.Content) != 1 {
		return &node{kind: null, pos: startOf(file)}
	}
	return l.convert(file, doc.Content[0], 1)
}

// convert makes a node of YAML's, and refuses what a model file does not use: anchors, aliases, merge keys, tags.
func (l *loader) convert(file string, y *yaml.Node, depth int) *node {
	n := &node{pos: posAt(file, y.Line, y.Column), text: y.Value, style: y.Style &^ yaml.FlowStyle}
	switch {
	case depth > maxDepth:
		l.fault(n.pos, "this is nested more than %d levels deep", maxDepth)
		return n
	case y.Kind == yaml.AliasNode:
		l.fault(n.pos, "aliases (*%s) are not read here: write the value itself", y.Value)
		return n
	case y.Style&yaml.TaggedStyle != 0:
		l.fault(n.pos, "tags (%s) are not read here: write the value itself", y.Tag)
		return n
	case y.Anchor != "":
		l.fault(n.pos, "anchors (&%s) are not read here: remove it", y.Anchor)
	}
	switch y.Kind {
	case yaml.ScalarNode:
		n.kind = scalarKind(y)
	case yaml.SequenceNode:
		n.kind = list
		for _, item := range y.Content {
			n.items = append(n.items, l.convert(file, item, depth+1))
		}
	case yaml.MappingNode:
		n.kind = object
		l.convertMembers(file, y, n, depth)
	}
	return n
}

func scalarKind(y *yaml.Node) kind {
	switch y.ShortTag() {
	case "!!null":
		return null
	case "!!bool":
		return boolean
	case "!!int":
		return integer
	case "!!float":
		return float
	}
	if y.Style == 0 && plainNumber.MatchString(y.Value) { // too large for a float64, so YAML's reader takes it for text
		return float
	}
	return text
}

func (l *loader) convertMembers(file string, y *yaml.Node, n *node, depth int) {
	seen := make(map[string]model.Pos, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		if end, whole := splitAtComma(y, i); whole != "" {
			l.fault(posAt(file, y.Content[i+1].Line, y.Content[i+1].Column),
				"YAML ends this at the comma: put all of it in quotes, %s: %s", y.Content[i].Value, strconv.Quote(whole))
			n.members = append(n.members, member{y.Content[i].Value, posAt(file, y.Content[i].Line, y.Content[i].Column), &node{}})
			n.holes, i = true, end
			continue
		}
		key, value := y.Content[i], l.convert(file, y.Content[i+1], depth+1)
		at := posAt(file, key.Line, key.Column)
		if !l.keyOK(at, key) {
			n.holes = true
			continue
		}
		if first, twice := seen[key.Value]; twice {
			l.fault(at, "%s is given twice: it is already in line %d", key.Value, first.Line)
			n.holes = true
			continue
		}
		seen[key.Value] = at
		n.members = append(n.members, member{key.Value, at, value})
	}
}

// splitAtComma finds an expression that YAML has split at its commas, since they end a value between braces: it ends
// within parentheses, and what is left of it stands there as further keys. It returns the last of the members that it
// takes up, and all of the expression, "" where the member at i is none.
func splitAtComma(y *yaml.Node, i int) (last int, whole string) {
	if y.Style&yaml.FlowStyle == 0 || !isPlain(y.Content[i]) || !isPlain(y.Content[i+1]) {
		return i, ""
	}
	whole = y.Content[i+1].Value
	if open(whole) <= 0 {
		return i, ""
	}
	for last = i + 2; last+1 < len(y.Content); last += 2 {
		key, value := y.Content[last], y.Content[last+1]
		if !isPlain(key) || !isPlain(value) {
			break
		}
		whole += ", " + key.Value
		if value.Value != "" {
			whole += ": " + value.Value
		}
		if open(whole) <= 0 {
			return last, whole
		}
	}
	return i, ""
}

func isPlain(y *yaml.Node) bool { return y.Kind == yaml.ScalarNode && y.Style == 0 && y.Anchor == "" }

// open counts the parentheses of a text that are not closed.
func open(s string) int { return strings.Count(s, "(") - strings.Count(s, ")") }

// keyOK refuses keys that are no plain text.
func (l *loader) keyOK(at model.Pos, key *yaml.Node) bool {
	switch {
	case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
		l.fault(at, "merge keys (<<) are not read here: write the keys themselves")
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 || key.Anchor != "":
		l.fault(at, "a key is a plain word here")
	case scalarKind(key) != text:
		l.fault(at, "the key %s is read as %s: write it in quotes", key.Value, scalarKind(key))
	default:
		return true
	}
	return false
}

// syntaxFault says what the YAML reader says, with advice where its words are known to puzzle.
func (l *loader) syntaxFault(file string, err error) {
	at, message := startOf(file), err.Error()
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		message = e.Message
		if e.Mark.Line > 0 {
			at.Line, at.Col = e.Mark.Line, max(e.Mark.Column, 1)
		}
		if e.ContextMsg != "" && e.ContextMsg != "while scanning for the next token" {
			message = e.ContextMsg + ": " + message
		}
	}
	lines := l.m.Lines[file]
	at.Line = min(at.Line, len(lines))
	for at.Line > 1 && lines[at.Line-1] == "" { // what is missing at the end is missing after the last words
		at.Line--
		at.Col = utf8.RuneCountInString(lines[at.Line-1]) + 1
	}
	l.fault(at, "not YAML: %s%s", message, syntaxAdvice(message, lines[at.Line-1], at.Col))
}

func syntaxAdvice(message, line string, col int) string {
	before := []rune(line)
	before = before[:min(max(col-1, 0), len(before))]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return " (YAML is indented with spaces, not tabs)"
	case strings.Contains(message, "did not find expected") && len(before) < len([]rune(line)) && strings.ContainsRune("[{", []rune(line)[len(before)]):
		return " (an expression with a bracket or a brace is put in quotes, all of it)"
	case strings.Contains(message, "did not find expected") && strings.ContainsAny(string(before), `'"`):
		return ` (where text goes on after a quote, put double quotes around all of it: write: "'editor' in auth.roles")`
	case strings.Contains(message, "mapping values are not allowed"):
		return " (an expression with a colon and a blank is written in quotes)"
	}
	return ""
}
