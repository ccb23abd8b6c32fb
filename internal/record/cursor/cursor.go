// Package cursor encodes and decodes cursors, each a position in a list.
//
// A cursor tells where the next page starts: it holds a hash of the list's parameters and the sort keys of the last row, as
// the caller sees them. It holds nothing that the page did not tell, so it is not signed. A cursor made by hand is a position
// like any other.
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
func ListOf(t *model.Table, filter string, args map[string]string, sort string) List {
	parts := []string{t.Name, filter, sort}
	names := make([]string, 0, len(args))
	for n := range args {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		parts = append(parts, n, args[n])
	}
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return List(h.Sum(nil))
}

// Encode returns the cursor after the row with these sort keys. It fails if the keys are too long for a URL.
func Encode(list List, keys []value.Value) (string, error) {
	b := append([]byte{version}, list[:]...)
	for _, k := range keys {
		b = appendKey(b, k)
	}
	if base64.RawURLEncoding.EncodedLen(len(b)) > maxBytes {
		return "", errs.New(errs.Malformed, "the values sorted by are too long to page through: sort by a shorter field")
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

func appendKey(b []byte, k value.Value) []byte {
	switch k.Kind {
	case value.Null:
		return append(b, 'n')
	case value.Float:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(k.Float))
	case value.Text, value.Date, value.UUID, value.JSON:
		b = binary.AppendUvarint(append(b, 't'), uint64(len(k.Text)))
		return append(b, k.Text...)
	default:
		return binary.AppendVarint(append(b, 'i'), k.Int)
	}
}

// errInvalid is the answer to every cursor that the list did not hand out.
func errInvalid() error {
	return errs.New(errs.Malformed, "cursor: it belongs to another list: start again without it, and keep filter, arguments and sort the same on all pages")
}

// Decode returns the sort keys in a cursor. Fields are the fields that the list is sorted by.
func Decode(cursor string, list List, fields []*model.Field) ([]value.Value, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(cursor) > maxBytes || len(b) < 9 || b[0] != version || List(b[1:9]) != list {
		return nil, errInvalid()
	}
	b = b[9:]
	keys := make([]value.Value, len(fields))
	for i, f := range fields {
		var ok bool
		if keys[i], b, ok = readKey(b, f); !ok {
			return nil, errInvalid()
		}
	}
	if len(b) > 0 {
		return nil, errInvalid()
	}
	return keys, nil
}

// readKey decodes one key, which must have the type of the field.
func readKey(b []byte, f *model.Field) (v value.Value, rest []byte, ok bool) {
	if len(b) == 0 {
		return v, nil, false
	}
	tag, b := b[0], b[1:]
	switch tag {
	case 'n':
		return v, b, true
	case 'f':
		if len(b) < 8 || f.Type != model.Float {
			return v, nil, false
		}
		n, finite := value.Finite(math.Float64frombits(binary.BigEndian.Uint64(b)))
		return value.OfFloat(n), b[8:], finite
	case 'i':
		n, size := binary.Varint(b)
		if size <= 0 {
			return v, nil, false
		}
		v, ok = intKey(f, n)
		return v, b[size:], ok
	case 't':
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return v, nil, false
		}
		v, ok = textKey(f, string(b[size:size+int(n)]))
		return v, b[size+int(n):], ok
	}
	return v, nil, false
}

// intKey returns the value of a field that is stored as an integer.
func intKey(f *model.Field, n int64) (value.Value, bool) {
	switch f.Type {
	case model.Int:
		return value.OfInt(n), true
	case model.Decimal:
		return value.OfDecimal(n, uint8(f.Scale)), -value.MaxDecimal < n && n < value.MaxDecimal
	case model.Bool:
		return value.OfBool(n == 1), n == 0 || n == 1
	case model.Timestamp:
		return value.OfTimestamp(n), value.MinTimestamp <= n && n <= value.MaxTimestamp
	}
	return value.Value{}, false
}

// textKey returns the value of a field that is stored as text.
func textKey(f *model.Field, s string) (value.Value, bool) {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return value.Value{}, false
	}
	switch f.Type {
	case model.Text, model.Enum:
		return value.OfText(s), true
	case model.Date:
		d, err := value.ParseDate(s)
		return value.OfDate(d), err == nil
	case model.UUID:
		u, ok := value.ParseUUID(s)
		return value.OfUUID(u), ok && u == s
	}
	return value.Value{}, false
}
