package record

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const scopesModel = `
ashlar: 1
name: scopes
tables:
  authors:
    key: int
    fields: {name: {type: text, max: 50}}
    access: {read: true, write: true}
  books:
    key: int
    fields:
      title:  {type: text, max: 50}
      pages:  {type: int, optional: true}
      author: {ref: authors, reverse: books, optional: true}
      price:  {type: int, optional: true, write: price < 10}
      extra:  {type: json, optional: true}
    access: {read: author == null || author.name != 'hidden', write: author == null || author.name != 'closed'}
  reviews:
    key: int
    fields:
      book: {ref: books, reverse: reviews}
      text: {type: text, max: 50}
    access: {read: true, write: true}
views:
  totals:
    key: int
    reads: [books]
    query: SELECT id, pages FROM books
    fields: {pages: {type: int, optional: true}}
    access: {read: true}
`

// withScopes returns a key that may do some operations on some tables.
func withScopes(tables map[string]caller.Operations) caller.Caller {
	return caller.Service(caller.Identity{ID: "robot", Scopes: &caller.Scopes{Tables: tables}})
}

// openScopes fills the tables of scopesModel.
func openScopes(t *testing.T, db *DB) (authors, books, reviews, totals *model.Table) {
	t.Helper()
	must(t, db, system, "authors", `{"id":1,"name":"Ann"}`)
	must(t, db, system, "authors", `{"id":2,"name":"closed"}`)
	must(t, db, system, "books", `{"id":1,"title":"One","author_id":1,"pages":10}`)
	must(t, db, system, "books", `{"id":2,"title":"Two","author_id":2}`)
	must(t, db, system, "reviews", `{"id":1,"book_id":1,"text":"good"}`)
	find := db.rules.Model.Table
	return find("authors"), find("books"), find("reviews"), find("totals")
}

// checkScope reports an error that is no refusal naming the missing scope. want is "" if the operation is allowed.
func checkScope(t *testing.T, what string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case want != "" && (errs.KindOf(err) != errs.Forbidden || !strings.Contains(err.Error(), "it needs a scope with {"+want+"}")):
		t.Errorf("%s: %v, want a refusal that names %s", what, err, want)
	}
}

func TestScopesBoundOperations(t *testing.T) {
	onEngines(t, scopesModel, func(t *testing.T, db *DB) {
		_, books, _, totals := openScopes(t, db)
		reader := withScopes(map[string]caller.Operations{"books": caller.MayRead})
		writer := withScopes(map[string]caller.Operations{"books": caller.MayRead | caller.MayCreate | caller.MayUpdate | caller.MayDelete})
		empty := withScopes(nil)
		for _, tt := range []struct {
			name                                 string
			who                                  caller.Caller
			list, get, create, update, del, view string
		}{
			{"reader", reader, "", "", "books: create", "books: update", "books: delete", "totals: read"},
			{"writer", writer, "", "", "", "", "", "totals: read"},
			{"empty", empty, "books: read", "books: read", "books: create", "books: update", "books: delete", "totals: read"},
			{"no scopes", caller.Service(caller.Identity{ID: "robot"}), "", "", "", "", "", ""},
		} {
			ctx := t.Context()
			_, err := db.List(ctx, tt.who, books, Query{Limit: 5}, nil)
			checkScope(t, tt.name+" list", err, tt.list)
			_, err = db.Get(ctx, tt.who, books, value.OfInt(1), Selection{}, nil)
			checkScope(t, tt.name+" get", err, tt.get)
			made, err := create(t, db, tt.who, "books", `{"title":"New"}`)
			checkScope(t, tt.name+" create", err, tt.create)
			_, err = db.Update(ctx, tt.who, books, value.OfInt(1), members(t, `{"pages":11}`), nil)
			checkScope(t, tt.name+" update", err, tt.update)
			err = db.Delete(ctx, tt.who, books, made.ID, nil)
			checkScope(t, tt.name+" delete", err, tt.del)
			_, err = db.List(ctx, tt.who, totals, Query{Limit: 5}, nil)
			checkScope(t, tt.name+" view", err, tt.view)
			checkScope(t, tt.name+" Allow", db.Allow(tt.who, books, Create), tt.create)
		}
		if err := db.Allow(writer, totals, Create); errs.KindOf(err) != errs.MethodNotAllowed {
			t.Errorf("a view cannot be written, whatever the scopes: %v", err)
		}
	})
}

