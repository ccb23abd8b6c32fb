package migrate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// journey is a change that does much at once.
type journey struct {
	name          string
	before, after string
	rows          []string // table, then members as JSON
	drops         []string
}

func journeys() []journey {
	return []journey{{
		name: "conversions and drops",
		before: `
  teams: {key: int, fields: {name: {type: text}, code: {type: text, optional: true}}}
  posts:
    key: int
    fields:
      title: {type: text}
      rank: {type: int, index: true}
      note: {type: text, optional: true}
      team_id: {type: text, optional: true}
      a: {type: text}
      b: {type: int}
      state: {type: enum, values: [x, "it's, y"]}
    unique: [[a, rank]]
  tags: {key: int, fields: {post: {ref: posts, on_delete: cascade}, former: {type: text}}}
  gone: {key: int, fields: {post: {ref: posts}}}
`,
		after: `
  teams: {key: text, fields: {name: {type: text, unique: true}, code: {type: text, default: "'none'"}}}
  posts:
    key: int
    fields:
      title: {type: text, index: true}
      rank: {type: text}
      team: {ref: teams, optional: true, on_delete: clear, reverse: posts}
      b: {type: text, was: a}
      a: {type: int, was: b}
      state: {type: enum, values: [{name: z, was: x}, "it's, y"]}
      at: {type: timestamp, default: now}
    unique: [[b, rank]]
  labels: {was: tags, key: int, fields: {post: {ref: posts}, fresh: {ref: news, optional: true}}}
  news: {key: int, fields: {tag: {ref: labels, optional: true, on_delete: cascade}}}
`,
		rows: []string{`teams {"id": 1, "name": "one"}`, `teams {"id": 2, "name": "two", "code": "c"}`,
			`posts {"id": 1, "title": "t", "rank": 5, "note": "n", "team_id": "1", "a": "aa", "b": 7, "state": "x"}`,
			`posts {"id": 2, "title": "t", "rank": 6, "team_id": "2", "a": "aa", "b": 7, "state": "it's, y"}`,
			`posts {"id": 3, "title": "t", "rank": 7, "a": "", "b": -7, "state": "x"}`,
			`tags {"id": 1, "post_id": 2, "former": "o"}`, `gone {"id": 1, "post_id": 3}`},
		drops: []string{"posts.note", "tags.former", "gone"},
	}, {
		name: "swaps and constraints",
		before: `
  p: {key: int, fields: {a: {type: text, index: true}, n: {type: int, optional: true}, price: {type: decimal, precision: 6, scale: 3}}}
  q:
    key: int
    fields:
      b: {type: int, unique: true}
      p: {ref: p, optional: true, on_delete: clear, reverse: qs}
      q: {ref: q, optional: true, on_delete: clear}
      day: {type: date, optional: true}
`,
		after: `
  q: {was: p, key: int, fields: {a: {type: text, index: true}, n: {type: int, default: 3, unique: true}, price: {type: decimal, precision: 4, scale: 1}, q: {ref: p, optional: true, on_delete: clear}}}
  p:
    was: q
    key: int
    fields:
      b: {type: int, index: true}
      p: {ref: q, optional: true, on_delete: cascade}
      q: {ref: p, optional: true, on_delete: restrict}
      day: {type: timestamp, optional: true, index: true}
    unique: [[p, b]]
`,
		rows: []string{`p {"id": 1, "a": "x", "price": "1.500"}`, `p {"id": 2, "a": "y", "n": 2, "price": "-7"}`, `q {"id": 7, "b": 5, "p_id": 1, "day": "2026-02-03"}`,
			`q {"id": 8, "b": 6, "p_id": 1, "q_id": 7}`, `q {"id": 9, "b": 7}`},
	}, {
		name:   "two become required",
		before: `  teams: {key: int, fields: {name: {type: text, optional: true}, code: {type: int, optional: true}}}` + "\n",
		after:  `  teams: {key: int, fields: {name: {type: text, default: "'none'"}, code: {type: int, default: 7}}}` + "\n",
		rows:   []string{`teams {"id": 1}`, `teams {"id": 2, "name": "two"}`, `teams {"id": 3, "name": "three", "code": 3}`},
	}, {
		name: "keys",
		before: `
  a: {key: text, fields: {n: {type: int, index: true}}}
  b: {key: int, fields: {a: {ref: a}, b: {ref: b, optional: true, on_delete: clear}}}
  c: {key: text, fields: {b: {ref: b, on_delete: cascade}}}
`,
		after: `
  b: {was: a, key: int, fields: {n: {type: int, index: true}}}
  a: {was: b, key: text, fields: {a: {ref: b}, b: {ref: a, optional: true, on_delete: clear}}}
  c: {key: uuid, fields: {b: {ref: a, on_delete: cascade}}}
`,
		rows: []string{`a {"id": "1", "n": 5}`, `a {"id": "-20", "n": 5}`, `b {"id": 7, "a_id": "1"}`, `b {"id": 8, "a_id": "-20", "b_id": 7}`,
			`c {"id": "018f0000-0000-7000-8000-0000000000A1", "b_id": 8}`, `c {"id": "018f0000-0000-7000-8000-0000000000a2", "b_id": 7}`},
	}}
}

