package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// answersModel has a rule and a mask of each kind: about the caller, about roles, about rows of other tables, and about the
// time.
const answersModel = `
ashlar: 1
name: answers
roles: [editor]
tables:
  members:
    key: int
    fields: {user: {type: text}, team: {ref: teams, on_delete: cascade, reverse: members}}
    access: {read: "user == auth.id || 'editor' in auth.roles", write: true}
  teams:
    key: int
    fields: {name: {type: text}, open: {type: bool, default: true}}
    access: {read: "open || members.exists(m, m.user == auth.id)", write: true}
  papers:
    key: int
    fields:
      title: {type: text}
      owner: {type: text}
      stars: {type: int, read: "owner == auth.id || 'editor' in auth.roles"}
      from: {type: timestamp, optional: true}
      team: {ref: teams, optional: true, on_delete: cascade, reverse: papers}
    access: {read: "owner == auth.id || (has(team) && team.open) || 'editor' in auth.roles", write: true}
  plain:
    key: int
    fields: {n: {type: int}}
    access: {read: true, write: true}
  timed:
    key: int
    fields: {at: {type: timestamp}}
    access: {read: at < now, write: true}
views:
  sums:
    key: int
    reads: [plain, teams]
    query: SELECT t.id AS id, t.name AS name, (SELECT count(*) FROM plain AS p WHERE p.n = t.id) AS n FROM teams AS t
    fields: {name: {type: text}, n: {type: int}}
    access: {read: true}
`

// answerQueries are lists of every kind.
var answerQueries = []struct {
	table string
	query Query
}{
	{"papers", Query{}},
	{"papers", Query{Total: true}},
	{"papers", Query{Sort: "-stars,title"}},
	{"papers", Query{Filter: "title == arg.t", Args: map[string]string{"t": "1"}}},
	{"papers", Query{Filter: "title == arg.t", Args: map[string]string{"t": "2"}, Total: true}},
	{"papers", Query{Filter: "has(stars) && stars > arg.n", Args: map[string]string{"n": "1"}}},
	{"papers", Query{Filter: "has(stars) && stars > arg.n", Args: map[string]string{"n": "01"}}},
	{"papers", Query{Filter: "team.name == '1'"}},
	{"papers", Query{Filter: "has(from) && from < now"}},
	{"papers", Query{Selection: Selection{Expand: "team"}}},
	{"papers", Query{Selection: Selection{Expand: "team.members"}, Total: true}},
	{"papers", Query{Selection: Selection{Fields: "title,stars"}}},
	{"teams", Query{Selection: Selection{Expand: "members,papers"}}},
	{"teams", Query{Filter: "papers.exists(p, has(p.stars) && p.stars > 1)"}},
	{"members", Query{}},
	{"plain", Query{}},
	{"plain", Query{Total: true, Sort: "-n"}},
	{"timed", Query{Total: true}},
	{"sums", Query{Total: true}},
	{"sums", Query{Sort: "-n"}},
}

var answerCallers = []caller.Caller{nobody, ann, bob, editor, system}

// answerNodes opens a database as several servers have it open. Each keeps answers.
type answerNodes struct {
	t     testing.TB
	nodes []*DB
	plain *DB // keeps no answers
	other store.DB
	model *model.Model
	short bool // lists are on probation
}

func onAnswerNodes(t *testing.T, test func(t *testing.T, n *answerNodes)) {
	t.Helper()
	onPostgres := modeltest.Postgres(postgres.Config{Readers: 2, Writers: 2})
	for _, tt := range []struct {
		name   string
		engine modeltest.Engine
		short  bool
	}{
		{"SQLite", modeltest.SQLite(sqlite.Config{Readers: 2}), false},
		{"PostgreSQL", onPostgres, false},
		{"PostgreSQL, on probation", onPostgres, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := modeltest.Rules(t, answersModel)
			open := tt.engine.Processes(t)
			n := &answerNodes{t: t, model: rules.Model, other: open(), short: tt.short}
			modeltest.Migrate(t, n.other, rules)
			n.plain = New(open(), rules, Config{})
			for range 2 {
				d := New(open(), rules, Config{Answers: 1 << 20, TagKey: []byte("0123456789abcdef")})
				d.quickVersions = !tt.short // on PostgreSQL, too: as if each list were expensive
				d.leastCost, d.worthwhile = 0, time.Hour
				n.nodes = append(n.nodes, d)
			}
			test(t, n)
		})
	}
}

// A kept answer is what an uncached read answers at that moment, byte for byte: for callers of every class, on two servers,
// while rows are written through both, and by other programs.
func TestOracle_KeptAnswersEqualUncachedOnes(t *testing.T) {
	steps := effort.Cases(5_000, 500_000)
	onAnswerNodes(t, func(t *testing.T, n *answerNodes) {
		random := effort.Seeds(t)(0)
		hits := 0
		first := 0
		for i := range steps {
			if i%100 == 0 { // a few queries are asked again and again
				first = random.IntN(len(answerQueries))
			}
			if random.IntN(30) == 0 {
				n.writeSomething(random)
				continue
			}
			who := answerCallers[random.IntN(len(answerCallers))]
			asked := answerQueries[(first+random.IntN(3))%len(answerQueries)]
			query := asked.query
			query.Limit = 1 + random.IntN(2)*8
			if random.IntN(4) == 0 {
				query.Cursor = n.next(who, asked.table, query)
			}
			if n.compare(i, n.nodes[random.IntN(2)], who, asked.table, query) {
				hits++
			}
		}
		t.Logf("%d of %d steps were answered without a read", hits, steps)
		least := steps / 8
		if n.short {
			least = steps / 40
		}
		if hits < least {
			t.Errorf("%d of %d steps were answered without a read: it proves little", hits, steps)
		}
	})
}

