package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

// parse loads a model of one file. It adds the first lines.
func parse(t *testing.T, text string) *model.Model {
	t.Helper()
	app, faults := load.Files(map[string][]byte{model.MainFile: []byte("ashlar: 1\nname: test\n" + text)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return app
}

const before = `
tables:
  teams: {fields: {name: {type: text}}}
  posts:
    fields:
      title: {type: text}
      body: {type: text, optional: true}
      price: {type: decimal, precision: 6, scale: 2}
      state: {type: enum, values: [open, closed]}
      team: {ref: teams, optional: true}
      rank: {type: int, index: true}
    unique: [[title, team]]
    indexes: [[state, rank]]
    access: {read: true}
`

func TestBetween(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit []string // pairs for strings.NewReplacer
		want []string
	}{
		{"nothing", nil, nil},
		{"what changes no table", []string{
			"read: true", "read: rank > 1, write: true",
			"title: {type: text}", "title: {type: text, max: 20, pattern: x, default: \"'a'\", doc: d, immutable: true}",
			"[open, closed]", "[closed, open]",
			"indexes:", "checks: [{expr: rank > 0, message: m}]\n    search: [title]\n    indexes:",
		}, nil},
		{"table added", []string{"  posts:", "  tags: {}\n  posts:"}, []string{"table added: tags"}},
		{"table dropped", []string{"  teams: {fields: {name: {type: text}}}", "", "team: {ref: teams, ", "team: {ref: users, "},
			[]string{"reference changed: posts.team_id: was a reference to teams, is a reference to users", "table dropped: teams"}},
		{"table renamed", []string{"  teams: {", "  groups: {was: teams, ", "ref: teams", "ref: groups"},
			[]string{"table renamed: groups: was teams"}},
		{"key changed", []string{"teams: {", "teams: {key: int, "}, []string{"key changed: teams: was uuid, is int"}},
		{"field added", []string{"rank:", "a: {type: int}\n      b: {type: int, optional: true, unique: true}\n      rank:"},
			[]string{"field added: posts.a: required", "field added: posts.b: optional", "unique added: posts [b]"}},
		{"reference added", []string{"rank:", "owner: {ref: users, optional: true}\n      rank:"},
			[]string{"field added: posts.owner_id: optional", "index added: posts [owner_id]"}},
		{"field dropped", []string{"body: {type: text, optional: true}", ""}, []string{"field dropped: posts.body"}},
		{"field renamed", []string{"title: {", "heading: {was: title, ", "[title, team]", "[heading, team]"},
			[]string{"field renamed: posts.heading: was title, is heading"}},
		{"reference renamed", []string{"team: {", "group: {was: team, ", "[title, team]", "[title, group]"},
			[]string{"field renamed: posts.group_id: was team_id, is group_id"}},
		{"fields change places", []string{"body: {type: text, optional: true}", "body: {was: title, type: text}", "title: {type: text}", "title: {was: body, type: text, optional: true}", "[title, team]", "[body, team]"},
			[]string{"field renamed: posts.title: was body, is title", "field renamed: posts.body: was title, is body"}},
		{"tables change places", []string{"  teams: {", "  teams: {was: posts, ", "  posts:\n", "  posts:\n    was: teams\n"}, []string{
			"table renamed: teams: was posts", "field added: teams.name: required", "field dropped: teams.title", "field dropped: teams.body",
			"field dropped: teams.price", "field dropped: teams.state", "field dropped: teams.team_id", "field dropped: teams.rank",
			"unique dropped: teams [title, team_id]", "index dropped: teams [team_id]", "index dropped: teams [rank]", "index dropped: teams [state, rank]",
			"table renamed: posts: was teams", "field added: posts.title: required", "field added: posts.body: optional",
			"field added: posts.price: required", "field added: posts.state: required", "field added: posts.team_id: optional",
			"field added: posts.rank: required", "field dropped: posts.name",
			"unique added: posts [title, team_id]", "index added: posts [team_id]", "index added: posts [rank]", "index added: posts [state, rank]"}},
		{"renamed, and dropped what had the name", []string{"title: {type: text}", "", "body: {", "title: {was: body, "},
			[]string{"field renamed: posts.title: was body, is title", "field dropped: posts.title", "unique added: posts [title, team_id]", "unique dropped: posts [title, team_id]"}},
		{"type changed", []string{"rank: {type: int", "rank: {type: float"}, []string{"type changed: posts.rank: was int, is float"}},
		{"reference ended", []string{"team: {ref: teams, optional: true}", "team_id: {type: uuid, optional: true}", "[title, team]", "[title, team_id]"},
			[]string{"reference changed: posts.team_id: was a reference to teams, is no reference", "index dropped: posts [team_id]"}},
		{"on_delete", []string{"ref: teams,", "ref: teams, on_delete: clear,"},
			[]string{"on_delete changed: posts.team_id: was restrict, is clear"}},
		{"optional", []string{"title: {", "title: {optional: true, ", "body: {type: text, optional: true}", "body: {type: text}"},
			[]string{"optional changed: posts.title: was required, is optional", "optional changed: posts.body: was optional, is required"}},
		{"precision", []string{"precision: 6", "precision: 8"},
			[]string{"precision or scale changed: posts.price: was precision 6, scale 2, is precision 8, scale 2"}},
		{"values", []string{"[open, closed]", "[open, closed, late]"},
			[]string{`values changed: posts.state: was ["closed" "open"], is ["closed" "late" "open"]`}},
		{"values that look alike", []string{"[open, closed]", `["open, closed"]`},
			[]string{`values changed: posts.state: was ["closed" "open"], is ["open, closed"]`}},
		{"unique", []string{"[[title, team]]", "[[team, title]]"},
			[]string{"unique added: posts [team_id, title]", "unique dropped: posts [title, team_id]", "index dropped: posts [team_id]"}},
		{"index", []string{", index: true", "", "[[state, rank]]", "[[rank], [state]]"},
			[]string{"index added: posts [state]", "index dropped: posts [state, rank]"}},
		{"a reference's own index named again", []string{"[[state, rank]]", "[[state, rank], [team]]"}, nil},
		{"a reference that another index finds", []string{"[[state, rank]]", "[[state, rank], [team, rank]]"},
			[]string{"index added: posts [team_id, rank]", "index dropped: posts [team_id]"}},
		{"a reference that another index finds, with its own", []string{"[[state, rank]]", "[[state, rank], [team, rank], [team]]"},
			[]string{"index added: posts [team_id, rank]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			old, err := snapshot.Decode(snapshot.Encode(parse(t, before)))
			if err != nil {
				t.Fatal(err)
			}
			after := parse(t, strings.NewReplacer(tt.edit...).Replace(before))
			var got []string
			for _, change := range Between(old, after) {
				got = append(got, change.String())
				if change.Pos.Line < 1 {
					t.Errorf("%v has no place", change)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Between (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBetweenReferences(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		want                []string
	}{
		{"another table takes the name of a dropped one",
			"  a: {}\n  b: {}\n  posts: {fields: {x: {ref: b}}}", "  b: {was: a}\n  posts: {fields: {x: {ref: b}}}",
			[]string{"table renamed: b: was a", "reference changed: posts.x_id: was a reference to b, which is dropped, is a reference to b", "table dropped: b"}},
		{"the tables swap their names",
			"  a: {}\n  b: {}\n  posts: {fields: {x: {ref: b}}}", "  b: {was: a}\n  a: {was: b}\n  posts: {fields: {x: {ref: b}}}",
			[]string{"table renamed: b: was a", "table renamed: a: was b", "reference changed: posts.x_id: was a reference to a, is a reference to b"}},
		{"to a renamed table with another key",
			"  a: {}\n  posts: {fields: {x: {ref: a}}}", "  b: {was: a, key: int}\n  posts: {fields: {x: {ref: b}}}",
			[]string{"table renamed: b: was a", "key changed: b: was uuid, is int"}},
		{"to an added table",
			"  a: {}\n  posts: {fields: {x: {ref: a}}}", "  a: {}\n  b: {key: int}\n  posts: {fields: {x: {ref: b}}}",
			[]string{"table added: b", "type changed: posts.x_id: was uuid, is int", "reference changed: posts.x_id: was a reference to a, is a reference to b"}},
		{"in place of a value",
			"  a: {}\n  posts: {fields: {x_id: {type: text, index: true}}}", "  a: {}\n  posts: {fields: {x: {ref: a}}}",
			[]string{"type changed: posts.x_id: was text, is uuid", "reference changed: posts.x_id: was no reference, is a reference to a"}},
		{"a value in place of a reference to a dropped table",
			"  a: {}\n  posts: {fields: {x: {ref: a}}}", "  posts: {fields: {x_id: {type: uuid, index: true}}}",
			[]string{"reference changed: posts.x_id: was a reference to a, is no reference", "table dropped: a"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, change := range Between(parse(t, "tables:\n"+tt.before), parse(t, "tables:\n"+tt.after)) {
				got = append(got, change.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Between (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMatchIgnoresViews(t *testing.T) {
	old := parse(t, "tables:\n  a: {}\nviews:\n  b: {reads: [a], query: SELECT id FROM a}\n")
	added := parse(t, "tables:\n  a: {}\n  b: {}\n")
	if changes := Between(old, added); len(changes) != 1 || changes[0].Kind != TableAdded {
		t.Errorf("Between = %v, want the table b added", changes)
	}
}