// A key reads nothing of a table without a scope for it: not by expansion, selection, filter or size.
func TestScopesBoundReadsThroughRelations(t *testing.T) {
	onEngines(t, scopesModel, func(t *testing.T, db *DB) {
		_, books, _, _ := openScopes(t, db)
		only := withScopes(map[string]caller.Operations{"books": caller.MayRead})
		both := withScopes(map[string]caller.Operations{"books": caller.MayRead, "authors": caller.MayRead, "reviews": caller.MayCreate})
		for _, tt := range []struct {
			query Query
			only  string // what the key for books alone lacks
			both  string // what the key for books and authors lacks
		}{
			{Query{}, "", ""},
			{Query{Filter: "author_id == 1 && pages > 3", Sort: "-pages", Total: true}, "", ""},
			{Query{Filter: "author.name == 'Ann'"}, "authors: read", ""},
			{Query{Filter: "author != null"}, "authors: read", ""},
			{Query{Filter: "author.books.exists(b, b.pages > 3)"}, "authors: read", ""},
			{Query{Filter: "size(reviews) > 0"}, "reviews: read", "reviews: read"},
			{Query{Filter: "reviews.exists(r, true)"}, "reviews: read", "reviews: read"},
			{Query{Filter: "author.books.exists(b, size(b.reviews) > 0)"}, "authors: read", "reviews: read"},
			{Query{Filter: "true || has(author.name)"}, "authors: read", ""},
			{Query{Selection: Selection{Expand: "author"}}, "authors: read", ""},
			{Query{Selection: Selection{Expand: "author.books.reviews"}}, "authors: read", "reviews: read"},
			{Query{Selection: Selection{Fields: "id,author.name"}}, "authors: read", ""},
		} {
			tt.query.Limit = 5
			for range 2 { // the second time the shape is known
				_, err := db.List(t.Context(), only, books, tt.query, nil)
				checkScope(t, "list "+tt.query.Filter+tt.query.Expand+tt.query.Fields, err, tt.only)
				_, err = db.List(t.Context(), both, books, tt.query, nil)
				checkScope(t, "list of both "+tt.query.Filter+tt.query.Expand+tt.query.Fields, err, tt.both)
				_, err = db.List(t.Context(), system, books, tt.query, nil)
				checkScope(t, "list of the system", err, "")
			}
			if tt.query.Filter == "" {
				_, err := db.Get(t.Context(), only, books, value.OfInt(1), tt.query.Selection, nil)
				checkScope(t, "get "+tt.query.Expand+tt.query.Fields, err, tt.only)
			}
		}
	})
}

// A key that only writes gets no rows in answers, and rules consult tables outside of its scopes.
func TestScopesOfAWriter(t *testing.T) {
	onEngines(t, scopesModel, func(t *testing.T, db *DB) {
		_, books, _, _ := openScopes(t, db)
		ingest := withScopes(map[string]caller.Operations{"books": caller.MayCreate | caller.MayUpdate})
		made, err := create(t, db, ingest, "books", `{"title":"Three","author_id":1,"price":5,"extra":{"a":1}}`)
		if err != nil || made.JSON != nil || made.ID.IsNull() || made.Revision == 0 {
			t.Errorf("create = %s %+v, %v, want an id without a row", made.JSON, made, err)
		}
		changed, err := db.Update(t.Context(), ingest, books, made.ID, members(t, `{"pages":3}`), nil)
		if err != nil || changed.JSON != nil {
			t.Errorf("update = %s, %v, want no row", changed.JSON, err)
		}
		if _, err := create(t, db, ingest, "books", `{"title":"Four","author_id":2}`); errs.KindOf(err) != errs.Forbidden {
			t.Errorf("the rule about the author says no, but create = %v", err)
		}
		// The stored value of a protected field stays a secret: sending it is no way to find it out.
		must(t, db, system, "books", `{"id":9,"title":"Nine","price":50}`)
		for _, body := range []string{`{"price":50}`, `{"price":51}`} {
			if _, err := db.Update(t.Context(), ingest, books, value.OfInt(9), members(t, body), nil); errs.KindOf(err) != errs.Forbidden {
				t.Errorf("update with %s = %v, want a refusal", body, err)
			}
		}
		both := withScopes(map[string]caller.Operations{"books": caller.MayRead | caller.MayUpdate})
		if _, err := db.Update(t.Context(), both, books, value.OfInt(9), members(t, `{"price":50}`), nil); err != nil {
			t.Errorf("a key that reads may send the stored value: %v", err)
		}
	})
}

// Whatever a filter or an expansion of generated models touches counts as read: every relation in the compiled tree, found
// by reflection, leads to a table that the scopes must allow.
func TestScopesSeeEveryRelation(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	related := 0
	for i := range worlds {
		data := oracle.New(t, random(i)).Fill(1)
		shapes := shape.NewShapes(data.Rules, data.Model.All())
		for range queries {
			query := ask(data)
			s, err := shapes.Get(shape.Key{Table: query.table, Filter: query.query.Filter, Expand: query.query.Expand, Fields: query.query.Fields, List: true})
			if err != nil {
				continue
			}
			want := map[*model.Table]bool{}
			relationsIn(reflect.ValueOf(s.Filter), want)
			relationsIn(reflect.ValueOf(s.Output.Expansions), want)
			got := map[*model.Table]bool{}
			for _, table := range s.Related {
				got[table] = true
			}
			if !maps.Equal(got, want) {
				t.Fatalf("%+v reads %v, and the scopes see %v", query.query, want, got)
			}
			related += len(want)
		}
	}
	if related < worlds && !effort.Raced {
		t.Errorf("%d related tables: it proves little", related)
	}
}

// relationsIn collects the targets of all relations in a tree of Go values. It does not enter the model.
func relationsIn(v reflect.Value, found map[*model.Table]bool) {
	if !v.IsValid() {
		return
	}
	switch v.Type() {
	case reflect.TypeFor[*model.Relation]():
		if !v.IsNil() {
			found[(*model.Relation)(v.UnsafePointer()).To] = true
		}
		return
	case reflect.TypeFor[*model.Table](), reflect.TypeFor[*model.Field](), reflect.TypeFor[*rule.Row]():
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		relationsIn(v.Elem(), found)
	case reflect.Slice:
		for i := range v.Len() {
			relationsIn(v.Index(i), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			relationsIn(v.Field(i), found)
		}
	}
}
