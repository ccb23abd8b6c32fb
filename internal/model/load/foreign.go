package load

import (
	"slices"
	"strings"
)

// foreignKey returns advice about a key known from other languages, or "". keys are the allowed keys.
func foreignKey(name string, keys []string) string {
	if key, value, ok := strings.Cut(name, ":"); ok && slices.Contains(keys, key) {
		return "; put a space after the colon: " + key + ": " + value
	}
	ours := ""
	switch strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name)) {
	case "required", "notnull", "mandatory":
		if slices.Contains(keys, "optional") {
			return "; a field without `optional: true` is required"
		}
	case "nullable", "null", "allownull":
		ours = "optional"
	case "maxlength", "length", "size", "maximum":
		ours = "max"
	case "minlength", "minimum":
		ours = "min"
	case "references", "foreignkey", "belongsto", "relation":
		ours = "ref"
	case "regex", "regexp", "match":
		ours = "pattern"
	case "description", "comment":
		ours = "doc"
	case "ondelete":
		ours = "on_delete"
	case "readonly":
		ours = "immutable"
	case "enum", "options", "choices":
		ours = "values"
	case "columns":
		ours = "fields"
	case "constraints", "validations":
		ours = "checks"
	case "rules", "permissions", "policies":
		ours = "access"
	case "schedule":
		ours = "cron"
	case "timezone", "tz":
		ours = "zone"
	case "interval":
		ours = "every"
	case "timeout", "maxtime":
		ours = "at_most"
	case "retries", "attempts", "maxattempts", "maxretries":
		ours = "tries"
	case "concurrency", "parallelism":
		ours = "workers"
	case "if", "condition":
		ours = "when"
	case "event", "events", "trigger", "triggers":
		ours = "on"
	case "url", "endpoint", "endpoints":
		ours = "to"
	case "payload", "body":
		ours = "send"
	case "arguments", "params", "parameters", "input":
		ours = "args"
	case "run", "handler", "function":
		ours = "work"
	}
	if slices.Contains(keys, ours) {
		return "; did you mean " + ours + "?"
	}
	return ""
}

// foreignType returns our name for a type of another language, or "".
func foreignType(value *node) string {
	if value.kind != text {
		return ""
	}
	switch strings.ToLower(value.text) {
	case "string", "varchar", "char", "str":
		return "text"
	case "integer", "bigint", "smallint", "int64", "int32", "long":
		return "int"
	case "number":
		return "int or decimal"
	case "double", "real":
		return "float"
	case "numeric", "money", "currency":
		return "decimal"
	case "boolean":
		return "bool"
	case "datetime", "timestamptz":
		return "timestamp"
	case "list", "array", "object", "map", "jsonb":
		return "json"
	}
	return ""
}
