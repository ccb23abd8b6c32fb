package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// How much the property tests generate: worlds, and queries of each.
func volume() (worlds, queries int) {
	if effort.Nightly() {
		queries = 150
	} else {
		queries = 40
	}
	return effort.Cases(16, 200), queries
}

// stored is generated rows behind the door.
type stored struct {
	*oracle.Data
	db   store.DB
	rows *DB

	alone int // rules that would have said something else with their own row among the others
}

func storeData(t testing.TB, data *oracle.Data) *stored {
	t.Helper()
	db := anyEngine(t, data)
	if err := data.Store(context.Background(), db); err != nil {
		t.Fatalf("%v\n%s", err, data.Source)
	}
	rows := New(db, data.Rules, Config{Now: func() time.Time { return data.Now }, Answers: 1 << 20})
	if data.IntN(3) > 0 { // the few rows of a world are as many as the rows of a large table
		rows.limits.probe = func(level int) (bound, window int) { return 1 + level, 1 + 2*level }
	}
	return &stored{Data: data, db: db, rows: rows}
}

// anyEngine opens an empty database: of three worlds, two are in SQLite and one in PostgreSQL.
func anyEngine(t testing.TB, data *oracle.Data) store.DB {
	t.Helper()
	if data.IntN(3) == 0 && pgtest.Available() {
		return modeltest.Postgres(postgres.Config{Readers: 2, Writers: 2}).Empty(t)
	}
	return modeltest.SQLite(sqlite.Config{Readers: 2}).Empty(t)
}

// world makes a model with some rows for the caller, and some hidden ones.
func world(t testing.TB, r *rand.Rand) *oracle.Data { return worldOf(t, r, oracle.New) }

func worldOf(t testing.TB, r *rand.Rand, random func(testing.TB, *rand.Rand) *oracle.World) *oracle.Data {
	for {
		data := random(t, r).Fill(8)
		seen, all := 0, 0
		for _, table := range data.Model.Tables {
			if table.Name != "users" {
				seen, all = seen+len(data.Seen(table)), all+len(data.Rows[table.Name])
			}
		}
		if seen >= 4 && seen < all {
			return data
		}
	}
}

// posed is a random query, with its spelling for the oracle.
type posed struct {
	table *model.Table
	query Query
	cel   string // the filter in the oracle's spelling; "" if there is none
	sort  []key
	view  *viewNode
	paths []string // of fields, then of expand
}

type key struct {
	field *model.Field
	desc  bool
}

func ask(data *oracle.Data) *posed {
	query := &posed{table: data.Model.Tables[data.IntN(len(data.Model.Tables))]}
	query.query.Limit = 1 + data.IntN(7)
	query.query.Total = data.IntN(3) == 0
	query.filter(data)
	query.order(data)
	query.show(data)
	return query
}

// filter sets a valid filter, or none.
func (q *posed) filter(data *oracle.Data) {
	for data.IntN(4) > 0 {
		expr := data.Condition(q.table, data.IntN(3), oracle.Uses{Args: true})
		_, args, problems := data.Rules.Filter(q.table, expr.Ash)
		if len(problems) > 0 {
			continue
		}
		q.query.Filter, q.cel = expr.Ash, expr.CEL
		if len(args) > 0 {
			q.query.Args = map[string]string{}
		}
		for _, a := range args {
			q.query.Args[a.Name] = data.Args[a.Name]
		}
		return
	}
}

func (q *posed) order(data *oracle.Data) {
	var names []string
	for _, i := range data.Perm(len(q.table.Fields))[:data.IntN(4)] {
		field := q.table.Fields[i]
		if field.Type == model.JSON {
			continue
		}
		k := key{field, data.IntN(2) == 0}
		name := field.Name
		if k.desc {
			name = "-" + name
		}
		q.sort, names = append(q.sort, k), append(names, name)
	}
	q.query.Sort = strings.Join(names, ",")
}

// viewNode is the selection of one row's members.
type viewNode struct {
	all    bool
	fields map[string]bool
	rels   map[string]*viewNode
}

// show chooses members and expansions, and spells them.
func (q *posed) show(data *oracle.Data) {
	q.view = randomView(data, q.table, data.IntN(2) == 0, 3)
	var fields, expand []string
	var spell func(node *viewNode, prefix string)
	spell = func(node *viewNode, prefix string) {
		for _, name := range sorted(node.fields) {
			fields = append(fields, prefix+name)
		}
		for _, name := range sorted(node.rels) {
			sub := node.rels[name]
			switch {
			case sub.all && (node.all || data.IntN(2) == 0):
				expand = append(expand, prefix+name)
			case sub.all:
				fields = append(fields, prefix+name)
			}
			spell(sub, prefix+name+".")
		}
	}
	spell(q.view, "")
	q.query.Fields, q.query.Expand = strings.Join(fields, ","), strings.Join(expand, ",")
	q.paths = slices.Concat(fields, expand)
}

