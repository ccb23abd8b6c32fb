package migrate_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const before = `
  teams: {key: int, fields: {name: {type: text}}}
  posts:
    key: int
    fields:
      title: {type: text}
      rank: {type: int}
`

func fill(t *testing.T, db store.DB, m *model.Model) {
	t.Helper()
	insert(t, db, m.Table("posts"), `{"id": 1, "title": "a", "rank": 1}`)
	insert(t, db, m.Table("posts"), `{"id": 2, "title": "b", "rank": 1}`)
}

func TestNewDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db, rules := eng.Empty(t), load(t, before)
		if p, err := migrate.NewPlan(context.Background(), db, rules, migrate.Options{}); err != nil || !p.IsNew() {
			t.Errorf("Make = %v, %v, want a new database", p, err)
		}
		if got := mustApply(t, db, rules, migrate.Options{}); !got.Created || got.Applied != nil {
			t.Errorf("Apply = %+v, want created", got)
		}
		fill(t, db, rules.Model)
		if got := mustApply(t, db, rules, migrate.Options{}); got.Created || got.Applied != nil {
			t.Errorf("the second Apply = %+v, want nothing", got)
		}
		if p, err := migrate.NewPlan(context.Background(), db, rules, migrate.Options{}); err != nil || p.IsNew() || len(p.Steps) > 0 || len(p.Changes) > 0 {
			t.Errorf("Make = %+v, %v, want nothing to do", p, err)
		}
		if history, err := migrate.History(context.Background(), db); err != nil || len(history) != 1 || history[0].State != migrate.Done {
			t.Errorf("History = %+v, %v, want the making of the database", history, err)
		}
	})
}

// change is an edit of the model and what becomes of the rows.
type change struct {
	name   string
	before string
	rows   []string // table, then members as JSON, by a blank
	after  string
	allow  []string
	want   map[string]string // rows by table
}

