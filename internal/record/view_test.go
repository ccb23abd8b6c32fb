package record

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
)

// A view with all columns, rules and masks of a table answers every query like the table.
func TestViewsMirrorTables(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	var lists, gets, items int
	for i := range worlds {
		data := world(t, random(i))
		s := storeData(t, data)
		m := newMirror(t, s)
		for range queries {
			query := ask(data)
			for _, of := range []string{"v_" + query.table.Name, query.table.Name} { // the view, and the table with its ways back to views
				if table := m.beside.rules.Model.Table(of); table != nil {
					n, found := m.sameLists(t, query, table)
					lists, items = lists+n, items+found
					gets += m.sameGet(t, query, table)
				}
			}
		}
		s.db.Close()
	}
	t.Logf("%d pages and %d rows compared, %d items", lists, gets, items)
	if lists < worlds*queries/4 || gets < worlds*queries/8 || items == 0 {
		t.Errorf("%d pages, %d rows, %d items: the views were asked little", lists, gets, items)
	}
}

// mirror is a world's rows, and the same with a view beside each table.
type mirror struct {
	*stored
	beside *DB
}

func newMirror(t *testing.T, world *stored) *mirror {
	t.Helper()
	source := world.Source
	tables := tablesOf(source)
	for {
		views, names := "views:\n", map[string]bool{}
		for _, table := range tables {
			views += viewOf(table)
			names[table.name] = true
		}
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source + views)})
		if len(faults) > 0 {
			t.Fatalf("%v\n%s", faults, source+views)
		}
		rules, faults := rule.CompileModel(m)
		if len(faults) == 0 {
			return &mirror{world, New(world.db, rules, Config{Now: func() time.Time { return world.Now }})}
		}
		// Rules may ask about rows that refer to the table. No row refers to a view, so views with such rules are left
		// out.
		var sound []declared
		for _, table := range tables {
			v := m.Table("v_" + table.name)
			if !inView(faults, v, m) {
				sound = append(sound, table)
			}
		}
		tables = sound
	}
}

// inView reports whether a fault stands between a view and the next one in the source.
func inView(faults model.Faults, v *model.Table, m *model.Model) bool {
	next := 1 << 30
	for _, other := range m.Views {
		if other.Pos.Line > v.Pos.Line && other.Pos.Line < next {
			next = other.Pos.Line
		}
	}
	for _, f := range faults {
		if f.Pos.Line >= v.Pos.Line && f.Pos.Line < next {
			return true
		}
	}
	return false
}

// declared is a table in the source of a world.
type declared struct {
	name, key, access string
	fields            []string
}

func tablesOf(source string) []declared {
	var all []declared
	for line := range strings.SplitSeq(source[strings.Index(source, "tables:"):], "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		text := strings.TrimSpace(line)
		switch {
		case indent == 2:
			all = append(all, declared{name: strings.TrimSuffix(text, ":")})
		case indent == 6:
			all[len(all)-1].fields = append(all[len(all)-1].fields, text)
		case strings.HasPrefix(text, "key: "):
			all[len(all)-1].key = text
		case strings.HasPrefix(text, "access: "):
			all[len(all)-1].access = text
		}
	}
	return all
}

// viewOf declares the view of all of a table. Its ways back have the names of the table's with v_ before them.
func viewOf(t declared) string {
	columns := []string{"id"}
	fields := "      created_at: {type: timestamp}\n      updated_at: {type: timestamp}\n"
	for i := len(t.fields) - 1; i >= 0; i-- {
		name, _, _ := strings.Cut(t.fields[i], ":")
		if strings.Contains(t.fields[i], "ref: ") {
			name += "_id"
		}
		columns = append(columns, `"`+name+`"`)
		f := strings.NewReplacer(", index: true", "", "reverse: ", "reverse: v_").Replace(t.fields[i])
		fields = "      " + f + "\n" + fields
	}
	columns = append(columns, "created_at", "updated_at")
	query := "SELECT " + strings.Join(columns, ", ") + ` FROM "` + t.name + `" -- all of it`
	return "  v_" + t.name + ":\n    " + t.key + "\n    reads: [" + t.name + "]\n    query: |\n      " + query + "\n    fields:\n" + fields + "    " + t.access + "\n"
}

var wayBack = regexp.MustCompile(`\b(alpha|beta|gamma)_r\d\b`)

// question returns the query with reverse relations of views.
func (q *posed) question() Query {
	query := q.query
	for _, s := range []*string{&query.Filter, &query.Fields, &query.Expand} {
		*s = wayBack.ReplaceAllString(*s, "v_$0")
	}
	return query
}

func unmirror(body string) string { return strings.ReplaceAll(body, `"v_`, `"`) }

// unknown reports whether the view lacks a reverse relation that the query names.
func unknown(err error) bool { return errs.KindOf(err) == errs.Malformed }

func (m *mirror) sameLists(t *testing.T, q *posed, table *model.Table) (pages, items int) {
	t.Helper()
	plain, query := q.query, q.question()
	for {
		want, wantErr := m.rows.List(context.Background(), m.Caller, q.table, plain, nil)
		got, err := m.beside.List(context.Background(), m.Caller, table, query, nil)
		if unknown(err) && !unknown(wantErr) {
			return pages, items
		}
		if wantErr != nil || err != nil {
			if said(nil, wantErr) != said(nil, err) {
				t.Fatalf("%s: the table says %v, its view %v\n%s", q, wantErr, err, m.Source)
			}
			return pages, items
		}
		pages++
		a, b := envelopeOf(t, want), envelopeOf(t, got)
		items += len(a.Items)
		cut := func(body []byte, next *string) string { // the place of the cursor, which names the table
			if next == nil {
				return string(body)
			}
			return strings.Replace(string(body), *next, "", 1)
		}
		if x, y := cut(want, a.Next), unmirror(cut(got, b.Next)); x != y {
			t.Fatalf("%s:\nthe table: %s\nits view:  %s\n%s", q, x, y, m.Source)
		}
		if a.Next == nil {
			return pages, items
		}
		plain.Cursor, query.Cursor = *a.Next, *b.Next
	}
}

func (m *mirror) sameGet(t *testing.T, q *posed, table *model.Table) int {
	t.Helper()
	query := q.question()
	id := idOf(q.table, oracle.ID(q.table, m.IntN(oracle.MaxRows)))
	want, wantErr := m.rows.Get(context.Background(), m.Caller, q.table, id, q.query.Selection, nil)
	got, err := m.beside.Get(context.Background(), m.Caller, table, id, query.Selection, nil)
	if unknown(err) && !unknown(wantErr) {
		return 0
	}
	if x, y := said(want.JSON, wantErr), unmirror(said(got.JSON, err)); x != strings.Replace(y, "row in v_", "row in ", 1) || (table.View != nil && got.Revision != 0) {
		t.Fatalf("get %s %v:\nthe table: %s\nits view:  %s\n%s", q, id, x, y, m.Source)
	}
	return 1
}
