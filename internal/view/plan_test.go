package view

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Both engines merge a client's id, filter and page into the query of a view, so that they use the indexes of its
// tables.
func TestQueriesAreMerged(t *testing.T) {
	m := modeltest.Model(t, `
ashlar: 1
name: plans
tables:
  people: {key: text, fields: {name: {type: text, max: 50, index: true}}}
  works:
    key: text
    fields: {person: {ref: people, reverse: works}, rank: {type: int}}
views:
  lines:
    key: text
    reads: [people, works]
    query: SELECT w.id, w.person_id, w.rank + 1 AS rank, p.name FROM works AS w JOIN people AS p ON p.id = w.person_id
    fields: {person: {ref: people, reverse: lines}, rank: {type: int}, name: {type: text}}
`)
	rules := modeltest.Compile(t, m)
	lines := m.Table("lines")
	filter, _, problems := rules.Filter(lines, "name == 'n7' || name == 'n8'")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	byID := []sqlgen.Key{{Field: lines.ID()}}
	for _, o := range databases(t, m) {
		o.fillPlans(t)
		generator := func() *sqlgen.Generator {
			return &sqlgen.Generator{Dialect: o.db.Dialect(), Rules: rules, System: true}
		}
		get, err := generator().Get(lines, lines.Fields)
		o.served(t, "get", get, err, value.OfText("w5"))
		page, err := generator().List(sqlgen.List{Table: lines, Fields: lines.Fields, Sort: byID, Range: sqlgen.Range{Bound: sqlgen.TupleAfter}})
		o.served(t, "page", page, err, value.OfInt(20), value.OfText("w5"))
		list, err := generator().List(sqlgen.List{Table: lines, Fields: lines.Fields, Filter: filter, Sort: byID})
		o.served(t, "filter", list, err, value.OfInt(20))
		children, err := generator().Children(m.Table("people").Relation("lines"), lines.Fields)
		o.served(t, "way back", children, err, value.OfList([]string{"p1", "p2"}), value.OfInt(100))
	}
}

// fillPlans makes enough rows for a planner to prefer indexes.
func (o opened) fillPlans(t *testing.T) {
	t.Helper()
	numbers, at := "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s)", "0"
	if o.name == "postgres" {
		numbers, at = "generate_series(1, 5000) AS s(n)", "now()"
	}
	o.exec(t,
		"INSERT INTO people (id, name, created_at, updated_at, _rev) SELECT 'p' || n, 'n' || n, "+at+", "+at+", n FROM "+numbers,
		"INSERT INTO works (id, person_id, rank, created_at, updated_at, _rev) SELECT 'w' || n, 'p' || n, n, "+at+", "+at+", n FROM "+numbers,
		"ANALYZE people", "ANALYZE works")
}

// served checks that the statement looks rows up and scans no table.
func (o opened) served(t *testing.T, name string, s *sqlgen.Statement, err error, inputs ...value.Value) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	explain, col, scan := "EXPLAIN QUERY PLAN ", 3, regexp.MustCompile(`SCAN [pw]\b`)
	if o.name == "postgres" {
		explain, col, scan = "EXPLAIN ", 0, regexp.MustCompile(`Seq Scan`)
	}
	var plan strings.Builder
	err = o.db.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(explain+s.SQL, s.Bind(nil, nil, inputs), func(row value.Row) error {
			plan.Write(row.Bytes(col))
			plan.WriteByte('\n')
			return nil
		})
	})
	if err != nil {
		t.Fatalf("%s: %s: %v", o.name, name, err)
	}
	if scan.MatchString(plan.String()) {
		t.Errorf("%s: %s reads whole tables:\n%s", o.name, name, plan.String())
	}
}
