package record

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const kinds = `
ashlar: 1
name: kinds
tables:
  groups:
    key: int
    fields: {name: {type: text, max: 20, optional: true}}
    access: {read: true}
  things:
    key: text
    fields:
      text: {type: text, optional: true}
      int: {type: int, optional: true}
      float: {type: float, optional: true}
      decimal: {type: decimal, precision: 12, scale: 2, optional: true}
      bool: {type: bool, optional: true}
      timestamp: {type: timestamp, optional: true}
      date: {type: date, optional: true}
      uuid: {type: uuid, optional: true}
      enum: {type: enum, values: [a, b], optional: true}
      json: {type: json, optional: true}
      masked: {type: int, optional: true, read: int == 1}
      secret: {type: text, secret: true, optional: true}
      group: {ref: groups, reverse: things, optional: true}
    access: {read: int != 7}
`

func withThings(f *testing.F) *DB {
	db := open(f, kinds)
	must(f, db, system, "groups", `{"id":1}`)
	must(f, db, system, "things", `{"id":"a","text":"x","int":1,"float":1.5,"decimal":"1.50","bool":true,"timestamp":"2026-01-31T12:00:00Z","date":"2026-01-31",
		"uuid":"00000000-0000-7000-8000-000000000001","enum":"a","json":{"a":1},"masked":3,"secret":"s","group_id":1}`)
	must(f, db, system, "things", `{"id":"b","int":2,"masked":4}`)
	must(f, db, system, "things", `{"id":"c","int":7,"group_id":1}`)
	return db
}

// answers fails unless a list answers with a page or with errs.Malformed.
func answers(t *testing.T, db *DB, query Query) {
	t.Helper()
	body, err := db.List(context.Background(), nobody, db.rules.Model.Table("things"), query, nil)
	switch kind := errs.KindOf(err); {
	case kind != "" && kind != errs.Malformed:
		t.Fatalf("%+v: %v", query, err)
	case kind == errs.Malformed && publicOf(err) == "":
		t.Fatalf("%+v: an error without a message: %v", query, err)
	case kind == "" && !json.Valid(body):
		t.Fatalf("%+v: no JSON: %s", query, body)
	case kind == "" && strings.Contains(string(body), `"id":"c"`):
		t.Fatalf("%+v: a hidden row: %s", query, body)
	}
}

func publicOf(err error) string {
	for err != nil {
		if e, ok := err.(*errs.Error); ok {
			return e.Message
		}
		err = unwrap(err)
	}
	return ""
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// FuzzCursor forges cursors. Each is a position in its list or refused. A decoded cursor encodes to the same keys.
func FuzzCursor(f *testing.F) {
	db := withThings(f)
	things := db.rules.Model.Table("things")
	for _, field := range things.Fields {
		sort := []sqlgen.Key{{Field: field}}
		for _, val := range []value.Value{{}, value.OfInt(1), value.OfText("x"), value.OfFloat(1.5), value.OfDate("2026-01-31"), value.OfUUID("00000000-0000-7000-8000-000000000001")} {
			text, err := cursor.Encode(cursor.List{}, []value.Value{val, value.OfText("a")})
			if err != nil {
				f.Fatal(err)
			}
			data, _ := base64.RawURLEncoding.DecodeString(text)
			f.Add(sort[0].Field.Name, data[9:], "")
		}
	}
	f.Add("-int,text", []byte("nni"), "")
	f.Add("float", []byte("f\x7f\xf0\x00\x00\x00\x00\x00\x00t\x01a"), "")
	f.Add("", []byte{}, "not base64!")
	f.Fuzz(func(t *testing.T, sort string, keys []byte, raw string) {
		query := Query{Sort: sort, Limit: 2, Cursor: raw}
		if raw == "" {
			list := cursor.ListOf(things, "", nil, sort)
			query.Cursor = base64.RawURLEncoding.EncodeToString(append(append([]byte{1}, list[:]...), keys...))
		}
		answers(t, db, query)
		s, err := db.shapes.Get(shape.Key{Table: things, Sort: sort, List: true})
		if err != nil {
			return
		}
		encodeAgain(t, query.Cursor, cursor.ListOf(things, "", nil, sort), s.SortFields)
	})
}

// encodeAgain decodes a cursor. If it is one of the list, its keys must survive encoding and decoding.
func encodeAgain(t *testing.T, text string, list cursor.List, fields []*model.Field) {
	place, err := cursor.Decode(text, list, fields)
	if err != nil {
		return
	}
	again, err := cursor.Encode(list, place)
	if err != nil {
		t.Fatalf("%q decodes to %v, which does not encode: %v", text, place, err)
	}
	back, err := cursor.Decode(again, list, fields)
	if err != nil || len(back) != len(place) {
		t.Fatalf("%q decodes to %v, %q to %v (%v)", text, place, again, back, err)
	}
	for i := range back {
		if !back[i].Equal(place[i]) {
			t.Fatalf("%q decodes to %v, %q to %v", text, place, again, back)
		}
	}
}

// FuzzQuery sends any parameters. The answer is a page or a refusal with a message.
func FuzzQuery(f *testing.F) {
	db := withThings(f)
	for _, q := range []struct{ filter, arg, sort, fields, expand string }{
		{"int == arg.a", "1", "-int,text", "id,group.name", "group"},
		{"masked > 2 || group.things.exists(t, t.masked == 3)", "", "masked", "masked", "group.things.group.things"},
		{"decimal < arg.a && has(json)", "1.005", "decimal,-id", "group.things.text,json", "group,group.things"},
		{"timestamp > arg.a + duration('1h')", "2026-01-31T12:00:00Z", "timestamp", "", ""},
		{"secret == 'x'", "", "secret", "secret", "secret"},
		{"enum in ['a', 'b'] ? bool : !bool", "", "enum,enum", "id,id", "group,group"},
		{"text.lowerAscii().contains(arg.a)", "\x00", "--id", ",", "."},
	} {
		f.Add(q.filter, q.arg, q.sort, q.fields, q.expand)
	}
	f.Fuzz(func(t *testing.T, filter, arg, sort, fields, expand string) {
		query := Query{Selection: Selection{Fields: fields, Expand: expand}, Filter: filter, Sort: sort, Limit: 1, Total: true}
		if arg != "" {
			query.Args = map[string]string{"a": arg}
		}
		answers(t, db, query)
		row, err := db.Get(context.Background(), nobody, db.rules.Model.Table("things"), value.OfText("a"), query.Selection, nil)
		if kind := errs.KindOf(err); (kind != "" && kind != errs.Malformed) || (err == nil && !json.Valid(row.JSON)) {
			t.Fatalf("get %+v: %s %v", query.Selection, row.JSON, err)
		}
	})
}
