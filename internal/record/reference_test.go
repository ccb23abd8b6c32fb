package record

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/common/types"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
)

// A list has the rows of the oracle, filtered and sorted in Go. Its pages follow each other without gaps or repeats. A
// single row reads like the row in a list.
func TestListIsTheReference(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	lists, rows := 0, 0
	for i := range worlds {
		s := storeData(t, world(t, random(i)))
		for range queries {
			query := ask(s.Data)
			want := query.reference(s.Data)
			if err := s.rows.Allow(s.Caller, query.table, Read); err != nil {
				if len(want) > 0 {
					t.Fatalf("%s: %v, but %d rows are the caller's\n%s", query, err, len(want), s.Source)
				}
				continue
			}
			s.follow(t, query, want)
			lists, rows = lists+1, rows+len(want)
			s.gets(t, query)
		}
		s.db.Close()
	}
	t.Logf("%d lists of %d rows", lists, rows)
}

// follow pages through a list and compares each page, byte for byte, with the reference.
func (s *stored) follow(t *testing.T, query *posed, want []oracle.Record) {
	t.Helper()
	cursor, total := "", len(want)
	for rest := want; ; {
		page, body := s.page(t, query, cursor)
		n := min(query.query.Limit, len(rest))
		expected := []byte(`{"items":[`)
		for i, rec := range rest[:n] {
			if i > 0 {
				expected = append(expected, ',')
			}
			expected = query.appendRow(expected, s.Data, query.table, query.view, rec, "")
		}
		expected = append(expected, `],"next":null`...)
		rest = rest[n:]
		if page.Next != nil {
			expected = append(expected[:len(expected)-len("null")], strconv.Quote(*page.Next)...)
		}
		if query.query.Total {
			expected = append(expected, `,"total":`+strconv.Itoa(total)...)
		}
		expected = append(expected, '}')
		if string(body) != string(expected) || (page.Next == nil) != (len(rest) == 0) {
			t.Fatalf("%s after %q, %d rows to come:\n got %s\nwant %s\n%s", query, cursor, len(rest), body, expected, s.Source)
		}
		if page.Next == nil {
			return
		}
		cursor = *page.Next
	}
}

func (s *stored) gets(t *testing.T, query *posed) {
	t.Helper()
	id := oracle.ID(query.table, s.IntN(oracle.MaxRows))
	row, err := s.rows.Get(context.Background(), s.Caller, query.table, idOf(query.table, id), query.query.Selection, nil)
	rec := s.Find(query.table, id)
	if rec == nil || !s.Visible(query.table, rec, true) {
		if kind := errs.KindOf(err); kind != errs.NotFound && !(s.closed(query) && (kind == errs.Forbidden || kind == errs.Unauthenticated)) {
			t.Fatalf("get %s %v, which is not there for the caller: %s %v\n%s", query.table.Name, id, row.JSON, err, s.Source)
		}
		return
	}
	if want := query.appendRow(nil, s.Data, query.table, query.view, rec, ""); err != nil || string(row.JSON) != string(want) {
		t.Fatalf("get %s %v %+v: %v\n got %s\nwant %s\n%s", query.table.Name, id, query.query.Selection, err, row.JSON, want, s.Source)
	}
}

// closed reports whether the rules refuse the caller every row of the table.
func (s *stored) closed(query *posed) bool { return s.rows.Allow(s.Caller, query.table, Read) != nil }

// Pages are stable under inserts. Each row from the start comes once, in its place, and no row comes twice.
func TestPagesAreStableUnderInsertion(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	lists, inserted := 0, 0
	for i := range worlds {
		s := storeData(t, world(t, random(i)))
		for range queries / 8 {
			query := ask(s.Data)
			query.query.Limit = 1 + s.IntN(3)
			want := query.reference(s.Data)
			if len(want) < 3 {
				continue
			}
			inserted += s.followWhileInserting(t, query, want)
			lists++
		}
		s.db.Close()
	}
	t.Logf("%d lists while %d rows were inserted", lists, inserted)
	if inserted < lists/4 {
		t.Errorf("only %d rows were inserted into %d lists", inserted, lists)
	}
}

