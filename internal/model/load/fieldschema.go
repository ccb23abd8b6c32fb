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

const (
	maxSchema = 64 << 10 // bytes of a field's schema in JSON

	// maxExponent bounds the numbers of a schema. The compiler computes with big.Rat: 1e1000001 becomes a nil that
	// the compiler then follows.
	maxExponent = 400

	// schemaURL is the name of a field's schema for the compiler. Nothing loads it. It has a path, so that a
	// reference to a file leads elsewhere: in "ashlar:schema" every such reference would lead to the schema itself.
	schemaFolder = "ashlar://model/"
	schemaURL    = schemaFolder + "-schema-of-this-field-"
)

// readSchema compiles the JSON Schema of a json field.
func (l *loader) readSchema(decl *fieldDecl, value *node) {
	if value.kind != object && value.kind != boolean {
		l.fault(value.pos, "schema must be a JSON Schema: a group of keys, true or false")
		return
	}
	source, ok := l.appendJSON(nil, value)
	switch {
	case !ok:
		return
	case len(source) > maxSchema:
		l.fault(value.pos, "the schema has %d bytes as JSON, but may have at most %d", len(source), maxSchema)
		return
	}
	compiled, err := compileSchema(source)
	if err != nil {
		l.fault(schemaFaultPos(value, err), "this is not a valid JSON Schema: %s", schemaProblem(err))
		return
	}
	decl.field.JSONSchema, decl.field.JSONSchemaText = compiled, string(source)
}

// noLoader keeps a schema from reaching the network or the disk.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not loaded: copy it under $defs, and refer to it as #/$defs/NAME", strings.TrimPrefix(url, schemaFolder))
}

func compileSchema(source []byte) (compiled *jsonschema.Schema, err error) {
	defer func() { // the compiler is foreign code, and the schema foreign input
		if r := recover(); r != nil {
			compiled, err = nil, fmt.Errorf("it cannot be compiled: %v", r)
		}
	}()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(source)))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return nil, err
	}
	return compiler.Compile(schemaURL)
}

// schemaProblem returns the deepest cause of a compiler's error in one line.
func schemaProblem(err error) string {
	if e := deepestCause(err); e != nil {
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

func deepestCause(err error) *jsonschema.ValidationError {
	schemaError, ok := errors.AsType[*jsonschema.SchemaValidationError](err)
	if !ok {
		return nil
	}
	cause, ok := errors.AsType[*jsonschema.ValidationError](schemaError.Err)
	for ok && len(cause.Causes) > 0 {
		cause = cause.Causes[0]
	}
	return cause
}

// schemaFaultPos returns the position of the faulty part of a schema.
func schemaFaultPos(root *node, err error) model.Pos {
	cause := deepestCause(err)
	if cause == nil {
		return root.pos
	}
	part := root
	for _, step := range cause.InstanceLocation {
		next := part.get(step)
		if i, err := strconv.Atoi(step); err == nil && part.kind == list && i >= 0 && i < len(part.items) {
			next = part.items[i]
		}
		if next == nil {
			break
		}
		part = next
	}
	return part.pos
}

// appendJSON appends a node in compact JSON, with its keys in the order of the file.
func (l *loader) appendJSON(out []byte, value *node) ([]byte, bool) {
	switch value.kind {
	case invalid:
		return out, false
	case null:
		return append(out, "null"...), true
	case boolean:
		return append(out, strings.ToLower(value.text)...), true
	case integer, float:
		return l.appendNumber(out, value)
	case text:
		return appendJSONText(out, value.text), true
	case list:
		return l.appendList(out, value)
	}
	return l.appendObject(out, value)
}

func (l *loader) appendNumber(out []byte, value *node) ([]byte, bool) {
	switch {
	case !isNumber(value):
		l.fault(value.pos, "%s is not written like a number of JSON", value.text)
	case !isPlausible(value.text):
		l.fault(value.pos, "a number may have at most %d digits, and an exponent from -%d to %d", maxExponent, maxExponent, maxExponent)
	default:
		return append(out, value.text...), true
	}
	return out, false
}

func isPlausible(number string) bool {
	digits, power, found := strings.Cut(strings.ToLower(number), "e")
	exponent, err := strconv.Atoi(power)
	inRange := err == nil && -maxExponent <= exponent && exponent <= maxExponent
	return len(digits) <= maxExponent && (!found || inRange)
}

func (l *loader) appendList(out []byte, value *node) ([]byte, bool) {
	ok := true
	out = append(out, '[')
	for i, item := range value.items {
		var sound bool
		out, sound = l.appendJSON(appendComma(out, i), item)
		ok = ok && sound
	}
	return append(out, ']'), ok
}

func (l *loader) appendObject(out []byte, value *node) ([]byte, bool) {
	ok := !value.incomplete
	out = append(out, '{')
	for i, key := range value.members {
		var sound bool
		out = append(appendJSONText(appendComma(out, i), key.name), ':')
		out, sound = l.appendJSON(out, key.value)
		ok = ok && sound
	}
	return append(out, '}'), ok
}

func appendComma(out []byte, i int) []byte {
	if i > 0 {
		out = append(out, ',')
	}
	return out
}

func appendJSONText(out []byte, str string) []byte {
	quoted, err := json.Marshal(str)
	if err != nil {
		panic("load: a text that JSON cannot hold: " + err.Error())
	}
	return append(out, quoted...)
}
