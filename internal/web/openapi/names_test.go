package openapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

func TestSingular(t *testing.T) {
	for many, want := range map[string]string{
		"occupations": "occupation", "occupation_skills": "occupation_skill", "salaries": "salary", "responsibilities": "responsibility",
		"people": "person", "team_people": "team_person", "movies": "movie", "statuses": "status", "status": "status", "addresses": "address",
		"address": "address", "boxes": "box", "matches": "match", "branches": "branch", "dishes": "dish", "heroes": "hero", "shoes": "shoe",
		"cases": "case", "courses": "course", "houses": "house", "analyses": "analysis", "analysis": "analysis", "news": "news", "data": "data",
		"users": "user", "archives": "archive", "wives": "wife", "s": "s", "as": "as", "gas": "ga", "buses": "bus", "keys": "key", "days": "day",
		"caches": "cache", "types": "type", "indices": "index", "staff": "staff",
	} {
		if got := openapi.Singular(many); got != want {
			t.Errorf("singular(%q) = %q, want %q", many, got, want)
		}
	}
}

// No names of tables give two operations or two schemas one name, in any case of letters.
func TestNamesAreUnique(t *testing.T) {
	model := "ashlar: 1\nname: many\ntables:\n"
	for _, name := range []string{"people", "person", "persons", "person_part", "person_list", "person_create", "a_1", "a1", "problem", "faults", "news", "new", "item_lists", "items"} {
		model += "  " + name + ":\n    fields: {n: {type: int}}\n    access: {read: true, write: true}\n"
	}
	var d struct {
		Components struct {
			Schemas map[string]json.RawMessage
		}
	}
	doc := document(modeltest.Rules(t, model))
	if err := json.Unmarshal(doc, &d); err != nil {
		t.Fatal(err)
	}
	var ids, schemas []string
	for _, o := range operations(t, doc) {
		ids = append(ids, strings.ToLower(strings.Fields(o)[2]))
	}
	for name := range d.Components.Schemas {
		schemas = append(schemas, strings.ToLower(name))
	}
	for what, names := range map[string][]string{"operation": ids, "schema": schemas} {
		slices.Sort(names)
		if once := slices.Compact(slices.Clone(names)); len(once) != len(names) {
			t.Errorf("a name of an %s is there twice: %q", what, names)
		}
	}
	if want := 15*5 - 3 + 0; len(ids) != want { // users have two operations
		t.Errorf("there are %d operations, want %d", len(ids), want)
	}
	if want := 14*5 + 2 + 3; len(schemas) != want {
		t.Errorf("there are %d schemas, want %d", len(schemas), want)
	}
}
