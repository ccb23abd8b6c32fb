package app

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const prices = `
-- ashlar.yaml --
ashlar: 1
name: shop
tables:
  items:
    key: int
    fields: {name: {type: text}, price: {type: int}}
    access: {read: true}
views:
  prices:
    key: int
    reads: [items]
    query: SELECT price AS id, count(*) AS n FROM items GROUP BY price
    fields: {n: {type: int}}
    access: {read: true}
-- seed/items.json --
[{"id": 1, "name": "cup", "price": 5}, {"id": 2, "name": "pan", "price": 7}, {"id": 3, "name": "pot", "price": 7}]
`

func TestViewIsServed(t *testing.T) {
	dir := app(t, prices)
	if got, want := rows(t, dir, "/api/prices?total=true"), `{"items":[{"id":5,"n":1},{"id":7,"n":2}],"next":null,"total":2}`; got != want {
		t.Errorf("prices = %s, want %s", got, want)
	}
	write(t, dir, strings.Replace(strings.Split(prices, "-- seed")[0], "GROUP BY", "WHERE price > 5 GROUP BY", 1))
	if got, want := rows(t, dir, "/api/prices"), `{"items":[{"id":7,"n":2}],"next":null}`; got != want {
		t.Errorf("prices after a change = %s, want %s", got, want)
	}
	if got := rows(t, dir, "/"); !strings.Contains(got, "prices") {
		t.Errorf("the page at / does not name the view:\n%s", got)
	}
}

// On SQLite, Open reports a faulty query before it makes anything.
func TestFaultyViews(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		made           bool // the data folder, since only its rows tell
		want           []string
	}{
		{"text", "SELECT price", "SELECT prize", false, []string{
			"ashlar.yaml:12:19: SQLite: no such column: prize (where the engines need different queries: query: {sqlite: …, postgres: …})"}},
		{"reads", "reads: [items]", "reads: [users]", false, []string{
			"ashlar.yaml:11:13: the query of prices does not read users: remove it here",
			"ashlar.yaml:12:12: the query of prices reads items: name it in reads, so that results are not kept when it changes"}},
		{"beside others", "SELECT price AS id", "SELECT price", false, []string{
			`ashlar.yaml:9:3: the query does not return id: it returns price, n`,
			`ashlar.yaml:12:12: the query returns what is no field of prices: "price"; name a column with AS, or declare a field`}},
		{"a rule too", "access: {read: true}\nviews:\n  prices:\n    key: int\n    reads: [items]\n    query: SELECT price",
			"access: {read: nmae == 'a'}\nviews:\n  prices:\n    key: int\n    reads: [items]\n    query: SELECT prize", false, []string{
				"ashlar.yaml:7:20: items has no field nmae; did you mean name?",
				"ashlar.yaml:12:19: SQLite: no such column: prize (where the engines need different queries: query: {sqlite: …, postgres: …})"}},
		{"meant for both engines", "price AS id, count(*) AS n", "price AS id, avg(price) AS n", false, []string{
			"ashlar.yaml:12:32: n is declared as int, and its query returns a float (where the engines need different queries: query: {sqlite: …, postgres: …})"}},
		{"ids", "count(*) AS n FROM items GROUP BY price", "id AS n FROM items", true, []string{
			"ashlar.yaml:9:3: the id 7 of prices stands in 2 rows: an id names one row"}},
		{"another engine", "query: SELECT", "query:\n      postgres: SELECT", true, []string{
			"ashlar.yaml:9:3: the view prices has no query for SQLite: give it one as `query: {sqlite: …}`"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(prices, tt.old) {
				t.Fatalf("the model has no %s", tt.old)
			}
			dir := app(t, strings.Replace(prices, tt.old, tt.new, 1))
			_, err := loadAndOpen(t.Context(), dir, Config{})
			faults, ok := errors.AsType[model.Faults](err)
			if !ok {
				t.Fatalf("Open = %v, want model.Faults", err)
			}
			var got []string
			for _, fault := range faults {
				got = append(got, fault.Pos.String()+": "+fault.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Join(dir, ".ashlar", "ashlar.db")); os.IsNotExist(err) == tt.made {
				t.Errorf("the database: %v, want it to be made: %v", err, tt.made)
			}
			write(t, dir, strings.Split(prices, "-- seed")[0])
			if got := rows(t, dir, "/api/prices?fields=id"); got != `{"items":[{"id":5},{"id":7}],"next":null}` {
				t.Errorf("prices when it is right = %s", got)
			}
		})
	}
}

func TestSeedOfAView(t *testing.T) {
	dir := app(t, prices+"-- seed/prices.json --\n[]\n")
	_, err := loadAndOpen(t.Context(), dir, Config{})
	if faults, ok := errors.AsType[seed.Faults](err); !ok || faults[0] != "seed/prices.json: prices is a view: its rows come from its query" {
		t.Errorf("Open = %v", err)
	}
}

// A rule of a table may ask about a view's rows, and the table may change at the same time.
func TestRuleAboutAView(t *testing.T) {
	const source = `
-- ashlar.yaml --
ashlar: 1
name: shop
tables:
  shelves: {key: int, fields: {name: {type: text}}, access: {read: "stock.exists(s, s.n > 1)"}}
  items:
    key: int
    fields: {shelf: {ref: shelves, reverse: items}}
    access: {read: true}
views:
  stock:
    key: int
    reads: [items]
    query: SELECT shelf_id AS id, shelf_id, count(*) AS n FROM items GROUP BY shelf_id
    fields: {shelf: {ref: shelves, reverse: stock}, n: {type: int}}
`
	dir := app(t, source+`
-- seed/shelves.json --
[{"id": 1, "name": "full"}, {"id": 2, "name": "half"}, {"id": 3, "name": "empty"}]
-- seed/items.json --
[{"shelf_id": 1}, {"shelf_id": 1}, {"shelf_id": 2}]
`)
	const want = `{"items":[{"id":1}],"next":null,"total":1}`
	if got := rows(t, dir, "/api/shelves?fields=id&total=true"); got != want {
		t.Errorf("shelves = %s, want %s", got, want)
	}
	write(t, dir, strings.Replace(source, "{name: {type: text}}", "{name: {type: text}, floor: {type: int, optional: true}}", 1))
	if got := rows(t, dir, "/api/shelves?fields=id&total=true"); got != want {
		t.Errorf("shelves with another field = %s, want %s", got, want)
	}
	if got := rows(t, dir, "/api/stock"); !strings.Contains(got, `"status":401`) {
		t.Errorf("stock, which has no rule, = %s", got)
	}
}
