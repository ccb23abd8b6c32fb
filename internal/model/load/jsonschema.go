package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxSchema is how many bytes of JSON the schema of a json field may have.
const maxSchema = 64 << 10

// readSchema compiles the JSON Schema of a json field.
func (l *loader) readSchema(fd *fieldDecl, n *node) {
	if n.kind != object && n.kind != boolean {
		l.fault(n.pos, "schema is a JSON Schema: a group of keys, true or false")
		return
	}
	text, ok := l.appendJSON(nil, n)
	switch {
	case !ok:
		return
	case len(text) > maxSchema:
		l.fault(n.pos, "the schema has %d bytes as JSON; %d are the most", len(text), maxSchema)
		return
	}
	compiled, err := compileSchema(text)
	if err != nil {
		l.fault(schemaFaultPos(n, err), "the schema is no JSON Schema: %s", schemaMessage(err))
		return
	}
	fd.f.JSONSchema, fd.f.JSONSchemaText = compiled, string(text)
}

// schemaURL is the name that a field's schema has for the compiler; it is never loaded. It has a path, so that a
// reference to a file is one to something else: in "ashlar:schema" all of them would be the schema itself.
const (
	schemaFolder = "ashlar://model/"
	schemaURL    = schemaFolder + "-schema-of-this-field-"
)

// noLoader keeps a schema from reaching the network or the disk.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not loaded: write what it holds under $defs, and refer to it as #/$defs/NAME", strings.TrimPrefix(url, schemaFolder))
}

func compileSchema(text []byte) (compiled *jsonschema.Schema, err error) {
	defer func() { // a schema is foreign input to foreign code
		if r := recover(); r != nil {
			compiled, err = nil, fmt.Errorf("it cannot be compiled: %v", r)
		}
	}()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}

// schemaMessage is the deepest cause in one line.
func schemaMessage(err error) string {
	if e := deepestFault(err); e != nil {
		err = e
	} else if e, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		err = e.Err
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	last := strings.TrimLeft(lines[len(lines)-1], "- ")
	if strings.HasPrefix(last, "at '") {
		_, last, _ = strings.Cut(last, "': ")
	}
	return strings.ReplaceAll(last, schemaURL, "")
}

func deepestFault(err error) *jsonschema.ValidationError {
	s, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return nil
	}
	e, ok := errors.AsType[*jsonschema.ValidationError](s.Err)
	for ok && len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return e
}

// schemaFaultPos is the place of the part of a schema that is faulty.
func schemaFaultPos(n *node, err error) model.Pos {
	e := deepestFault(err)
	if e == nil {
		return n.pos
	}
	for _, step := range e.InstanceLocation {
		next := n.get(step)
		if i, err := strconv.Atoi(step); err == nil && n.kind == list && i >= 0 && i < len(n.items) {
			next = n.items[i]
		}
		if next == nil {
			break
		}
		n = next
	}
	return n.pos
}

// appendJSON writes n as compact JSON, in the order of the file.
func (l *loader) appendJSON(b []byte, n *node) ([]byte, bool) {
	ok := true
	switch n.kind {
	case refused:
		return b, false
	case null:
		return append(b, "null"...), true
	case boolean:
		return append(b, strings.ToLower(n.text)...), true
	case integer, float:
		if !plainNumber.MatchString(n.text) {
			l.fault(n.pos, "%s is no number as JSON writes them", n.text)
			return b, false
		}
		if !plausible(n.text) {
			l.fault(n.pos, "a number has at most %d digits, and an exponent from -%d to %d", maxExponent, maxExponent, maxExponent)
			return b, false
		}
		return append(b, n.text...), true
	case text:
		return appendJSONText(b, n.text), true
	case list:
		b = append(b, '[')
		for i, item := range n.items {
			var sound bool
			b, sound = l.appendJSON(comma(b, i), item)
			ok = ok && sound
		}
		return append(b, ']'), ok
	}
	b = append(b, '{')
	for i, m := range n.members {
		var sound bool
		b = append(appendJSONText(comma(b, i), m.name), ':')
		b, sound = l.appendJSON(b, m.value)
		ok = ok && sound
	}
	return append(b, '}'), ok && !n.holes
}

// maxExponent bounds the numbers of a schema. Its compiler computes with big.Rat, to which 1e1000001 is nil, and follows it.
const maxExponent = 400

func plausible(number string) bool {
	digits, power, found := strings.Cut(strings.ToLower(number), "e")
	exponent, err := strconv.Atoi(power)
	return len(digits) <= maxExponent && (!found || err == nil && abs(exponent) <= maxExponent)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendJSONText(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("model: text that JSON cannot hold: " + err.Error())
	}
	return append(b, quoted...)
}
