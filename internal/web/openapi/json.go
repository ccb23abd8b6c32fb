package openapi

import (
	"encoding/json"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// object is a JSON object that keeps the order of its members. A document therefore has the same bytes each time.
type object []member

type member struct {
	name  string
	value any // object, []any, []string, string, bool, int, int64, float64, nil or json.RawMessage
}

// with returns a copy of the object with more members at its end.
func (o object) with(more ...member) object {
	return append(o[:len(o):len(o)], more...)
}

func (o *object) add(name string, v any) { *o = append(*o, member{name, v}) }

// encode appends v as JSON.
func encode(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case object:
		return encodeObject(dst, v)
	case []any:
		return encodeList(dst, v)
	case []string:
		return encodeList(dst, v)
	case string:
		return value.AppendString(dst, []byte(v))
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return value.AppendValue(dst, value.OfFloat(v))
	case json.RawMessage:
		return append(dst, v...)
	}
	panic("openapi: a value that JSON does not have")
}

func encodeObject(dst []byte, obj object) []byte {
	dst = append(dst, '{')
	for i, m := range obj {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendString(dst, []byte(m.name))
		dst = append(dst, ':')
		dst = encode(dst, m.value)
	}
	return append(dst, '}')
}

func encodeList[T any](dst []byte, list []T) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = encode(dst, v)
	}
	return append(dst, ']')
}
