// Package cursor encodes and decodes cursors, each a position in a list.
//
// A cursor holds a hash of the list's parameters and the sort keys of the last row, in the caller's eyes. The caller has
// seen these keys, so a cursor is not signed. A forged cursor is a position like any other.
package cursor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	version  = 1
	maxBytes = apilimit.CursorBytes
)

// A List identifies a list by a hash of its parameters. A cursor is valid for one List only.
type List [8]byte

// ListOf returns the List of a table with a filter, its arguments and a sort order.
func ListOf(table *model.Table, filter string, args map[string]string, sort string) List {
	parts := []string{table.Name, filter, sort}
	names := make([]string, 0, len(args))
	for name := range args {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		parts = append(parts, name, args[name])
	}
	hash := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		hash.Write(size[:])
		hash.Write([]byte(part))
	}
	return List(hash.Sum(nil))
}

// Encode returns the cursor after the row with these sort keys. It fails if the keys are too long for a URL.
func Encode(list List, keys []value.Value) (string, error) {
	data := append([]byte{version}, list[:]...)
	for _, key := range keys {
		data = appendKey(data, key)
	}
	if base64.RawURLEncoding.EncodedLen(len(data)) > maxBytes {
		return "", errs.New(errs.Malformed, "the values sorted by are too long to page through: sort by a shorter field")
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

func appendKey(dst []byte, key value.Value) []byte {
	switch key.Kind {
	case value.Null:
		return append(dst, 'n')
	case value.Float:
		return binary.BigEndian.AppendUint64(append(dst, 'f'), math.Float64bits(key.Float))
	case value.Text, value.Date, value.UUID, value.JSON:
		dst = binary.AppendUvarint(append(dst, 't'), uint64(len(key.Text)))
		return append(dst, key.Text...)
	default:
		return binary.AppendVarint(append(dst, 'i'), key.Int)
	}
}

// errInvalid is the error for a cursor of another list, and for a forged one that makes no sense.
func errInvalid() error {
	return errs.New(errs.Malformed, "cursor: it belongs to another list: start again without it, and keep filter, arguments and sort the same on all pages")
}

// Decode returns the sort keys in a cursor. Fields are the fields that the list is sorted by.
func Decode(cursor string, list List, fields []*model.Field) ([]value.Value, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(cursor) > maxBytes || len(data) < 9 || data[0] != version || List(data[1:9]) != list {
		return nil, errInvalid()
	}
	data = data[9:]
	keys := make([]value.Value, len(fields))
	for i, field := range fields {
		var ok bool
		if keys[i], data, ok = readKey(data, field); !ok {
			return nil, errInvalid()
		}
	}
	if len(data) > 0 {
		return nil, errInvalid()
	}
	return keys, nil
}

// readKey decodes one key, which must have the type of the field.
func readKey(data []byte, field *model.Field) (v value.Value, rest []byte, ok bool) {
	if len(data) == 0 {
		return v, nil, false
	}
	tag, data := data[0], data[1:]
	switch tag {
	case 'n':
		return v, data, true
	case 'f':
		if len(data) < 8 || field.Type != model.Float {
			return v, nil, false
		}
		number, finite := value.Finite(math.Float64frombits(binary.BigEndian.Uint64(data)))
		return value.OfFloat(number), data[8:], finite
	case 'i':
		number, size := binary.Varint(data)
		if size <= 0 {
			return v, nil, false
		}
		v, ok = intKey(field, number)
		return v, data[size:], ok
	case 't':
		number, size := binary.Uvarint(data)
		if size <= 0 || number > uint64(len(data)-size) {
			return v, nil, false
		}
		v, ok = textKey(field, string(data[size:size+int(number)]))
		return v, data[size+int(number):], ok
	}
	return v, nil, false
}

// intKey returns the value of a field with an integer as its stored form.
func intKey(field *model.Field, number int64) (value.Value, bool) {
	switch field.Type {
	case model.Int:
		return value.OfInt(number), true
	case model.Decimal:
		return value.OfDecimal(number, uint8(field.Scale)), -value.MaxDecimal < number && number < value.MaxDecimal
	case model.Bool:
		return value.OfBool(number == 1), number == 0 || number == 1
	case model.Timestamp:
		return value.OfTimestamp(number), value.MinTimestamp <= number && number <= value.MaxTimestamp
	}
	return value.Value{}, false
}

// textKey returns the value of a field with text as its stored form.
func textKey(field *model.Field, text string) (value.Value, bool) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return value.Value{}, false
	}
	switch field.Type {
	case model.Text, model.Enum:
		return value.OfText(text), true
	case model.Date:
		date, err := value.ParseDate(text)
		return value.OfDate(date), err == nil
	case model.UUID:
		uuid, ok := value.ParseUUID(text)
		return value.OfUUID(uuid), ok && uuid == text
	}
	return value.Value{}, false
}