func (j journey) options() migrate.Options {
	o := allow(j.drops...)
	o.Now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC) }
	return o
}

// start opens a database with the former model and the rows.
func (j journey) start(t *testing.T, db store.DB) {
	t.Helper()
	old := load(t, j.before)
	mustApply(t, db, old, migrate.Options{})
	for _, row := range j.rows {
		table, members, _ := strings.Cut(row, " ")
		insert(t, db, old.Model.Table(table), members)
	}
}

// picture is all rows of all tables of a model.
func picture(t *testing.T, db store.DB, m *model.Model) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, table := range m.Tables {
		all[table.Name] = rows(t, db, table)
	}
	return all
}

// whole looks whether a database is wholly of a model, and holds these rows.
func whole(t *testing.T, eng modeltest.Engine, db store.DB, source string, want map[string]string) {
	t.Helper()
	m := load(t, source).Model
	w := &walk{t: t, e: eng, db: db, is: &world{}}
	if w.model() != string(snapshot.Encode(m)) {
		t.Error("the stored model is another")
	}
	if drift, err := migrate.Verify(context.Background(), db); err != nil || len(drift) > 0 {
		t.Errorf("Verify = %s, %v", strings.Join(drift, "\n"), err)
	}
	if diff := cmp.Diff(want, picture(t, db, m)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if left := w.left(); left != "" {
		t.Error(left)
	}
}

// run makes the journey without a halt, and returns how many statements it takes and what comes of it.
func (j journey) run(t *testing.T, eng modeltest.Engine) (statements []string, want map[string]string) {
	t.Helper()
	db, after, options := eng.Empty(t), load(t, j.after), j.options()
	j.start(t, db)
	options.OnStatement(func(sql string) error {
		statements = append(statements, sql)
		return nil
	})
	mustApply(t, db, after, options)
	want = picture(t, db, after.Model)
	whole(t, eng, db, j.after, want)
	return statements, want
}

// TestInterruptedAnywhere ends a change before each of its statements, and starts again, with the new model and with the
// former one.
func TestInterruptedAnywhere(t *testing.T) {
	effort.SkipRaced(t)
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		for _, journey := range journeys() {
			t.Run(journey.name, func(t *testing.T) {
				statements, want := journey.run(t, eng)
				for n := range statements {
					if skipped(eng, n, len(statements)) {
						continue
					}
					journey.interrupt(t, eng, n, want, false)
					if eng.Name != "SQLite" {
						journey.interrupt(t, eng, n, want, true)
					}
					if t.Failed() {
						t.Fatalf("interrupted before statement %d:\n%s", n, statements[n])
					}
				}
			})
		}
	})
}

// skipped returns true for statements without an interruption in a short run: on PostgreSQL each takes two databases. Before
// the last of them most of what is after the switch is done, and must not be done again.
func skipped(e modeltest.Engine, n, all int) bool {
	return !effort.Nightly() && e.Name != "SQLite" && n%20 != 17 && n != all-1
}

// interrupt ends the journey before its nth statement, and looks at both ways from there.
func (j journey) interrupt(t *testing.T, eng modeltest.Engine, n int, want map[string]string, kill bool) {
	t.Helper()
	db, old, after := eng.Empty(t), load(t, j.before), load(t, j.after)
	defer db.Close()
	j.start(t, db)
	was := picture(t, db, old.Model)
	halt := func() error {
		at, options := -1, j.options()
		options.OnStatement(func(string) error {
			if at++; at != n {
				return nil
			}
			if kill {
				return killMigrator(db)
			}
			return errInterrupted
		})
		_, err := migrate.Apply(context.Background(), db, after, options)
		return err
	}
	if err := halt(); err == nil || (!kill && !errors.Is(err, errInterrupted)) {
		t.Fatalf("Apply = %v, want that it is interrupted", err)
	}
	w := &walk{t: t, e: eng, db: db, is: &world{}}
	if w.model() == string(snapshot.Encode(old.Model)) {
		if result, err := migrate.Apply(context.Background(), db, old, j.options()); err != nil || len(result.Applied) > 0 {
			t.Fatalf("Apply of the former model = %+v, %v, want nothing but that it is resumed", result, err)
		}
		whole(t, eng, db, j.before, was)
		if err := halt(); err == nil {
			t.Fatal("Apply came to its end")
		}
	}
	if _, err := migrate.Apply(context.Background(), db, after, j.options()); err != nil {
		t.Fatalf("Apply after it was interrupted: %v", err)
	}
	whole(t, eng, db, j.after, want)
	if err := db.Read(context.Background(), func(r store.Reader) error { return migrate.Unfinished(r) }); err != nil {
		t.Error(err)
	}
}
