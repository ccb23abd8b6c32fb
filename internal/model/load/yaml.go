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

// maxDepth bounds the nesting of a model file. A large JSON Schema needs a third of it.
const maxDepth = 64

// parse reads one YAML document. It returns nil if the file cannot be read.
func (l *loader) parse(file, source string) *node {
	reader, err := yaml.NewLoader(strings.NewReader(source), yaml.WithUniqueKeys(false))
	if err != nil {
		l.syntaxFault(file, err)
		return nil
	}
	empty := &node{kind: null, pos: startOf(file)}
	var doc, more yaml.Node
	if err := reader.Load(&doc); errors.Is(err, io.EOF) {
		return empty
	} else if err != nil {
		l.syntaxFault(file, err)
		return nil
	}
	if err := reader.Load(&more); err == nil {
		l.fault(posAt(file, more.Line, max(more.Column, 1)), "a model file must be one YAML document: remove this `---` or `...`")
		return nil
	} else if !errors.Is(err, io.EOF) {
		l.syntaxFault(file, err)
		return nil
	}
	if len(doc.Content) != 1 {
		return empty
	}
	return l.convert(file, doc.Content[0], 1)
}

// convert makes a node of a YAML node. It refuses anchors, aliases, merge keys and tags.
func (l *loader) convert(file string, source *yaml.Node, depth int) *node {
	result := &node{pos: posAt(file, source.Line, source.Column), text: source.Value, style: source.Style &^ yaml.FlowStyle}
	switch {
	case depth > maxDepth:
		l.fault(result.pos, "this is nested more than %d levels deep", maxDepth)
		return result
	case source.Kind == yaml.AliasNode:
		l.fault(result.pos, "aliases (*%s) are not supported: write the value itself", source.Value)
		return result
	case source.Style&yaml.TaggedStyle != 0:
		l.fault(result.pos, "tags (%s) are not supported: write the value itself", source.Tag)
		return result
	case source.Anchor != "":
		l.fault(result.pos, "anchors (&%s) are not supported: remove it", source.Anchor)
	}
	switch source.Kind {
	case yaml.ScalarNode:
		result.kind = scalarKind(source)
	case yaml.SequenceNode:
		result.kind = list
		for _, item := range source.Content {
			result.items = append(result.items, l.convert(file, item, depth+1))
		}
	case yaml.MappingNode:
		result.kind = object
		l.convertMembers(file, source, result, depth)
	}
	return result
}

func scalarKind(scalar *yaml.Node) kind {
	switch scalar.ShortTag() {
	case "!!null":
		return null
	case "!!bool":
		return boolean
	case "!!int":
		return integer
	case "!!float":
		return float
	}
	if scalar.Style == 0 && plainNumber.MatchString(scalar.Value) { // YAML's reader takes a number beyond float64 for text
		return float
	}
	return text
}

func (l *loader) convertMembers(file string, source *yaml.Node, target *node, depth int) {
	seen := make(map[string]model.Pos, len(source.Content)/2)
	for i := 0; i+1 < len(source.Content); i += 2 {
		key, value := source.Content[i], source.Content[i+1]
		at := posAt(file, key.Line, key.Column)
		if last, whole := splitAtComma(source, i); whole != "" {
			l.fault(posAt(file, value.Line, value.Column), "YAML ends this expression at the comma: put quotes around all of it, %s: %s",
				key.Value, strconv.Quote(whole))
			target.members = append(target.members, member{key.Value, at, &node{}})
			target.incomplete, i = true, last
			continue
		}
		converted := l.convert(file, value, depth+1)
		if !l.checkKey(at, key) {
			target.incomplete = true
			continue
		}
		if first, repeated := seen[key.Value]; repeated {
			l.fault(at, "%s is repeated: it is already set in line %d", key.Value, first.Line)
			target.incomplete = true
			continue
		}
		seen[key.Value] = at
		target.members = append(target.members, member{key.Value, at, converted})
	}
}

// splitAtComma detects an expression that YAML split at its commas: they end a value between braces. Such a value has
// an open parenthesis, and its rest is in the following keys. For the member at i, splitAtComma returns the whole
// expression and the index of its last key. The expression is "" if YAML did not split the member.
func splitAtComma(object *yaml.Node, i int) (last int, whole string) {
	if object.Style&yaml.FlowStyle == 0 || !isPlain(object.Content[i]) || !isPlain(object.Content[i+1]) {
		return i, ""
	}
	whole = object.Content[i+1].Value
	if openParentheses(whole) <= 0 {
		return i, ""
	}
	for last = i + 2; last+1 < len(object.Content); last += 2 {
		key, value := object.Content[last], object.Content[last+1]
		if !isPlain(key) || !isPlain(value) {
			break
		}
		whole += ", " + key.Value
		if value.Value != "" {
			whole += ": " + value.Value
		}
		if openParentheses(whole) <= 0 {
			return last, whole
		}
	}
	return i, ""
}

func isPlain(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Style == 0 && n.Anchor == "" }

func openParentheses(str string) int { return strings.Count(str, "(") - strings.Count(str, ")") }

// checkKey refuses a key that is no plain text.
func (l *loader) checkKey(at model.Pos, key *yaml.Node) bool {
	switch {
	case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
		l.fault(at, "merge keys (<<) are not supported: write the keys themselves")
	case key.Kind != yaml.ScalarNode || key.Style&yaml.TaggedStyle != 0 || key.Anchor != "":
		l.fault(at, "a key must be a plain word")
	case scalarKind(key) != text:
		l.fault(at, "YAML reads the key %s as %s: put it in quotes", key.Value, scalarKind(key))
	default:
		return true
	}
	return false
}

// syntaxFault reports an error of the YAML reader, with advice about its known puzzles.
func (l *loader) syntaxFault(file string, err error) {
	at, message := startOf(file), err.Error()
	if loadErr, ok := errors.AsType[*yaml.LoadError](err); ok {
		message = loadErr.Message
		if loadErr.Mark.Line > 0 {
			at.Line, at.Col = loadErr.Mark.Line, max(loadErr.Mark.Column, 1)
		}
		if loadErr.ContextMsg != "" && loadErr.ContextMsg != "while scanning for the next token" {
			message = loadErr.ContextMsg + ": " + message
		}
	}
	lines := l.model.Lines[file]
	at.Line = min(at.Line, len(lines))
	for at.Line > 1 && lines[at.Line-1] == "" { // point at the last words before the missing text
		at.Line--
		at.Col = utf8.RuneCountInString(lines[at.Line-1]) + 1
	}
	l.fault(at, "not YAML: %s%s", message, syntaxAdvice(message, lines[at.Line-1], at.Col))
}

func syntaxAdvice(message, line string, col int) string {
	runes := []rune(line)
	before := runes[:min(max(col-1, 0), len(runes))]
	atBracket := len(before) < len(runes) && strings.ContainsRune("[{", runes[len(before)])
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	unexpected := strings.Contains(message, "did not find expected")
	switch {
	case strings.Contains(indent, "\t"):
		return " (indent YAML with spaces, not tabs)"
	case unexpected && atBracket:
		return " (put quotes around all of an expression with a bracket or a brace)"
	case unexpected && strings.ContainsAny(string(before), `'"`):
		return ` (put double quotes around all of a text that begins with a quoted part: write: "'editor' in auth.roles")`
	case strings.Contains(message, "mapping values are not allowed"):
		return " (put quotes around an expression with a colon and a space)"
	}
	return ""
}