func sorted[T any](m map[string]T) []string {
	var names []string
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// randomView returns a selection that parameters can spell: whole rows have only whole rows below them.
func randomView(data *oracle.Data, table *model.Table, all bool, depth int) *viewNode {
	node := &viewNode{all: all, fields: map[string]bool{}, rels: map[string]*viewNode{}}
	if !all {
		for _, i := range data.Perm(len(table.Fields))[:1+data.IntN(3)] {
			node.fields[table.Fields[i].Name] = true
		}
	}
	if depth > 0 && len(table.Relations) > 0 {
		for _, i := range data.Perm(len(table.Relations))[:data.IntN(min(3, len(table.Relations)+1))] {
			rel := table.Relations[i]
			node.rels[rel.Name] = randomView(data, rel.To, all || data.IntN(2) == 0, depth-1)
		}
	}
	return node
}

// reference returns the expected rows of the list, in order.
func (q *posed) reference(data *oracle.Data) []oracle.Record {
	var rows []oracle.Record
	for _, rec := range data.Seen(q.table) {
		if q.cel == "" || data.Ask(q.cel, q.table, rec, nil, true) == oracle.True {
			rows = append(rows, rec)
		}
	}
	slices.SortFunc(rows, func(left, right oracle.Record) int { return q.compare(data, left, right) })
	return rows
}

// compare orders rows like the list. Missing values come last in both directions. Ties go by id, in the direction of the
// last key.
func (q *posed) compare(data *oracle.Data, left, right oracle.Record) int {
	desc := false
	for _, k := range q.sort {
		desc = k.desc
		if c := directed(data.Value(k.field, left, true), data.Value(k.field, right, true), desc); c != 0 {
			return c
		}
	}
	return directed(left["id"], right["id"], desc)
}

func directed(a, b ref.Val, desc bool) int {
	c := oracle.Compare(a, b)
	if desc && a.Value() != nil && !isMissing(a) && !isMissing(b) {
		return -c
	}
	return c
}

func isMissing(v ref.Val) bool { return v.Type().TypeName() == "null_type" }

// appendRow appends the expected JSON of a row.
func (q *posed) appendRow(dst []byte, data *oracle.Data, table *model.Table, node *viewNode, rec oracle.Record, prefix string) []byte {
	sep := byte('{')
	member := func(name string) {
		dst = append(append(append(dst, sep, '"'), name...), '"', ':')
		sep = ','
	}
	for _, field := range table.Fields {
		if node.all || node.fields[field.Name] {
			member(field.Name)
			dst = oracle.AppendJSON(dst, field, data.Value(field, rec, true))
		}
		if sub := node.rels[field.RefName]; sub != nil {
			member(field.RefName)
			rel := table.Relation(field.RefName)
			if to := data.One(rel, rec, true); to != nil {
				dst = q.appendRow(dst, data, rel.To, sub, to, prefix+field.RefName+".")
			} else {
				dst = append(dst, "null"...)
			}
		}
	}
	for _, name := range q.named(node, prefix) {
		rel := table.Relation(name)
		if !rel.Many {
			continue
		}
		member(name)
		dst = append(dst, `{"items":[`...)
		for i, item := range data.Many(rel, rec, true) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = q.appendRow(dst, data, rel.To, node.rels[name], item, prefix+name+".")
		}
		dst = append(dst, `],"next":null}`...)
	}
	return append(dst, '}')
}

// named returns the relations of a level, in the order of the request.
func (q *posed) named(node *viewNode, prefix string) []string {
	names := sorted(node.rels)
	at := func(name string) int {
		return slices.IndexFunc(q.paths, func(p string) bool { return strings.HasPrefix(p+".", prefix+name+".") })
	}
	slices.SortFunc(names, func(a, b string) int { return at(a) - at(b) })
	return names
}

// envelope is the JSON of a page.
type envelope struct {
	Items []json.RawMessage `json:"items"`
	Next  *string           `json:"next"`
	Total *int              `json:"total"`
}

// page asks for one page.
func (s *stored) page(t testing.TB, q *posed, cursor string) (envelope, []byte) {
	t.Helper()
	query := q.query
	query.Cursor = cursor
	body, err := s.rows.List(context.Background(), s.Caller, q.table, query, nil)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return envelopeOf(t, body), body
}

func envelopeOf(t testing.TB, body []byte) (e envelope) {
	t.Helper()
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&e); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return e
}

func (q *posed) String() string {
	return fmt.Sprintf("%s %+v", q.table.Name, q.query)
}

// said returns the part of an answer that a client sees.
func said(body []byte, err error) string {
	if err == nil {
		return string(body)
	}
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return fmt.Sprintf("%s %s %v", e.Kind, e.Message, e.Faults)
	}
	return "internal: " + err.Error()
}

// idOf converts an id of the oracle.
func idOf(table *model.Table, id ref.Val) value.Value {
	return oracle.Stored(table.ID(), id)
}
