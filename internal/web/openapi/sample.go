package openapi

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sampleRow returns an example of a row in an answer, without related rows.
func (d *document) sampleRow(t *model.Table) []any {
	var row object
	for _, f := range t.Fields {
		if f.Secret {
			continue
		}
		v, ok := sample(f)
		if !ok {
			if !f.Optional {
				return nil
			}
			v = nil
		}
		row.add(f.Name, v)
	}
	return []any{row}
}

// sampleBody returns a body that a user of /docs can start from. It has the required fields, and is never empty. It is nil if
// a value cannot be made up, as for a field with a pattern.
func (d *document) sampleBody(t *model.Table, creating bool) []any {
	body := object{}
	for _, f := range t.Fields {
		if !d.writable(f, creating) {
			continue
		}
		must := creating && d.mustBeGiven(f)
		if !must && (f.System || f.Ref != nil || f.Secret || f.Type == model.JSON || !creating && len(body) > 0) {
			continue
		}
		v, ok := sample(f)
		switch {
		case ok:
			body.add(f.Name, v)
		case must:
			return nil
		}
	}
	return []any{body}
}

// sample returns a value of a field. ok is false if none can be made up.
func sample(f *model.Field) (v any, ok bool) {
	switch f.Type {
	case model.Int:
		return json.RawMessage(value.AppendMember(nil, f, value.OfInt(bound(f.Min, f.Max, 1)))), true
	case model.Float:
		return json.RawMessage(floatBound(f)), true
	case model.Decimal:
		return decimalBound(f), true
	case model.Bool:
		return false, true
	case model.Timestamp:
		return "2026-01-31T12:00:00.000000Z", true
	case model.Date:
		return "2026-01-31", true
	case model.UUID:
		return sampleUUID, true
	case model.Enum:
		return f.Values[0].Name, true
	case model.JSON:
		return object{{"any", "value"}}, f.JSONSchemaText == ""
	default:
		return sampleText(f)
	}
}

// sampleText returns a text of a valid length that begins with the name of the field.
func sampleText(f *model.Field) (string, bool) {
	if f.Pattern != nil {
		return "", false
	}
	s := sentence(readable(f.Name))
	s = s[:len(s)-1]
	switch {
	case f.Ref != nil, f.System:
		s = "some-id"
	case f.Format == "email":
		s = "ann@example.com"
	case f.Format == "url":
		s = "https://example.com/"
	case f.Format == "slug":
		s = "a-slug"
	}
	n := int64(utf8.RuneCountInString(s))
	if f.Max != nil && n > *f.Max {
		if f.Format != "" {
			return "", false
		}
		s = s[:*f.Max]
	}
	if f.Min != nil && n < *f.Min {
		if f.Format != "" || *f.Min > 200 {
			return "", false
		}
		s += strings.Repeat("x", int(*f.Min-n))
	}
	return s, true
}
