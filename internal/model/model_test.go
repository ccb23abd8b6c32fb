package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableFindsFields(t *testing.T) {
	posts := &Table{Name: "posts", Key: UUID}
	posts.AddField(&Field{Name: "id", Type: UUID, System: true})
	posts.AddField(&Field{Name: "title", Type: Text})
	posts.Suppress("body")
	posts.Suppress("title")
	for name, want := range map[string]Type{"id": UUID, "title": Text, "body": Invalid} {
		if field := posts.Field(name); field == nil || field.Type != want || field.Table != posts {
			t.Errorf("Field(%q) = %+v, want a field of posts with type %v", name, field, want)
		}
	}
	if field := posts.Field("author"); field != nil {
		t.Errorf("Field(author) = %+v, want nil", field)
	}
	if len(posts.Fields) != 2 {
		t.Errorf("%d fields, want 2: a suppressed name is no field", len(posts.Fields))
	}
}

func TestFromTablesFindsCopies(t *testing.T) {
	posts := &Table{Name: "posts", Key: UUID}
	posts.AddField(&Field{Name: "id", Type: UUID})
	renamed, id := *posts, *posts.ID()
	renamed.Name, id.Name, renamed.Fields = "notes", "key", []*Field{&id}
	m := FromTables("blog", nil, []*Table{&renamed})
	if m.Table("notes").Field("key") != &id || m.Table("notes").Field("id") != nil {
		t.Error("the copy finds the fields of the original")
	}
	if posts.Field("id") != posts.ID() || posts.Field("key") != nil {
		t.Error("the original finds the fields of the copy")
	}
}

func TestModelKeepsViewsApart(t *testing.T) {
	app := &Model{}
	app.Add(&Table{Name: "posts"})
	app.Add(&Table{Name: "latest", View: &View{}})
	if len(app.Tables) != 1 || len(app.Views) != 1 || app.Table("latest") != app.Views[0] || len(app.All()) != 2 {
		t.Errorf("tables %v, views %v", app.Tables, app.Views)
	}
}

func TestParseType(t *testing.T) {
	for _, typ := range Types() {
		if got := ParseType(typ.String()); got != typ {
			t.Errorf("ParseType(%q) = %v", typ, got)
		}
	}
	for _, name := range []string{"", "varchar", "invalid"} {
		if got := ParseType(name); got != Invalid {
			t.Errorf("ParseType(%q) = %v, want invalid", name, got)
		}
	}
}

func TestExprAt(t *testing.T) {
	at := func(line, col int) Pos { return Pos{File: MainFile, Line: line, Col: col} }
	expr := &Expr{Text: "a == b", Pos: at(3, 4)}
	if got := expr.At(2); got != expr.Pos {
		t.Errorf("without spans At(2) = %v, want %v", got, expr.Pos)
	}
	expr.Spans = []Span{{Offset: 0, Line: 3, Col: 4}, {Offset: 5, Line: 4, Col: 7}}
	for offset, want := range map[int]Pos{0: at(3, 4), 4: at(3, 8), 5: at(4, 7), 9: at(4, 11), -1: at(3, 4)} {
		if got := expr.At(offset); got != want {
			t.Errorf("At(%d) = %v, want %v", offset, got, want)
		}
	}
}

func TestFaultString(t *testing.T) {
	long := strings.Repeat("a", 300) + "b" + strings.Repeat("c", 300)
	app := &Model{Lines: map[string][]string{MainFile: {"\tä: b", long}}}
	for _, tt := range []struct {
		name string
		at   Pos
		want string
	}{
		{"caret below the column", Pos{MainFile, 1, 4}, "ashlar.yaml:1:4: bad\n  \tä: b\n  \t  ^"},
		{"no such line", Pos{MainFile, 9, 1}, "ashlar.yaml:9:1: bad"},
		{"no such file", Pos{"other.yaml", 1, 1}, "other.yaml:1:1: bad"},
		{"long line", Pos{MainFile, 2, 301},
			"ashlar.yaml:2:301: bad\n  " + strings.Repeat("a", 80) + "b" + strings.Repeat("c", 79) + "\n  " + strings.Repeat(" ", 80) + "^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, app.Fault(tt.at, "b%s", "ad").String()); diff != "" {
				t.Errorf("String (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFaultsSort(t *testing.T) {
	fault := func(file string, line, col int) Fault { return Fault{Pos: Pos{file, line, col}, Message: "bad"} }
	got := Faults{fault("b", 1, 1), fault("a", 2, 1), fault("a", 1, 9), fault("a", 2, 1)}.Sort()
	if diff := cmp.Diff(Faults{fault("a", 1, 9), fault("a", 2, 1), fault("b", 1, 1)}, got); diff != "" {
		t.Errorf("Sort (-want +got):\n%s", diff)
	}
}