func (s *stored) followWhileInserting(t *testing.T, query *posed, want []oracle.Record) (inserted int) {
	t.Helper()
	query.query.Selection = Selection{Fields: "id"}
	var got []oracle.Record
	for cursor := ""; ; {
		page, body := s.page(t, query, cursor)
		for _, item := range page.Items {
			got = append(got, s.byID(t, query, item))
		}
		if page.Next == nil {
			break
		}
		if len(page.Items) != query.query.Limit {
			t.Fatalf("%s: a page with a next one has %d items: %s", query, len(page.Items), body)
		}
		cursor = *page.Next
		if s.insert(t, query) {
			inserted++
		}
	}
	if !slices.IsSortedFunc(got, func(left, right oracle.Record) int {
		if c := query.compare(s.Data, left, right); c != 0 {
			return c
		}
		return 1 // twice the same
	}) {
		t.Fatalf("%s: rows out of order or twice: %v\n%s", query, ids(got), s.Source)
	}
	var old []oracle.Record
	for _, rec := range got {
		if slices.ContainsFunc(want, func(w oracle.Record) bool { return oracle.Same(w["id"], rec["id"]) }) {
			old = append(old, rec)
		}
	}
	if fmt.Sprint(ids(old)) != fmt.Sprint(ids(want)) {
		t.Fatalf("%s: of the rows that were there from the start came %v, want %v\n%s", query, ids(old), ids(want), s.Source)
	}
	return inserted
}

func ids(rows []oracle.Record) []string {
	var out []string
	for _, rec := range rows {
		out = append(out, fmt.Sprint(rec["id"]))
	}
	return out
}

func (s *stored) byID(t *testing.T, query *posed, item json.RawMessage) oracle.Record {
	t.Helper()
	for _, rec := range s.Rows[query.table.Name] {
		if want := `{"id":` + string(oracle.AppendJSON(nil, query.table.ID(), rec["id"])) + `}`; want == string(item) {
			return rec
		}
	}
	t.Fatalf("%s: %s is no row", query, item)
	return nil
}

// insert inserts a row without effect on the caller's view of the others, if it finds one.
func (s *stored) insert(t *testing.T, query *posed) bool {
	t.Helper()
	for range 20 {
		data := s.Clone()
		rec := data.Add(query.table)
		if rec == nil {
			return false
		}
		if !s.undisturbed(data, query) {
			continue
		}
		err := s.db.Write(context.Background(), func(tx store.Tx) error { return oracle.Insert(tx, query.table, rec) })
		if err != nil {
			t.Fatal(err)
		}
		s.Data = data
		return true
	}
	return false
}

// undisturbed reports whether the caller sees the rows of the list's table in data as before.
func (s *stored) undisturbed(data *oracle.Data, query *posed) bool {
	for _, rec := range s.Rows[query.table.Name] {
		now := data.Find(query.table, rec["id"])
		if s.Visible(query.table, rec, true) != data.Visible(query.table, now, true) {
			return false
		}
		for _, field := range query.table.Fields {
			if !oracle.Same(s.Value(field, rec, true), data.Value(field, now, true)) {
				return false
			}
		}
		if query.cel != "" && s.Ask(query.cel, query.table, rec, nil, true) != data.Ask(query.cel, query.table, now, nil, true) {
			return false
		}
	}
	return true
}

