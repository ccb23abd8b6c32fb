package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const shop = `
-- ashlar.yaml --
ashlar: 1
name: shop
tables:
  items:
    key: int
    fields:
      name:  {type: text, max: 10}
      price: {type: int, min: 0}
    access: {read: true, create: true}
-- seed/items.json --
[{"id": 1, "name": "cup", "price": 5}, {"id": 2, "name": "cup", "price": 7}]
`

// changed opens the shop once, changes its model, and opens it again.
func changed(t *testing.T, old, new string) (dir string, err error) {
	t.Helper()
	dir = app(t, shop)
	rows(t, dir, "/")
	source := strings.Replace(strings.Split(shop, "-- seed")[0], old, new, 1)
	if !strings.Contains(source, new) || new == old {
		t.Fatalf("the model has no %s", old)
	}
	write(t, dir, source)
	server, err := loadAndOpen(t.Context(), dir, Config{})
	if err == nil {
		err = server.Close()
	}
	return dir, err
}

// A change without an effect on tables applies at the next start.
func TestRulesApplyAtTheNextStart(t *testing.T) {
	for _, tt := range []struct{ name, old, new, path, want string }{
		{"rule", "read: true", "read: price > 5", "/api/items?fields=id", `{"items":[{"id":2}],"next":null}`},
		{"closed", "read: true, ", "", "/api/items", `"status":401`},
		{"field rule", "min: 0", "min: 0, read: price > 5", "/api/items?fields=price", `[{"price":null},{"price":7}]`},
		{"limits", "max: 10", "max: 2, pattern: ^x", "/api/items?fields=name", `[{"name":"cup"},{"name":"cup"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := changed(t, tt.old, tt.new)
			if err != nil {
				t.Fatal(err)
			}
			if got := rows(t, dir, tt.path); !strings.Contains(got, tt.want) {
				t.Errorf("GET %s = %s, want %s", tt.path, got, tt.want)
			}
		})
	}
}

func TestAdditionsAreMade(t *testing.T) {
	dir, err := changed(t, "    access:", `      tag: {ref: tags, optional: true}
      code: {type: text, optional: true, unique: true}
    indexes: [[name, price]]
    access:`)
	if err == nil || !strings.Contains(err.Error(), "tags") {
		t.Fatalf("Open = %v, want a fault about tags", err)
	}
	write(t, dir, "-- tables/tags.yaml --\ntags:\n  fields: {name: {type: text}}\n  access: {read: true}\n")
	if got, want := rows(t, dir, "/api/items?fields=id,tag_id,code&limit=1&total=true"), `"items":[{"id":1,"tag_id":null,"code":null}]`; !strings.Contains(got, want) {
		t.Errorf("items = %s, want %s", got, want)
	}
	if got, want := rows(t, dir, "/api/tags"), `{"items":[],"next":null}`; got != want {
		t.Errorf("tags = %s, want %s", got, want)
	}
}

func TestOtherChangesAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"dropped", "      price: {type: int, min: 0}\n", "", "ashlar.yaml:4:3: a server does not make this change by itself: field dropped: items.price (loses data, breaks servers on the former model); run `ashlar migrate` with --allow drop:items.price, or look at it first with --plan"},
		{"required", "      price:", "      size: {type: int}\n      price:", "ashlar.yaml:8:7: field added: items.size: required: 2 rows (1, 2) in the way; give it a default that is a constant or now, or make it optional"},
		{"type", "{type: int, min: 0}", "{type: text}", "ashlar.yaml:8:7: a server does not make this change by itself: type changed: items.price: was int, is text (rewrites the table, breaks servers on the former model); run `ashlar migrate`, or look at it first with --plan"},
		{"unique", "max: 10", "max: 10, unique: true", "ashlar.yaml:7:7: unique added: items [name]: 2 rows (1, 2) in the way; they have the same values: change or delete them first, or leave this out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, err := changed(t, tt.old, tt.new)
			faults, ok := errors.AsType[model.Faults](err)
			if !ok || len(faults) == 0 {
				t.Fatalf("Open = %v, want model.Faults", err)
			}
			if diff := cmp.Diff(tt.want, strings.Split(faults[0].String(), "\n")[0]); diff != "" {
				t.Errorf("the fault (-want +got):\n%s", diff)
			}
			write(t, dir, strings.Split(shop, "-- seed")[0]) // undo all of the change
			if got, want := rows(t, dir, "/api/items?fields=name,price"), `[{"name":"cup","price":5},{"name":"cup","price":7}]`; !strings.Contains(got, want) {
				t.Errorf("items = %s, want %s", got, want)
			}
		})
	}
}

// While nodes change to a next model one by one, one on the former model may restart. It serves the fields it knows.
func TestFormerModelStarts(t *testing.T) {
	const more = `      size: {type: int, default: 4, index: true}
      note: {type: text, optional: true}
    access:`
	dir, err := changed(t, "    access:", more)
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{{}, {KeepTables: true}} {
		write(t, dir, strings.Split(shop, "-- seed")[0])
		server, err := loadAndOpen(t.Context(), dir, cfg)
		if err != nil {
			t.Fatalf("Open on the former model: %v", err)
		}
		if got := postTo(t, server, "/api/items", `{"name": "mug", "price": 9}`); got != http.StatusCreated {
			t.Errorf("POST to a server on the former model = %d, want 201", got)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, strings.Replace(strings.Split(shop, "-- seed")[0], "    access:", more, 1))
	if got, want := rows(t, dir, "/api/items?filter=name=='mug'&fields=size,note"), `{"items":[{"size":4,"note":null},{"size":4,"note":null}],"next":null}`; got != want {
		t.Errorf("what the former model wrote = %s, want %s", got, want)
	}
	write(t, dir, strings.Replace(strings.Split(shop, "-- seed")[0], "      price: {type: int, min: 0}\n", "", 1))
	if _, err := loadAndOpen(t.Context(), dir, Config{}); err == nil {
		t.Error("a model that no server has served is followed without being asked")
	}
}

func TestTablesAreKept(t *testing.T) {
	dir := app(t, shop)
	rows(t, dir, "/")
	write(t, dir, strings.Replace(strings.Split(shop, "-- seed")[0], "    access:", "      more: {type: int, optional: true}\n    access:", 1))
	_, err := loadAndOpen(t.Context(), dir, Config{KeepTables: true})
	if err == nil || !strings.Contains(err.Error(), "--migrate=off forbids to change them: field added: items.more: optional; run `ashlar migrate`") {
		t.Errorf("Open = %v, want it to leave the tables", err)
	}
}

func postTo(t *testing.T, server *App, path, body string) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler, err := server.Handler()
	if err != nil {
		t.Fatal(err)
	}
	handler.ServeHTTP(w, r)
	return w.Code
}

func TestForeignDatabaseIsRefused(t *testing.T) {
	dir := app(t, shop)
	rows(t, dir, "/")
	if err := os.WriteFile(filepath.Join(DefaultData(dir), databaseFile), []byte(strings.Repeat("no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadAndOpen(t.Context(), dir, Config{}); err == nil || !strings.Contains(err.Error(), "is not a database") {
		t.Errorf("Open = %v, want it to say that this is no database", err)
	}
}
