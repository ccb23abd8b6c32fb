package value

import (
	"bytes"
	"errors"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxSchemaFaults bounds the faults of one value against its JSON Schema: each item of a long array may have several.
const maxSchemaFaults = 100

// parseJSONField compacts the value. It keeps the order of members and the text of numbers and strings.
func parseJSONField(field *model.Field, raw jsontext.Value, pointer string) (Value, []errs.Fault) {
	compact := raw.Clone()
	if err := compact.Compact(); err != nil {
		return Value{}, []errs.Fault{fault(pointer, "type", "must be JSON")}
	}
	if faults := tokenFaults(compact, pointer, field.JSONSchema != nil); faults != nil {
		return Value{}, faults
	}
	if field.JSONSchema != nil {
		if faults := schemaFaults(field.JSONSchema, compact, pointer); faults != nil {
			return Value{}, faults
		}
	}
	return OfJSON(string(compact)), nil
}

// tokenFaults finds U+0000 and, for values with a JSON Schema, numbers that are too expensive. The library computes
// with big.Rat: it spends milliseconds on 1e999999, and 1e1000001 makes it follow a nil.
func tokenFaults(raw jsontext.Value, pointer string, numbers bool) []errs.Fault {
	if !numbers && !bytes.Contains(raw, []byte(`\u0000`)) {
		return nil
	}
	var faults []errs.Fault
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw))
	for len(faults) < maxSchemaFaults {
		t, err := decoder.ReadToken()
		if err != nil {
			break
		}
		// Only a fault asks for the pointer. After a long name, a pointer for each token would take quadratic time.
		switch {
		case t.Kind() == jsontext.KindString && strings.IndexByte(t.String(), 0) >= 0:
			faults = append(faults, fault(pointer+string(decoder.StackPointer()), "nul", "must not hold the character U+0000"))
		case numbers && t.Kind() == jsontext.KindNumber && costlyNumber(t.String()):
			faults = append(faults, fault(pointer+string(decoder.StackPointer()), "range", "must be a number of at most 400 digits, with an exponent from -400 to 400"))
		}
	}
	return faults
}

func costlyNumber(text string) bool {
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return len(text) > 400
	}
	exponent, err := strconv.Atoi(text[i+1:])
	return i > 400 || err != nil || exponent < -400 || exponent > 400
}

func schemaFaults(s model.Validator, raw jsontext.Value, pointer string) []errs.Fault {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw)) // numbers stay texts
	if err != nil {
		return []errs.Fault{fault(pointer, "type", "must be JSON")}
	}
	err = s.Validate(v)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return []errs.Fault{fault(pointer, "schema", "does not match the schema of this field")}
	}
	c := schemaCollector{pointer: pointer, printer: message.NewPrinter(language.English)}
	c.collect(invalid)
	return c.faults
}

// schemaCollector turns the tree of a validation into a list of faults.
type schemaCollector struct {
	pointer string
	printer *message.Printer
	faults  []errs.Fault
}

func (c *schemaCollector) collect(invalid *jsonschema.ValidationError) {
	switch k := invalid.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			c.add(invalid, name, "is required by the schema")
		}
		return
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			c.add(invalid, name, "is not allowed by the schema")
		}
		return
	case *kind.AnyOf, *kind.OneOf, *kind.Not: // the faults of the alternatives contradict each other
		c.add(invalid, "", c.detail(invalid.ErrorKind))
		return
	}
	if len(invalid.Causes) == 0 {
		c.add(invalid, "", c.detail(invalid.ErrorKind))
	}
	for _, cause := range invalid.Causes {
		c.collect(cause)
	}
}

// detail describes a fault in our words if the library's would mislead: it rounds numbers.
func (c *schemaCollector) detail(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.AnyOf:
		return "must match one of the alternatives of the schema"
	case *kind.OneOf:
		return "must match exactly one of the alternatives of the schema"
	case *kind.Not:
		return "must not match what the schema excludes"
	case *kind.Type:
		return "must be of type " + strings.Join(k.Want, " or ") + ", not " + k.Got
	case *kind.Minimum:
		return "must be at least " + exactDecimal(k.Want)
	case *kind.Maximum:
		return "must be at most " + exactDecimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + exactDecimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + exactDecimal(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + exactDecimal(k.Want)
	default:
		return k.LocalizedString(c.printer)
	}
}

// exactDecimal returns all digits of a number that was written in decimal.
func exactDecimal(r *big.Rat) string {
	digits, _ := r.FloatPrec()
	return r.FloatString(digits)
}

func (c *schemaCollector) add(invalid *jsonschema.ValidationError, member, detail string) {
	if len(c.faults) == maxSchemaFaults {
		return
	}
	p := jsontext.Pointer(c.pointer)
	for _, name := range invalid.InstanceLocation {
		p = p.AppendToken(name)
	}
	if member != "" {
		p = p.AppendToken(member)
	}
	c.faults = append(c.faults, errs.Fault{Pointer: string(p), Code: "schema", Detail: errs.Clip(detail, 300)})
}
