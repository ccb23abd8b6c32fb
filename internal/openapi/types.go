package openapi

import (
	"math"

	"github.com/ashlar-dev/ashlar/internal/schema"
)

// typeOf is the schema of a field's type.
func typeOf(f *schema.Field) object {
	switch f.Type {
	case schema.Int:
		return object{{"type", "integer"}, {"format", "int64"}}
	case schema.Float:
		return object{{"type", "number"}, {"format", "double"}}
	case schema.Bool:
		return object{{"type", "boolean"}}
	case schema.Timestamp:
		return object{{"type", "string"}, {"format", "date-time"}}
	case schema.Date:
		return object{{"type", "string"}, {"format", "date"}}
	case schema.UUID:
		return object{{"type", "string"}, {"format", "uuid"}}
	case schema.Enum:
		values := make([]any, len(f.Values))
		for i, v := range f.Values {
			values[i] = v.Name
		}
		return object{{"type", "string"}, {"enum", values}}
	case schema.JSON:
		return jsonType(f)
	default: // Text, Decimal
		return object{{"type", "string"}}
	}
}

// notNull accepts anything but null, which is how a field is missing.
func notNull() object {
	return object{{"type", []string{"object", "array", "string", "number", "boolean"}}}
}

func jsonType(f *schema.Field) object {
	own, ok := embedded(f.JSONSchemaText)
	if !ok {
		return notNull()
	}
	return object{{"allOf", []any{own}}}
}

// jsonPatch admits any object beside a field's own values: it is merged into what the field holds.
func jsonPatch(o object) object {
	if o[0].name != "allOf" {
		return o // any object is among them already
	}
	return object{{"anyOf", append(o[0].value.([]any)[:1:1], object{{"type", "object"}})}}
}

// nullable admits null beside a field's values.
func nullable(f *schema.Field, o object) object {
	if own, ok := o[0].value.([]any); ok && f.Type == schema.JSON && o[0].name != "type" {
		return object{{"anyOf", append(own[:len(own):len(own)], object{{"type", "null"}})}}
	}
	for i, m := range o {
		switch types := m.value.(type) {
		case string:
			if m.name == "type" {
				o[i].value = []string{types, "null"}
			}
		case []string:
			if m.name == "type" {
				o[i].value = append(types, "null")
			}
		case []any:
			if m.name == "enum" {
				o[i].value = append(types, nil)
			}
		}
	}
	return o
}

// idSchema is the schema of an id in a path.
func idSchema(t *schema.Table) object {
	switch t.Key {
	case schema.Text:
		return append(object{{"type", "string"}}, textLimits(t.ID())...)
	case schema.Int:
		return object{{"type", "integer"}, {"format", "int64"}, {"minimum", int64(math.MinInt64)}, {"maximum", int64(math.MaxInt64)}}
	default:
		return typeOf(t.ID())
	}
}