// The rule of an expanded child is about that child, even if it looks at other rows.
func TestExpansionAsksTheRuleOfTheChild(t *testing.T) {
	db := open(t, `
ashlar: 1
name: rooms
tables:
  rooms:
    key: text
    fields: {name: {type: text, max: 20}}
    access: {read: true}
  talks:
    key: text
    fields: {room: {ref: rooms, reverse: talks}}
    access: {read: "guests.exists(g, g.name == 'ann')"}
  guests:
    key: text
    fields:
      talk: {ref: talks, reverse: guests}
      name: {type: text, max: 20}
    access: {read: true}
`)
	must(t, db, system, "rooms", `{"id":"r","name":"r"}`)
	for _, talk := range []string{"hidden", "seen"} {
		must(t, db, system, "talks", `{"id":"`+talk+`","room_id":"r"}`)
	}
	must(t, db, system, "guests", `{"id":"1","talk_id":"seen","name":"ann"}`)
	must(t, db, system, "guests", `{"id":"2","talk_id":"hidden","name":"bob"}`)
	rooms := db.rules.Model.Table("rooms")
	row, err := db.Get(context.Background(), nobody, rooms, idOf(rooms, types.String("r")), Selection{Fields: "talks.id"}, nil)
	if want := `{"talks":{"items":[{"id":"seen"}],"next":null}}`; err != nil || string(row.JSON) != want {
		t.Errorf("got %s %v, want %s", row.JSON, err, want)
	}
}

const family = `
ashlar: 1
name: family
tables:
  parents:
    key: text
    fields: {name: {type: text, max: 20}}
    access: {read: true}
  children:
    key: int
    fields:
      parent: {ref: parents, reverse: children, read: "n % 11 != 0"}
      n: {type: int}
    access: {read: n % 7 != 0}
`

// fillFamily makes parents with children, and returns the ids of each parent's children that nothing hides.
func fillFamily(t *testing.T, db *DB) map[string][]string {
	t.Helper()
	visible := map[string][]string{}
	n := 0
	for _, parent := range []struct {
		id       string
		children int
	}{{"a", 300}, {"b", 130}, {"c", 20}} {
		must(t, db, system, "parents", `{"id":"`+parent.id+`","name":"`+parent.id+`"}`)
		for range parent.children {
			n++
			must(t, db, system, "children", fmt.Sprintf(`{"id":%d,"parent_id":%q,"n":%d}`, n, parent.id, n))
			if n%7 != 0 && n%11 != 0 { // neither hidden nor of a hidden parent
				visible[parent.id] = append(visible[parent.id], strconv.Itoa(n))
			}
		}
	}
	return visible
}

// children are a page of them.
type children struct {
	Items []struct{ ID json.Number }
	Next  *string
}

// follow returns the ids of a parent's children, from a first page to the last one.
func (c children) follow(t *testing.T, db *DB, parent string) (ids []string) {
	t.Helper()
	for {
		for _, item := range c.Items {
			ids = append(ids, item.ID.String())
		}
		if c.Next == nil {
			return ids
		}
		query := Query{Filter: "parent_id == arg.id", Args: map[string]string{"id": parent}, Cursor: *c.Next, Limit: 7}
		body, err := db.List(context.Background(), nobody, db.rules.Model.Table("children"), query, nil)
		if err != nil {
			t.Fatalf("parent %s: %v", parent, err)
		}
		c = children{}
		if err := json.Unmarshal(body, &c); err != nil {
			t.Fatal(err)
		}
	}
}

// The next of a to-many expansion continues the list of the children, filtered by their parent.
func TestNextOfAnExpansion(t *testing.T) {
	db := open(t, family)
	want := fillFamily(t, db)
	body, err := db.List(context.Background(), nobody, db.rules.Model.Table("parents"), Query{Selection: Selection{Fields: "id,children.id"}, Limit: 10}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var top struct {
		Items []struct {
			ID       string
			Children children
		}
	}
	if err := json.Unmarshal(body, &top); err != nil {
		t.Fatal(err)
	}
	for _, parent := range top.Items {
		page, want := parent.Children, want[parent.ID]
		if len(page.Items) != min(100, len(want)) || (page.Next == nil) != (len(want) <= 100) {
			t.Errorf("parent %s: %d children, next %v", parent.ID, len(page.Items), page.Next)
		}
		if got := page.follow(t, db, parent.ID); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("children of %s:\n got %v\nwant %v", parent.ID, got, want)
		}
	}
}
