package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// nodesApp has rules and a check that look across rows: a team never loses its last owner, and a board never loses its
// last chair.
const nodesApp = `
ashlar: 1
name: nodes
tables:
  teams:
    key: int
    fields: {name: {type: text, max: 80}}
    access: {read: true, create: true}
  members:
    key: int
    fields:
      team: {ref: teams, reverse: members}
      role: {type: enum, values: [owner, guest]}
    access:
      read: true
      create: true
      update: {from: true, to: "team.members.exists(m, m.role == 'owner')"}
      delete: team.members.exists(m, m.role == 'owner')
  seats:
    key: int
    fields:
      team: {ref: teams, reverse: seats}
      role: {type: enum, values: [owner, guest]}
    checks: [{expr: "team.seats.exists(s, s.role == 'owner')", message: a board keeps a chair}]
    access: {read: true, create: true, update: true}
  notes:
    fields: {text: {type: text, max: 80, unique: true}}
    access: {read: true, create: true, update: true}
`

// A cluster is several nodes. They serve one app from one database.
type cluster struct {
	t      *testing.T
	bases  []string
	client http.Client
	token  string
}

// startNodes starts n nodes concurrently, on a new database.
func startNodes(t *testing.T, n int) *cluster {
	t.Helper()
	dir := t.TempDir()
	pooled, direct := pgtest.Pooled(t)
	seed := filepath.Join(dir, "seed")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(nodesApp), 0o644), os.Mkdir(seed, 0o755),
		os.WriteFile(filepath.Join(seed, "teams.json"), []byte(`[{"id": 1000, "name": "seeded"}]`), 0o644)); err != nil {
		t.Fatal(err)
	}
	cluster := &cluster{t: t, bases: make([]string, n)}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, n)
	var wg sync.WaitGroup
	for i := range n {
		cfg := app.Config{Database: direct}
		if i == 0 { // one of them is behind a pooler
			cfg = app.Config{Database: pooled, Direct: direct}
		}
		wg.Go(func() { cluster.bases[i] = startNode(ctx, t, dir, cfg, served) })
	}
	wg.Wait()
	t.Cleanup(func() {
		cluster.client.CloseIdleConnections()
		cancel()
		for range n {
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		}
	})
	keys, err := token.Open(filepath.Join(app.DefaultData(dir), "signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	cluster.token, err = keys.Sign(caller.Identity{ID: "018f0000-0000-7000-8000-0000000000a1"}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

func startNode(ctx context.Context, t *testing.T, dir string, cfg app.Config, served chan<- error) string {
	server, err := loadAndOpen(ctx, dir, cfg)
	if err != nil {
		t.Error(err)
		served <- nil
		return ""
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		served <- server.Close()
		return ""
	}
	go func() { served <- server.Serve(ctx, ln) }()
	return "http://" + ln.Addr().String()
}

// do sends a request to a node and returns the status and the body.
func (c *cluster) do(node int, method, path, body string) (status int, answer map[string]any) {
	status, answer, _ = c.ask(node, method, path, body, "", "")
	return status, answer
}

// ask sends a request to a node, and returns the answer with its entity tag. condition is the name of a header for tag,
// such as If-Match, or "".
func (c *cluster) ask(node int, method, path, body, condition, tag string) (status int, answer map[string]any, etag string) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.bases[node%len(c.bases)]+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, nil, ""
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if condition != "" {
		req.Header.Set(condition, tag)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.client.Do(req)
	if err != nil {
		c.t.Error(err)
		return 0, nil, ""
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil && res.StatusCode != http.StatusNotModified && res.StatusCode != http.StatusNoContent {
		c.t.Errorf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, answer, res.Header.Get("ETag")
}

func TestNodes(t *testing.T) {
	cluster := startNodes(t, 3)
	if status, teams := cluster.do(0, "GET", "/api/teams?total=true", ""); status != 200 || teams["total"] != 1.0 {
		t.Fatalf("three nodes that start together loaded the seed as %d %v, want one row", status, teams)
	}
	t.Run("a total is right on every node after a write to any", cluster.totals)
	t.Run("an entity tag is the same on every node", cluster.entityTags)
	t.Run("one of the same values is taken, on whatever node", cluster.uniqueValues)
	t.Run("assigned ids never repeat", cluster.assignedIDs)
	t.Run("write skew does not pass a rule", cluster.writeSkew)
}

// totals writes to one node after the other. Each node must count the new row at once.
func (c *cluster) totals(t *testing.T) {
	for i := range 30 {
		if status, answer := c.do(i, "POST", "/api/notes", fmt.Sprintf(`{"text": "note %d"}`, i)); status != 201 {
			t.Fatalf("%d %v", status, answer)
		}
		for node := range 3 {
			if _, list := c.do(node, "GET", "/api/notes?limit=1&total=true", ""); list["total"] != float64(i+1) {
				t.Fatalf("node %d counts %v of %d notes", node, list["total"], i+1)
			}
		}
	}
}

// uniqueValues writes the same unique value to all nodes concurrently. Only one write may succeed.
func (c *cluster) uniqueValues(t *testing.T) {
	for i := range 20 {
		statuses := make([]int, 6)
		var wg sync.WaitGroup
		for n := range statuses {
			wg.Go(func() { statuses[n], _ = c.do(n, "POST", "/api/notes", fmt.Sprintf(`{"text": "same %d"}`, i)) })
		}
		wg.Wait()
		if created := countOf(statuses, 201); created != 1 || countOf(statuses, 409) != 5 {
			t.Fatalf("round %d: statuses %v, want one 201 and 409s", i, statuses)
		}
	}
}

// assignedIDs creates rows on all nodes concurrently. All ids must differ.
func (c *cluster) assignedIDs(t *testing.T) {
	var mu sync.Mutex
	seen := map[any]bool{}
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			status, team := c.do(n, "POST", "/api/teams", `{"name": "x"}`)
			mu.Lock()
			defer mu.Unlock()
			if status != 201 || seen[team["id"]] {
				t.Errorf("created %v, status %d", team, status)
			}
			seen[team["id"]] = true
		})
	}
	wg.Wait()
}

func countOf(statuses []int, want int) int {
	count := 0
	for _, status := range statuses {
		if status == want {
			count++
		}
	}
	return count
}

// writeSkew lets the two owners of a team step back or leave concurrently, on two nodes. The rule or the check allows only
// one of them.
func (c *cluster) writeSkew(t *testing.T) {
	for _, tt := range []struct {
		table, method, body string
		done, refused       int
	}{
		{"members", "PATCH", `{"role": "guest"}`, 200, 403},
		{"members", "DELETE", "", 204, 403},
		{"seats", "PATCH", `{"role": "guest"}`, 200, 422},
	} {
		for round := range 20 {
			_, team := c.do(round, "POST", "/api/teams", `{"name": "skew"}`)
			var owners []string
			for range 2 {
				status, member := c.do(round, "POST", "/api/"+tt.table, fmt.Sprintf(`{"team_id": %v, "role": "owner"}`, team["id"]))
				if status != 201 {
					t.Fatalf("%d %v", status, member)
				}
				owners = append(owners, fmt.Sprint(member["id"]))
			}
			statuses := make([]int, 2)
			var wg sync.WaitGroup
			for i, id := range owners {
				wg.Go(func() { statuses[i], _ = c.do(round+i, tt.method, "/api/"+tt.table+"/"+id, tt.body) })
			}
			wg.Wait()
			if countOf(statuses, tt.done) != 1 || countOf(statuses, tt.refused) != 1 {
				t.Fatalf("round %d of %s %s: two owners were told %v, want %d and %d", round, tt.method, tt.table, statuses, tt.done, tt.refused)
			}
		}
	}
}

// entityTags changes a row on one node after the other. Every node must know the new tag and refuse the old one.
func (c *cluster) entityTags(t *testing.T) {
	_, note, tag := c.ask(0, "POST", "/api/notes", `{"text": "tagged"}`, "", "")
	path := fmt.Sprint("/api/notes/", note["id"])
	for round := range 12 {
		status, answer, next := c.ask(round, "PATCH", path, fmt.Sprintf(`{"text": "tagged %d"}`, round), "If-Match", tag)
		if status != 200 || next == tag {
			t.Fatalf("round %d: a change with the tag of the last = %d %v, tag %s after %s", round, status, answer, next, tag)
		}
		for node := range 3 {
			if status, _, _ := c.ask(node, "PATCH", path, `{"text": "lost"}`, "If-Match", tag); status != 412 {
				t.Errorf("round %d: node %d takes a tag of before the change: %d", round, node, status)
			}
			if status, answer, got := c.ask(node, "GET", path, "", "If-None-Match", tag); status != 200 || got != next {
				t.Errorf("round %d: node %d: %d %v with tag %s, want %s", round, node, status, answer, got, next)
			}
			if status, _, _ := c.ask(node, "GET", path, "", "If-None-Match", next); status != 304 {
				t.Errorf("round %d: node %d does not know the tag of another's change: %d", round, node, status)
			}
		}
		tag = next
	}
}
