package app

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const fleetApp = `-- ashlar.yaml --
ashlar: 1
name: notes
tables:
  notes:
    key: int
    fields: {text: {type: text, max: 80}}
    access: {read: true, create: true}
`

// onNode returns the Config of a node. Each has a data folder of its own.
func onNode(t *testing.T, database, port string) Config {
	t.Helper()
	return Config{Database: database, Data: filepath.Join(t.TempDir(), "data"), LocalURL: "http://localhost:" + port, Telemetry: AutoTelemetry}
}

// backdate makes what nodes have shared some minutes older, so that it is settled.
func backdate(t *testing.T, server *App) {
	t.Helper()
	err := server.Store.Write(t.Context(), func(tx store.Tx) error {
		var ids []string
		err := tx.Query(`SELECT id FROM ashlar_telemetry WHERE id LIKE 's%'`, nil, func(row value.Row) error {
			ids = append(ids, string(row.Bytes(0)))
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			var seconds int64
			if _, err := fmt.Sscanf(id[1:9], "%x", &seconds); err != nil {
				return err
			}
			older := fmt.Sprintf("s%08x%s", seconds-600, id[9:])
			if _, err := tx.Exec(`UPDATE ashlar_telemetry SET id = $1 WHERE id = $2`, []value.Value{value.OfText(older), value.OfText(id)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The console of a server shows the requests of servers that it has never seen.
func TestConsoleShowsTheNumbersOfAllNodes(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database, dir := pgtest.URL(t), app(t, fleetApp)
	for i, port := range []string{"8081", "8082"} {
		server := opened(t, dir, onNode(t, database, port))
		run := start(t, server)
		for range 7 * (i + 1) {
			get(t, run.base+"/api/notes")
		}
		run.stop()
		if err := run.wait(); err != nil {
			t.Fatal(err)
		}
	}
	third := opened(t, dir, onNode(t, database, "8083"))
	backdate(t, third)
	link, err := third.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, third)
	for !third.Fleet.Several() {
		time.Sleep(5 * time.Millisecond)
	}
	page := consoleOf(t, run.base, link)
	home := page("/console/home")
	for _, want := range []string{"All nodes", "This node", "8083</bdi> <span class=\"tag\">this one"} {
		if !strings.Contains(home, want) {
			t.Errorf("the first page does not show %q", want)
		}
	}
	if charts := page("/console/home/charts?range=1h"); !strings.Contains(charts, `"id":"requests"`) {
		t.Errorf("the charts of all nodes: %.2000s", charts)
	}
	lines, err := third.Fleet.Series(t.Context(), time.Now().Add(-time.Hour), time.Now(), 2*time.Minute, "http_server_request_duration_seconds_count")
	if err != nil || len(lines) != 1 {
		t.Fatal(lines, err)
	}
	requests := 0.0
	for _, v := range lines[0].Values {
		requests += v.Last
	}
	if requests != 21 {
		t.Errorf("the charts of all nodes have %v requests", requests)
	}
	statuses := nodesObjectives{third.Objectives, third.Fleet}.Statuses()
	if at := slices.IndexFunc(statuses, func(s objective.Status) bool { return s.Name == "api" && s.Kind == objective.Available }); statuses[at].Total != 21 {
		t.Errorf("the objective counts %d requests", statuses[at].Total)
	}
}

// TestNodesSeeEachOther has two nodes on a database. One stops, and the other one shows it until it is gone.
func TestNodesSeeEachOther(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database, dir := pgtest.URL(t), app(t, fleetApp)
	first := opened(t, dir, onNode(t, database, "8081"))
	cfg := onNode(t, database, "8082")
	cfg.LameDuck = 5 * time.Second // most of the time of this test
	second := opened(t, dir, cfg)
	link, err := first.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run, other := start(t, first), start(t, second)
	state := func() string {
		all, err := first.roster.Members(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, m := range all {
			_, port, _ := strings.Cut(m.Name, ":")
			states = append(states, port+" "+m.State)
		}
		return strings.Join(states, ", ")
	}
	eventually(t, "both are ready", func() bool { return state() == "8081 ready, 8082 ready" })
	other.stop()
	eventually(t, "one stops", func() bool { return state() == "8081 ready, 8082 stopping" })
	page := consoleOf(t, run.base, link)
	if nodes := page("/console/nodes"); !strings.Contains(nodes, "1 stopping") || !strings.Contains(nodes, "http://localhost:8082") {
		t.Errorf("the page Nodes: %.3000s", nodes)
	}
}

// TestAGoneNodeLeavesTheList has a node that stops at once.
func TestAGoneNodeLeavesTheList(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database, dir := pgtest.URL(t), app(t, fleetApp)
	first, second := opened(t, dir, onNode(t, database, "8081")), opened(t, dir, onNode(t, database, "8082"))
	listed := func() int {
		all, err := first.roster.Members(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	run := start(t, second)
	eventually(t, "the second node is listed", func() bool { return listed() == 2 })
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	if n := listed(); n != 1 {
		t.Errorf("%d nodes are listed after one has stopped", n)
	}
}

// consoleOf returns a function that gets pages of the console as an operator.
func consoleOf(t *testing.T, base, link string) (page func(path string) string) {
	t.Helper()
	cookies := map[string]*http.Cookie{} // a jar would not send secure ones
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, path string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, cookie := range cookies {
			req.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		for _, cookie := range res.Cookies() {
			cookies[cookie.Name] = cookie
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(text)
	}
	path, secret, _ := strings.Cut(link, "#")
	form := url.Values{"secret": {secret}, "name": {"Ada"}, "email": {"ada@example.com"}, "password": {"a stone set upon another stone"}}
	if status, text := send("POST", path, form); status != http.StatusSeeOther {
		t.Fatalf("POST %s = %d %s", path, status, text)
	}
	return func(path string) string {
		t.Helper()
		status, text := send("GET", path, nil)
		if status != http.StatusOK {
			t.Fatalf("GET %s = %d %s", path, status, text)
		}
		return text
	}
}
