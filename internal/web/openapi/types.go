package openapi

import (
	"math"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func ref(kind, name string) object { return object{{"$ref", "#/components/" + kind + "/" + name}} }

// typeOf returns the schema of the type of a field.
func typeOf(field *model.Field) object {
	switch field.Type {
	case model.Int:
		if field.AsString {
			return object{{"type", "string"}, {"format", "int64"}}
		}
		return object{{"type", "integer"}, {"format", "int64"}}
	case model.Float:
		return object{{"type", "number"}, {"format", "double"}}
	case model.Bool:
		return object{{"type", "boolean"}}
	case model.Timestamp:
		return object{{"type", "string"}, {"format", "date-time"}}
	case model.Date:
		return object{{"type", "string"}, {"format", "date"}}
	case model.UUID:
		return object{{"type", "string"}, {"format", "uuid"}}
	case model.Enum:
		values := make([]any, len(field.Values))
		for i, v := range field.Values {
			values[i] = v.Name
		}
		return object{{"type", "string"}, {"enum", values}}
	case model.JSON:
		return jsonType(field)
	default: // Text, Decimal
		return object{{"type", "string"}}
	}
}

// jsonType returns the JSON Schema of a field, or the component for any JSON if the field has none.
func jsonType(field *model.Field) object {
	own, ok := embedded(field.JSONSchemaText)
	if !ok {
		return anyJSON()
	}
	return object{{"allOf", []any{own}}}
}

// anyJSON returns a schema for any JSON, in the only form that all generators of docs/openapi.md understand. With a
// list of types, three of them fail and a fourth leaves operations out. Without keywords, the Java client sends null
// for unset members of a patch.
func anyJSON() object { return object{{"allOf", []any{ref("schemas", jsonSchema)}}} }

const jsonSchema = "JSON"

// nullable adds null to the schema of a field.
func nullable(field *model.Field, obj object) object {
	if field.Type == model.JSON {
		own := obj[0].value.([]any)
		if _, ok := embedded(field.JSONSchemaText); !ok {
			return obj // null is JSON
		}
		return object{{"anyOf", append(own[:len(own):len(own)], object{{"type", "null"}})}}
	}
	for i, m := range obj {
		switch types := m.value.(type) {
		case string:
			if m.name == "type" {
				obj[i].value = []string{types, "null"}
			}
		case []string:
			if m.name == "type" {
				obj[i].value = append(types, "null")
			}
		case []any:
			if m.name == "enum" {
				obj[i].value = append(types, nil)
			}
		}
	}
	return obj
}

// idSchema returns the schema of an id in a path.
func idSchema(table *model.Table) object {
	switch table.Key {
	case model.Text:
		return append(object{{"type", "string"}}, textLimits(table.ID())...)
	case model.Int:
		return object{{"type", "integer"}, {"format", "int64"}, {"minimum", int64(math.MinInt64)}, {"maximum", int64(math.MaxInt64)}}
	default:
		return typeOf(table.ID())
	}
}
