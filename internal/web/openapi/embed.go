package openapi

import (
	"bytes"
	"encoding/json"
	"strings"
)

const dialect = "https://json-schema.org/draft/2020-12/schema" // the dialect of OpenAPI 3.1, and the default of model files

// embedded returns the JSON Schema of a json field as part of the document. ok is false if the schema would mean
// something else there. It then has another dialect, refers to a part of itself, or has a pattern only for RE2.
func embedded(text string) (json.RawMessage, bool) {
	if text == "" || text == "true" || text == "false" {
		return nil, false
	}
	var top map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &top) != nil {
		return nil, false
	}
	given := strings.TrimSuffix(strings.Trim(string(top["$schema"]), `"`), "#")
	if given != "" && given != dialect {
		return nil, false
	}
	raw := json.RawMessage(text)
	if given != "" {
		delete(top, "$schema")
		var err error
		if raw, err = json.Marshal(top); err != nil {
			return nil, false
		}
	}
	if len(raw) == len("{}") || !movable(raw) {
		return nil, false
	}
	return raw, true
}

// movable reports whether a schema means the same in any document. It takes every name of a member for a keyword, so
// it refuses a few schemas without need.
func movable(raw json.RawMessage) bool {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	return d.Decode(&v) == nil && movableValue(v)
}

func movableValue(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if !movableValue(item) {
				return false
			}
		}
	case map[string]any:
		for name, item := range v {
			if !movableKeyword(name, item) || !movableValue(item) {
				return false
			}
		}
	}
	return true
}

func movableKeyword(name string, v any) bool {
	switch name {
	case "$ref", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$schema", "$defs", "patternProperties":
		return false
	case "pattern":
		if text, ok := v.(string); ok {
			same, portable := portable(text)
			return portable && same == text
		}
	}
	return true
}