func changes() []change {
	const posts = `
  posts:
    key: int
    fields:
      `
	two := []string{`posts {"id": 1, "a": "x", "b": "y"}`, `posts {"id": 2, "a": "z"}`}
	ab := posts + "a: {type: text}\n      b: {type: text, optional: true}\n"
	return []change{
		{"optional field", ab, two, ab + "      c: {type: int, optional: true, index: true}\n", nil,
			map[string]string{"posts": `1 "x" "y" null` + "\n" + `2 "z" null null`}},
		{"required field with a default", ab, two, ab + "      c: {type: decimal, precision: 6, scale: 2, default: 1.5}\n      d: {type: bool, default: true}\n", nil,
			map[string]string{"posts": `1 "x" "y" "1.50" true` + "\n" + `2 "z" null "1.50" true`}},
		{"a rename that is no drop", ab, two, posts + "a: {type: text}\n      c: {type: text, optional: true, was: b}\n", nil,
			map[string]string{"posts": `1 "x" "y"` + "\n" + `2 "z" null`}},
		{"two fields change places", ab, two, posts + "b: {type: text, was: a}\n      a: {type: text, optional: true, was: b}\n", nil,
			map[string]string{"posts": `1 "x" "y"` + "\n" + `2 "z" null`}},
		{"a table is renamed", ab, two, strings.Replace(ab, "  posts:", "  articles:\n    was: posts", 1), nil,
			map[string]string{"articles": `1 "x" "y"` + "\n" + `2 "z" null`}},
		{"two tables change places", "  p: {key: int, fields: {a: {type: text, index: true}}}\n  q: {key: int, fields: {b: {type: int, unique: true}, p: {ref: p, optional: true, on_delete: clear}}}",
			[]string{`p {"id": 1, "a": "x"}`, `q {"id": 7, "b": 5, "p_id": 1}`},
			"  q: {was: p, key: int, fields: {a: {type: text, index: true}}}\n  p: {was: q, key: int, fields: {b: {type: int, unique: true}, p: {ref: q, optional: true, on_delete: clear}}}", nil,
			map[string]string{"q": `1 "x"`, "p": "7 5 1"}},
		{"a dropped field", ab, two, posts + "a: {type: text}\n", []string{"posts.b"},
			map[string]string{"posts": `1 "x"` + "\n" + `2 "z"`}},
		{"a dropped table", ab + "  tags: {key: int, fields: {p: {ref: posts}}}", append(two, `tags {"id": 1, "p_id": 2}`), ab, []string{"tags"},
			map[string]string{"posts": `1 "x" "y"` + "\n" + `2 "z" null`}},
		{"int to text", posts + "n: {type: int, index: true}", []string{`posts {"id": 1, "n": 5}`, `posts {"id": 2, "n": -7}`}, posts + "n: {type: text, index: true}", nil,
			map[string]string{"posts": `1 "5"` + "\n" + `2 "-7"`}},
		{"int to text, in tables with names of one letter", "  c: {key: int, fields: {n: {type: int}}}\n  t: {key: int, fields: {n: {type: int}}}\n  v: {key: int, fields: {n: {type: int}}}\n",
			[]string{`c {"id": 1, "n": 5}`, `c {"id": 2, "n": 6}`, `t {"id": 1, "n": 5}`, `t {"id": 2, "n": 6}`, `v {"id": 1, "n": 5}`, `v {"id": 2, "n": 6}`},
			"  c: {key: text, fields: {n: {type: text}}}\n  t: {key: int, fields: {n: {type: text}}}\n  v: {key: int, fields: {n: {type: text}}}\n", nil,
			map[string]string{"c": `"1" "5"` + "\n" + `"2" "6"`, "t": `1 "5"` + "\n" + `2 "6"`, "v": `1 "5"` + "\n" + `2 "6"`}},
		{"text to int, with another name and required", posts + "n: {type: text, optional: true}", []string{`posts {"id": 1, "n": "5"}`, `posts {"id": 2}`},
			posts + "m: {type: int, was: n, default: 3, unique: true}", nil,
			map[string]string{"posts": "1 5\n2 3"}},
		{"more decimals", posts + "n: {type: decimal, precision: 4, scale: 1}", []string{`posts {"id": 1, "n": "2.5"}`}, posts + "n: {type: decimal, precision: 9, scale: 3}", nil,
			map[string]string{"posts": `1 "2.500"`}},
		{"fewer decimals", posts + "n: {type: decimal, precision: 9, scale: 3}", []string{`posts {"id": 1, "n": "2.500"}`}, posts + "n: {type: decimal, precision: 4, scale: 1}", nil,
			map[string]string{"posts": `1 "2.5"`}},
		{"more digits", posts + "n: {type: decimal, precision: 4, scale: 1}", []string{`posts {"id": 1, "n": "2.5"}`}, posts + "n: {type: decimal, precision: 9, scale: 1}", nil,
			map[string]string{"posts": `1 "2.5"`}},
		{"fewer digits", posts + "n: {type: decimal, precision: 9, scale: 1}", []string{`posts {"id": 1, "n": "2.5"}`}, posts + "n: {type: decimal, precision: 4, scale: 1}", nil,
			map[string]string{"posts": `1 "2.5"`}},
		{"a value more", posts + "s: {type: enum, values: [a, b]}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: enum, values: [a, b, c]}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"a value that is renamed, and one less", posts + "s: {type: enum, values: [a, b, c], index: true}", []string{`posts {"id": 1, "s": "a"}`, `posts {"id": 2, "s": "b"}`},
			posts + "s: {type: enum, values: [{name: z, was: a}, b], index: true}", nil,
			map[string]string{"posts": `1 "z"` + "\n" + `2 "b"`}},
		{"values in another order", posts + "s: {type: enum, values: [a, b]}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: enum, values: [b, a]}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"text to enum", posts + "s: {type: text}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: enum, values: [a]}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"enum to text", posts + "s: {type: enum, values: [a]}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: text}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"required", posts + "s: {type: text, optional: true}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: text}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"required, with a default for those without", posts + "s: {type: text, optional: true}", []string{`posts {"id": 1, "s": "a"}`, `posts {"id": 2}`},
			posts + "s: {type: text, default: '\"it''s\"'}", nil, map[string]string{"posts": `1 "a"` + "\n" + `2 "it's"`}},
		{"optional", posts + "s: {type: text}", []string{`posts {"id": 1, "s": "a"}`}, posts + "s: {type: text, optional: true}", nil,
			map[string]string{"posts": `1 "a"`}},
		{"a field becomes a reference", posts + "a_id: {type: int}\n  tags: {key: int}", []string{`tags {"id": 4}`, `posts {"id": 1, "a_id": 4}`},
			posts + "a: {ref: tags, on_delete: cascade}\n  tags: {key: int}", nil, map[string]string{"posts": "1 4", "tags": "4"}},
		{"a reference is one no more", posts + "a: {ref: tags}\n  tags: {key: int}", []string{`tags {"id": 4}`, `posts {"id": 1, "a_id": 4}`},
			posts + "a_id: {type: int}\n  tags: {key: int}", nil, map[string]string{"posts": "1 4", "tags": "4"}},
		{"on_delete", posts + "a: {ref: tags, optional: true}\n  tags: {key: int}", []string{`tags {"id": 4}`, `posts {"id": 1, "a_id": 4}`},
			posts + "a: {ref: tags, optional: true, on_delete: clear}\n  tags: {key: int}", nil, map[string]string{"posts": "1 4", "tags": "4"}},
		{"a required reference with a default", posts + "s: {type: text}\n  tags: {key: text}", []string{`tags {"id": "t"}`, `posts {"id": 1, "s": "a"}`},
			posts + "s: {type: text}\n      tag: {ref: tags, default: \"'t'\", reverse: posts, on_delete: cascade}\n  tags: {key: text}", nil,
			map[string]string{"posts": `1 "a" "t"`}},
		{"another key", posts + "up: {ref: posts, optional: true, on_delete: clear}\n  tags: {key: int, fields: {post: {ref: posts, on_delete: cascade}, n: {type: int}}, unique: [[post, n]]}",
			[]string{`posts {"id": 1}`, `posts {"id": 2, "up_id": 1}`, `tags {"id": 9, "post_id": 2, "n": 3}`},
			"  posts:\n    key: text\n    fields:\n      up: {ref: posts, optional: true, on_delete: clear}\n  tags: {key: int, fields: {post: {ref: posts, on_delete: cascade}, n: {type: int}}, unique: [[post, n]]}", nil,
			map[string]string{"posts": `"1" null` + "\n" + `"2" "1"`, "tags": `9 "2" 3`}},
		{"unique, and a new table that refers here", ab, two, ab + "    unique: [[a, b]]\n  notes: {fields: {post: {ref: posts}, up: {ref: notes, optional: true, on_delete: clear}}}", nil,
			map[string]string{"posts": `1 "x" "y"` + "\n" + `2 "z" null`, "notes": ""}},
		{"a new field takes the name of a renamed one", ab, two, posts + "c: {type: text, was: a}\n      b: {type: text, optional: true}\n      d: {type: text, default: \"'n'\"}\n", nil,
			map[string]string{"posts": `1 "x" "y" "n"` + "\n" + `2 "z" null "n"`}},
		{"date to timestamp", posts + "d: {type: date}", []string{`posts {"id": 1, "d": "2026-02-03"}`}, posts + "d: {type: timestamp}", nil,
			map[string]string{"posts": `1 "2026-02-03T00:00:00.000000Z"`}},
		{"text to uuid", posts + "d: {type: text}", []string{`posts {"id": 1, "d": "018f0000-0000-7000-8000-0000000000A1"}`}, posts + "d: {type: uuid, unique: true}", nil,
			map[string]string{"posts": `1 "018f0000-0000-7000-8000-0000000000a1"`}},
	}
}

