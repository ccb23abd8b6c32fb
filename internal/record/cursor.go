package record

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
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A cursor is the place in a list after which the next page starts: a hash of what was asked for, and the sort keys of
// the last row, as the caller sees them. It holds nothing that the rows of the page did not tell, so it is not signed:
// one made by hand is a place like any other.

const (
	cursorVersion = 1
	maxCursor     = apilimit.CursorBytes
)

// cursorHash is what a cursor is bound to.
func cursorHash(t *model.Table, filter string, args map[string]string, sort string) [8]byte {
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
	return [8]byte(h.Sum(nil))
}

// encodeCursor writes a cursor; it fails where the keys are too long for a URL.
func encodeCursor(hash [8]byte, keys []value.Value) (string, error) {
	b := append([]byte{cursorVersion}, hash[:]...)
	for _, k := range keys {
		b = appendKey(b, k)
	}
	if base64.RawURLEncoding.EncodedLen(len(b)) > maxCursor {
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

// errCursor is the answer for any cursor that this list did not hand out.
func errCursor() error {
	return errs.New(errs.Malformed, "cursor: it belongs to another list: start again without it, and keep filter, arguments and sort the same on all pages")
}

// decodeCursor reads a cursor of the list with that hash and sort.
func decodeCursor(cursor string, hash [8]byte, sort []sqlgen.Key) ([]value.Value, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(cursor) > maxCursor || len(b) < 9 || b[0] != cursorVersion || [8]byte(b[1:9]) != hash {
		return nil, errCursor()
	}
	b = b[9:]
	keys := make([]value.Value, len(sort))
	for i, k := range sort {
		var ok bool
		if keys[i], b, ok = readKey(b, k.Field); !ok {
			return nil, errCursor()
		}
	}
	if len(b) > 0 {
		return nil, errCursor()
	}
	return keys, nil
}

// readKey reads one key, which must be of the field's type.
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
		v, ok = whole(f, n)
		return v, b[size:], ok
	case 't':
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return v, nil, false
		}
		v, ok = words(f, string(b[size:size+int(n)]))
		return v, b[size+int(n):], ok
	}
	return v, nil, false
}

func whole(f *model.Field, n int64) (value.Value, bool) {
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

func words(f *model.Field, s string) (value.Value, bool) {
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
