package view

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var (
	agreeSeed  = flag.Uint64("agree.seed", 1, "the seed of the queries that are compared on both engines")
	agreeCount = flag.Int("agree.count", 200, "how many of them")
)

// TestEnginesAgree_Random makes random queries. Check refuses many of them. The others must return the same rows on
// both engines, over rows that expose differences between types and operators.
func TestEnginesAgree_Random(t *testing.T) {
	seeds, count := uint64(1), *agreeCount
	if effort.Nightly() {
		seeds, count = 20, 2000
	}
	for seed := *agreeSeed; seed < *agreeSeed+seeds; seed++ {
		g := &gen{Rand: rand.New(rand.NewPCG(seed, 0))}
		var source strings.Builder
		for i := range count {
			g.view(&source, i)
		}
		compared, rows, _ := compareViews(t, source.String())
		t.Logf("seed %d: %d of %d queries compared, by %d rows", seed, compared, count, rows)
		if compared < count/10 || rows < compared {
			t.Errorf("seed %d: only %d of %d queries were compared, by %d rows", seed, compared, count, rows)
		}
	}
}

// Ordinary views are accepted, and return the same on both engines.
func TestEnginesAgree_Ordinary(t *testing.T) {
	var source strings.Builder
	for i, v := range ordinary {
		fmt.Fprintf(&source, "  o%d:\n    key: int\n    reads: [%s]\n    query: |\n      %s\n    fields: {%s}\n", i, v.reads, v.query, v.fields)
	}
	compared, _, faults := compareViews(t, source.String())
	if compared < len(ordinary) {
		t.Errorf("%d of %d ordinary views are accepted:\n%v", compared, len(ordinary), faults)
	}
}

var tokens = regexp.MustCompile(`\d+\.\d+|\w+|'[^']*'|"[^"]*"|<=|>=|<>|\|\||\S`)

// classes are interchangeable words.
var classes = [...][]string{
	strings.Fields("+ - * / % ||"), strings.Fields("= <> < <= > >="), strings.Fields("AND OR"), strings.Fields("0 1 2 3 7 9 1.5 'a' 'B' NULL '2026-01-01'"),
	strings.Fields("id n m p q r w f g b c at late day eve u v s t e j"), strings.Fields("min max count sum avg abs length lower upper trim"),
	strings.Fields("bigint text double integer date"), strings.Fields("UNION EXCEPT INTERSECT"), strings.Fields("rank dense_rank row_number"),
}

// TestEnginesAgree_Mutated changes random words of ordinary queries. An accepted one is a query for both engines.
func TestEnginesAgree_Mutated(t *testing.T) {
	r := rand.New(rand.NewPCG(*agreeSeed, 1))
	count, models := 3**agreeCount, 1
	if effort.Nightly() {
		count, models = 1000, 4 // a file of a model holds 1 MiB
	}
	words := strings.Fields("NULL TRUE 0 1 -1 2.5 'a' '' DISTINCT ALL NOT ( ) , + - * / % || = < IS IN AND OR AS ON LIMIT 1 OFFSET ORDER BY GROUP DESC NULLS FIRST id user \"s\" -- lower max count UNION")
	for _, v := range ordinary {
		words = append(words, tokens.FindAllString(v.query, -1)...)
	}
	for range models {
		compared, rows, _ := compareViews(t, mutatedViews(r, words, count))
		t.Logf("%d of %d queries compared, by %d rows", compared, count, rows)
		if compared < count/50 {
			t.Errorf("only %d of %d queries were compared", compared, count)
		}
	}
}

