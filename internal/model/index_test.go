package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// indexedTable returns a table with every reason for an index.
func indexedTable() *Table {
	users := &Table{Name: "users"}
	users.AddField(&Field{Name: "id", Type: UUID})
	posts := &Table{Name: "posts"}
	for _, field := range []*Field{
		{Name: "id", Type: UUID},
		{Name: "title", Type: Text},
		{Name: "slug", Type: Text, Unique: true, Index: true},
		{Name: "rank", Type: Int, Index: true},
		{Name: "author_id", RefName: "author", Ref: users, Type: UUID},
		{Name: "editor_id", RefName: "editor", Ref: users, Type: UUID},
		{Name: "owner_id", RefName: "owner", Ref: users, Type: UUID},
	} {
		posts.AddField(field)
	}
	users.AddRelation(&Relation{Name: "owned", From: users, To: posts, Field: posts.Field("owner_id"), Many: true})
	posts.Indexes = [][]*Field{
		{posts.Field("editor_id"), posts.Field("title")},
		{posts.Field("owner_id"), posts.Field("rank")},
		{posts.Field("author_id")},
	}
	posts.Unique = [][]*Field{{posts.Field("slug")}, {posts.Field("rank"), posts.Field("slug")}}
	return posts
}

func TestIndexed(t *testing.T) {
	posts := indexedTable()
	want := map[string]bool{
		"rank":     true, // declared
		"owner_id": true, // a relation leads back, although an index starts with it
	}
	for _, field := range posts.Fields {
		if got := field.Indexed(); got != want[field.Name] {
			t.Errorf("Indexed of %s = %v, want %v", field.Name, got, want[field.Name])
		}
	}
	posts.Indexes = posts.Indexes[:2]
	if !posts.Field("author_id").Indexed() {
		t.Error("a reference that no index starts with has no index")
	}
}

func TestInIndex(t *testing.T) {
	posts := indexedTable()
	posts.AddField(&Field{Name: "body", Type: Text})
	for _, field := range posts.Fields {
		if got, want := field.InIndex(), field.Name != "body"; got != want {
			t.Errorf("InIndex of %s = %v, want %v", field.Name, got, want)
		}
	}
}

func TestCombinations(t *testing.T) {
	posts := indexedTable()
	for _, tt := range []struct {
		name string
		got  [][]*Field
		want []string
	}{
		{"unique", posts.UniqueFields(), []string{"slug", "rank slug"}},
		{"indexed", posts.IndexedFields(), []string{"rank", "owner_id", "editor_id title", "owner_id rank", "author_id"}},
	} {
		var got []string
		for _, fields := range tt.got {
			var names []string
			for _, field := range fields {
				names = append(names, field.Name)
			}
			got = append(got, strings.Join(names, " "))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestIndexRoom(t *testing.T) {
	posts := indexedTable()
	texts, bytes := IndexRoom([]*Field{posts.Field("title"), posts.Field("rank"), posts.Field("slug")})
	if want := 2704 - 16 - 16 - 2*7; len(texts) != 2 || bytes != want {
		t.Errorf("IndexRoom = %d texts, %d bytes, want 2 and %d", len(texts), bytes, want)
	}
}
