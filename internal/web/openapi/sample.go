package openapi

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sampleRow returns an example of a row in an answer, without related rows.
func (d *document) sampleRow(table *model.Table) []any {
	var row object
	for _, field := range table.Fields {
		if field.Secret {
			continue
		}
		v, ok := sample(field)
		if !ok {
			if !field.Optional {
				return nil
			}
			v = nil
		}
		row.add(field.Name, v)
	}
	return []any{row}
}

// sampleBody returns a first body for users of /docs. It has the required fields, and is never empty. It is nil if a
// value cannot be made up, for example for a field with a pattern.
func (d *document) sampleBody(table *model.Table, creating bool) []any {
	body := object{}
	for _, field := range table.Fields {
		if !d.writable(field, creating) {
			continue
		}
		must := creating && d.mustBeGiven(field)
		if !must && (field.System || field.Ref != nil || field.Secret || field.Type == model.JSON || (!creating && len(body) > 0)) {
			continue
		}
		v, ok := sample(field)
		switch {
		case ok:
			body.add(field.Name, v)
		case must:
			return nil
		}
	}
	return []any{body}
}

// sample returns a value of a field. ok is false if none can be made up.
func sample(field *model.Field) (v any, ok bool) {
	switch field.Type {
	case model.Int:
		return json.RawMessage(value.AppendMember(nil, field, value.OfInt(bound(field.Min, field.Max, 1)))), true
	case model.Float:
		return json.RawMessage(floatBound(field)), true
	case model.Decimal:
		return decimalBound(field), true
	case model.Bool:
		return false, true
	case model.Timestamp:
		return "2026-01-31T12:00:00.000000Z", true
	case model.Date:
		return "2026-01-31", true
	case model.UUID:
		return sampleUUID, true
	case model.Enum:
		return field.Values[0].Name, true
	case model.JSON:
		return object{{"any", "value"}}, field.JSONSchemaText == ""
	default:
		return sampleText(field)
	}
}

// sampleText returns a text of a valid length, with the name of the field at its start.
func sampleText(field *model.Field) (string, bool) {
	if field.Pattern != nil {
		return "", false
	}
	text := sentence(readable(field.Name))
	text = text[:len(text)-1]
	switch {
	case field.Ref != nil, field.System:
		text = "some-id"
	case field.Format == "email":
		text = "ann@example.com"
	case field.Format == "url":
		text = "https://example.com/"
	case field.Format == "slug":
		text = "a-slug"
	}
	n := int64(utf8.RuneCountInString(text))
	if field.Max != nil && n > *field.Max {
		if field.Format != "" {
			return "", false
		}
		text = text[:*field.Max]
	}
	if field.Min != nil && n < *field.Min {
		if field.Format != "" || *field.Min > 200 {
			return "", false
		}
		text += strings.Repeat("x", int(*field.Min-n))
	}
	return text, true
}