// mutatedViews returns count views, each an ordinary one with one or two changed words.
func mutatedViews(r *rand.Rand, words []string, count int) string {
	var source strings.Builder
	for i := range count {
		v := ordinary[r.IntN(len(ordinary))]
		all := tokens.FindAllString(v.query, -1)
		for range 1 + r.IntN(2) {
			switch at := r.IntN(len(all)); r.IntN(8) {
			case 0:
				all = slices.Delete(all, at, at+1)
			case 1:
				all = slices.Insert(all, at, words[r.IntN(len(words))])
			case 2:
				other := r.IntN(len(all))
				all[at], all[other] = all[other], all[at]
			default: // by a word of the same class
				for _, class := range classes {
					if slices.Contains(class, all[at]) {
						all[at] = class[r.IntN(len(class))]
					}
				}
			}
		}
		fields := v.fields
		if fields != "" {
			fields = strings.ReplaceAll(strings.ReplaceAll(fields, "}", ", optional: true}"), "optional: true, optional: true", "optional: true")
		}
		fmt.Fprintf(&source, "  o%d:\n    key: int\n    reads: [%s]\n    query: |\n      %s\n    fields: {%s}\n", i, v.reads, strings.Join(all, " "), fields)
	}
	return source.String()
}

// compareViews runs the accepted views on both engines and returns the numbers of views and rows.
func compareViews(t *testing.T, views string) (compared, rows int, faults model.Faults) {
	t.Helper()
	if !pgtest.Available() {
		t.Skip("PostgreSQL is not installed")
	}
	m := modeltest.Model(t, agreeTables+views)
	dbs := databases(t, m)
	for _, db := range dbs {
		db.exec(t, agreeRows(db.name)...)
	}
	scratch, err := sqlite.OpenScratch(sqlgen.Create(sqlgen.SQLite, m))
	if err != nil {
		t.Fatal(err)
	}
	defer scratch.Close()
	faults, err = Check(m, SQLite(scratch.Describe))
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]bool{}
	for _, fault := range faults {
		refused[viewAt(m, fault.Pos.Line)] = true
	}
	for _, v := range m.Views {
		if !refused[v.Name] {
			compared++
			rows += agree(t, dbs, v)
		}
	}
	return compared, rows, faults
}

func viewAt(m *model.Model, line int) string {
	name := ""
	for _, v := range m.Views {
		if v.Pos.Line <= line {
			name = v.Name
		}
	}
	return name
}

// agree compares the rows of a view on both engines and returns their number.
func agree(t *testing.T, dbs []opened, v *model.Table) int {
	t.Helper()
	var got [2][]string
	var failed [2]error
	for i, db := range dbs {
		got[i], failed[i] = agreeing(db, v)
	}
	for i, err := range failed {
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "overflow") && !strings.Contains(err.Error(), "out of range") {
			t.Errorf("%s fails: %v\n%s", dbs[i].name, err, v.View.SQLite.Text)
		}
		return 0
	}
	if !slices.Equal(got[0], got[1]) {
		for i := range min(len(got[0]), len(got[1])) {
			if got[0][i] != got[1][i] {
				t.Errorf("%s\nsqlite:   %s\npostgres: %s\n(%d and %d rows)", v.View.SQLite.Text, got[0][i], got[1][i], len(got[0]), len(got[1]))
				return 0
			}
		}
		t.Errorf("%s\nsqlite has %d rows, postgres %d", v.View.SQLite.Text, len(got[0]), len(got[1]))
	}
	return len(got[0])
}

func agreeing(db opened, v *model.Table) (rows []string, err error) {
	err = db.db.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(sqlgen.SampleRows(db.db.Dialect(), v, 10_000), nil, func(row value.Row) error {
			var out strings.Builder
			for col, field := range v.Fields {
				out.WriteString(shown(field, row, col) + " ")
			}
			rows = append(rows, out.String())
			return nil
		})
	})
	slices.Sort(rows)
	return rows, err
}

// shown writes a value, a float only with the digits that are independent of the order of a sum.
func shown(field *model.Field, row value.Row, col int) string {
	switch what := value.Verify(field, row, col); {
	case what != "":
		return what
	case field.Type == model.Float && !row.Null(col):
		return strconv.FormatFloat(row.Float(col)+0, 'e', 10, 64)
	}
	return string(value.AppendJSON(nil, field, row, col))
}
