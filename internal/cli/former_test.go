package cli

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const formerOrders = `ashlar: 1
name: orders
tables:
  orders:
    key: int
    fields:
      name:  {type: text, max: 80}
      state: {type: enum, values: [open, paid]}
    access: {read: true, write: true}
  lines:
    key: int
    fields:
      order: {ref: orders, reverse: lines}
      price: {type: decimal, precision: 8, scale: 2}
    access: {read: true, write: true}
`

// safeOrders are changes safe on both engines.
var safeOrders = strings.NewReplacer(
	"name:  {type: text, max: 80}", "name:  {type: text, max: 80, unique: true}\n      note:  {type: text, default: \"'none'\"}\n      buyer: {ref: users, optional: true}",
	"precision: 8", "precision: 12",
	"key: int\n    fields:\n      order", "key: int\n    indexes: [[order, price]]\n    fields:\n      order",
)

// TestFormerServerGoesOn: a safe change is safe for a server on the former model. The server has prepared its
// statements. It gives the same answers to all of them, including the second statements of reads: an order has no
// decimal, its lines have.
func TestFormerServerGoesOn(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { formerServerGoesOn(t, nil) })
	t.Run("postgresql", func(t *testing.T) { formerServerGoesOn(t, []string{"--database", pgtest.URL(t)}) })
}

func formerServerGoesOn(t *testing.T, database []string) {
	former, next := t.TempDir(), t.TempDir()
	writeModel := func(dir, model string) {
		if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(model), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writeModel(former, formerOrders)
	writeModel(next, safeOrders.Replace(formerOrders))
	p := startProcess(t, former, append(database, "--readers", "2", "--log-level", "error")...)
	send := func(method, path, body string, want int) string {
		t.Helper()
		status, text := exchange(t, method, p.url+path, body)
		if status != want {
			t.Fatalf("%s %s is answered %d, want %d: %s\n%s", method, path, status, want, text, strings.Join(p.lines(), "\n"))
		}
		return text
	}
	for _, id := range []string{"1", "2"} {
		send("POST", "/api/orders", `{"id":`+id+`,"name":"order `+id+`","state":"open"}`, 201)
		send("POST", "/api/lines", `{"id":`+id+`,"order_id":`+id+`,"price":"6.25"}`, 201)
	}
	reads := []string{"/api/orders?expand=lines&total=true", "/api/orders/1?expand=lines", "/api/lines?sort=-price", "/api/lines/2"}
	before := make([]string, len(reads))
	for range 3 {
		for i, path := range reads {
			before[i] = send("GET", path, "", 200)
		}
		send("PATCH", "/api/lines/2", `{"price":"13.00"}`, 200)
	}
	for i, path := range reads {
		before[i] = send("GET", path, "", 200)
	}
	if database == nil {
		database = []string{"--data", filepath.Join(former, ".ashlar")}
	}
	mustRun(t, append([]string{"migrate", next}, database...)...)
	for range 3 {
		for i, path := range reads {
			if got := send("GET", path, "", 200); got != before[i] {
				t.Errorf("GET %s is now\n%s\nwant\n%s", path, got, before[i])
			}
		}
	}
	send("PATCH", "/api/lines/2", `{"price":"13.00"}`, 200)
	send("POST", "/api/orders", `{"id":3,"name":"order 3","state":"paid"}`, 201)
	if text := send("POST", "/api/orders", `{"id":4,"name":"order 3","state":"paid"}`, 409); !strings.Contains(text, "name") {
		t.Errorf("the conflict does not name the field: %s", text)
	}
	send("DELETE", "/api/lines/2", "", 204)
}

// exchange sends a request and returns the status and body of the answer.
func exchange(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