func TestChanges(t *testing.T) {
	for _, tt := range changes() {
		t.Run(tt.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, e modeltest.Engine) { tt.run(t, e) })
		})
	}
}

func (tt change) run(t *testing.T, eng modeltest.Engine) {
	db, old, rules := eng.Empty(t), load(t, tt.before), load(t, tt.after)
	mustApply(t, db, old, migrate.Options{})
	for _, row := range tt.rows {
		table, members, _ := strings.Cut(row, " ")
		insert(t, db, old.Model.Table(table), members)
	}
	if tt.allow != nil {
		_, err := migrate.Apply(context.Background(), db, rules, anything)
		if h, ok := errors.AsType[*migrate.HazardError](err); !ok || cmp.Diff(tt.allow, h.Drops) != "" {
			t.Fatalf("Apply without leave to drop %v = %v", tt.allow, err)
		}
	}
	mustApply(t, db, rules, allow(tt.allow...))
	for table, want := range tt.want {
		if want == "" {
			continue
		}
		if diff := cmp.Diff(want, rows(t, db, rules.Model.Table(table))); diff != "" {
			t.Errorf("rows of %s (-want +got):\n%s", table, diff)
		}
	}
	sameAsFresh(t, eng, db, rules)
	if p, err := migrate.NewPlan(context.Background(), db, rules, migrate.Options{}); err != nil || len(p.Steps)+len(p.Changes) > 0 {
		t.Errorf("a second plan = %+v, %v, want nothing", p, err)
	}
}

func TestPostgresNodesTogether(t *testing.T) {
	url := pgtest.URL(t)
	rules := load(t, before)
	var mu sync.Mutex
	created := 0
	var wg sync.WaitGroup
	for range 5 {
		db := openPostgres(t, url)
		wg.Go(func() {
			result, err := migrate.Apply(context.Background(), db, rules, migrate.Options{})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if result.Created {
				created++
			}
		})
	}
	wg.Wait()
	if created != 1 {
		t.Errorf("%d nodes made the tables, want 1", created)
	}
}

// TestReferenceToReplacedTable refuses rows that refer to a dropped table whose name another table takes over: their ids
// mean nothing there.
func TestReferenceToReplacedTable(t *testing.T) {
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := eng.Empty(t)
		before := load(t, "  a: {key: int}\n  b: {key: int}\n  posts: {key: int, fields: {x: {ref: b}}}\n")
		after := load(t, "  b: {was: a, key: int}\n  posts: {key: int, fields: {x: {ref: b}}}\n")
		mustApply(t, db, before, migrate.Options{})
		insert(t, db, before.Model.Table("b"), `{"id": 2}`)
		insert(t, db, before.Model.Table("posts"), `{"id": 1, "x_id": 2}`)
		options := migrate.Options{Hazards: plan.Rewrites | plan.Breaks, Allow: []string{"b"}, By: "a test"}
		result, err := migrate.Apply(context.Background(), db, after, options)
		if faults, ok := errors.AsType[model.Faults](err); !ok || !strings.Contains(faults.Error(), "they refer to rows of b that are not there") {
			t.Errorf("Apply = %+v, %v, want a fault at the reference", result, err)
		}
		if len(result.Applied) > 0 {
			t.Errorf("Apply changed %v before it refused", result.Applied)
		}
	})
}
