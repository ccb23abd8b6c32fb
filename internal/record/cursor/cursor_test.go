package cursor

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var list = List{1, 2, 3}

func TestDecodeReturnsTheEncodedKeys(t *testing.T) {
	for _, tt := range []struct {
		name  string
		field model.Field
		key   value.Value
	}{
		{"missing", model.Field{Type: model.Int}, value.Value{}},
		{"int", model.Field{Type: model.Int}, value.OfInt(-7)},
		{"float", model.Field{Type: model.Float}, value.OfFloat(1.5)},
		{"decimal", model.Field{Type: model.Decimal, Scale: 2}, value.OfDecimal(12345, 2)},
		{"bool", model.Field{Type: model.Bool}, value.OfBool(true)},
		{"timestamp", model.Field{Type: model.Timestamp}, value.OfTimestamp(1_700_000_000_000_000)},
		{"date", model.Field{Type: model.Date}, value.OfDate("2026-01-31")},
		{"text", model.Field{Type: model.Text}, value.OfText("ä\n")},
		{"enum", model.Field{Type: model.Enum}, value.OfText("open")},
		{"uuid", model.Field{Type: model.UUID}, value.OfUUID("00000000-0000-7000-8000-00000000000a")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := &model.Field{Type: model.Text}
			cursor, err := Encode(list, []value.Value{tt.key, value.OfText("id")})
			if err != nil {
				t.Fatal(err)
			}
			keys, err := Decode(cursor, list, []*model.Field{&tt.field, id})
			if err != nil || !keys[0].Equal(tt.key) || !keys[1].Equal(value.OfText("id")) {
				t.Errorf("Decode(%q) = %v, %v, want %v", cursor, keys, err, tt.key)
			}
		})
	}
}

func TestDecodeRefusesForgedCursors(t *testing.T) {
	number, text := &model.Field{Type: model.Int}, &model.Field{Type: model.Text}
	cursor := func(keys string) string {
		return base64.RawURLEncoding.EncodeToString(append(append([]byte{version}, list[:]...), keys...))
	}
	for _, tt := range []struct {
		name, cursor string
		field        *model.Field
	}{
		{"no base64", "not base64!", number},
		{"empty", "", number},
		{"another version", base64.RawURLEncoding.EncodeToString(append([]byte{version + 1}, list[:]...)), number},
		{"another list", base64.RawURLEncoding.EncodeToString(append([]byte{version}, make([]byte, 8)...)), number},
		{"no key", cursor(""), number},
		{"a further key", cursor("nn"), number},
		{"a key of another type", cursor("t\x01a"), number},
		{"a number for a text", cursor("i\x02"), text},
		{"a text beyond its end", cursor("t\x7fa"), text},
		{"a text with a zero byte", cursor("t\x01\x00"), text},
		{"a text of invalid UTF-8", cursor("t\x01\xff"), text},
		{"an infinite float", cursor("f\x7f\xf0\x00\x00\x00\x00\x00\x00"), &model.Field{Type: model.Float}},
		{"a bool of 2", cursor("i\x04"), &model.Field{Type: model.Bool}},
		{"an invalid date", cursor("t\x0a2026-02-31"), &model.Field{Type: model.Date}},
		{"a key of json", cursor("t\x021 "), &model.Field{Type: model.JSON}},
		{"too long", strings.Repeat("A", maxBytes+4), text},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if keys, err := Decode(tt.cursor, list, []*model.Field{tt.field}); errs.KindOf(err) != errs.Malformed {
				t.Errorf("Decode(%q) = %v, %v, want malformed", tt.cursor, keys, err)
			}
		})
	}
}

func TestEncodeRefusesLongKeys(t *testing.T) {
	if _, err := Encode(list, []value.Value{value.OfText(strings.Repeat("x", maxBytes))}); errs.KindOf(err) != errs.Malformed {
		t.Errorf("Encode of a long key = %v, want malformed", err)
	}
}

func TestListOfTellsListsApart(t *testing.T) {
	posts, notes := &model.Table{Name: "posts"}, &model.Table{Name: "notes"}
	lists := map[List]string{}
	for name, list := range map[string]List{
		"a table":         ListOf(posts, "", nil, ""),
		"another table":   ListOf(notes, "", nil, ""),
		"a filter":        ListOf(posts, "n > arg.a", map[string]string{"a": "1"}, ""),
		"another value":   ListOf(posts, "n > arg.a", map[string]string{"a": "2"}, ""),
		"a sort":          ListOf(posts, "", nil, "n"),
		"a filter like n": ListOf(posts, "n", nil, ""),
		"two arguments":   ListOf(posts, "", map[string]string{"a": "b", "c": "d"}, ""),
		"one argument":    ListOf(posts, "", map[string]string{"a": "bcd"}, ""),
	} {
		if other, ok := lists[list]; ok {
			t.Errorf("%s is the same list as %s", name, other)
		}
		lists[list] = name
	}
	args := map[string]string{"a": "1", "b": "2", "c": "3"}
	if ListOf(posts, "", args, "") != ListOf(posts, "", map[string]string{"c": "3", "b": "2", "a": "1"}, "") {
		t.Error("the order of arguments counts")
	}
}