// next returns the cursor of a second page, or "".
func (n *answerNodes) next(who caller.Caller, table string, query Query) string {
	body, err := n.plain.List(context.Background(), who, n.model.Table(table), query, nil)
	if err != nil {
		return ""
	}
	_, rest, _ := bytes.Cut(body, []byte(`,"next":"`))
	cursor, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(cursor)
}

// compare compares the list of a server that keeps answers with the list of one that does not. It reports whether the answer was
// kept.
func (n *answerNodes) compare(i int, d *DB, who caller.Caller, table string, query Query) bool {
	n.t.Helper()
	want, wantErr := n.plain.List(context.Background(), who, n.model.Table(table), query, nil)
	rows := d.As(who)
	defer rows.Done()
	answer, err := rows.Table(n.model.Table(table)).List(context.Background(), query, nil)
	if errs.KindOf(err) != errs.KindOf(wantErr) || !bytes.Equal(answer.JSON, want) {
		n.t.Fatalf("step %d: %s %+v as %v\n  kept %s, %v\n  read %s, %v", i, table, query, who, answer.JSON, err, want, wantErr)
	}
	if err == nil && answer.Tag != d.tags.tag(nil, want) {
		n.t.Fatalf("step %d: %s %+v: the tag is not that of the answer", i, table, query)
	}
	return answer.Shared
}

// writeSomething writes a row through one of the servers, or past all.
func (n *answerNodes) writeSomething(random *rand.Rand) {
	n.t.Helper()
	ctx, small := context.Background(), func() string { return strconv.Itoa(1 + random.IntN(4)) }
	d := n.nodes[random.IntN(2)]
	owner := []caller.Caller{ann, bob}[random.IntN(2)]
	id, _ := owner.ID()
	body := map[string]string{
		"teams":   fmt.Sprintf(`{"name":%q,"open":%t}`, small(), random.IntN(2) == 0),
		"members": fmt.Sprintf(`{"user":%q,"team_id":%s}`, id, small()),
		"papers":  fmt.Sprintf(`{"title":%q,"owner":%q,"stars":%s,"team_id":%s}`, small(), id, small(), small()),
		"plain":   fmt.Sprintf(`{"n":%s}`, small()),
		"timed":   `{"at":"2020-01-01T00:00:00Z"}`,
	}
	table := []string{"teams", "members", "papers", "plain", "timed"}[random.IntN(5)]
	t, key := n.model.Table(table), value.OfInt(int64(1+random.IntN(8)))
	var err error
	switch random.IntN(6) {
	case 0, 1:
		if int(n.count(table)) < 12 {
			_, err = d.Create(ctx, system, t, members(n.t, body[table]))
		}
	case 2, 3:
		_, err = d.Update(ctx, system, t, key, members(n.t, body[table]), nil)
	case 4:
		err = d.Delete(ctx, system, t, key, nil)
	default:
		n.writeBeside(`UPDATE plain SET n = n + 1 WHERE id = 1`)
	}
	if err != nil && !errors.As(err, new(*errs.Error)) {
		n.t.Fatal(err)
	}
}

// writeBeside changes rows like another program: on PostgreSQL a trigger notices it, on SQLite the engine.
func (n *answerNodes) writeBeside(sql string) {
	n.t.Helper()
	err := n.other.Write(context.Background(), func(tx store.Tx) error {
		if _, err := tx.Exec(sql, nil); err != nil {
			return err
		}
		if n.other.Dialect() != sqlgen.SQLite {
			tx.MarkChanged("plain") // sessions of our own have no trigger
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *answerNodes) count(table string) (rows int64) {
	err := n.other.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(`SELECT count(*) FROM "`+table+`"`, nil, func(row value.Row) error { rows = row.Int(0); return nil })
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return rows
}

// Whoever has written a row sees it in the next list on any server, while others write and read as fast as they can.
func TestKeptAnswersAreNeverOlderThanAWrite(t *testing.T) {
	rounds := effort.Cases(60, 2000)
	onAnswerNodes(t, func(t *testing.T, n *answerNodes) {
		const clients = 6
		plain := n.model.Table("plain")
		ids := make([]value.Value, clients)
		for i := range ids {
			row, err := n.plain.Create(t.Context(), system, plain, members(t, `{"n":0}`))
			if err != nil {
				t.Fatal(err)
			}
			ids[i] = row.ID
		}
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				for round := range rounds {
					writer, reader := n.nodes[(client+round)%2], n.nodes[round/2%2]
					if _, err := writer.Update(t.Context(), system, plain, ids[client], members(t, fmt.Sprintf(`{"n":%d}`, round)), nil); err != nil {
						t.Error(err)
						return
					}
					body, err := reader.List(t.Context(), ann, plain, Query{Limit: 30}, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if want := fmt.Sprintf(`{"id":%d,"n":%d`, ids[client].Int, round); !bytes.Contains(body, []byte(want)) {
						t.Errorf("client %d, round %d: %s has no %s", client, round, body, want)
						return
					}
				}
			})
		}
		all.Wait()
	})
}
