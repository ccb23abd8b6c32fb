package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const shared = `
ashlar: 1
name: shared
tables:
  users: {access: {read: id == auth.id}}
  hubs:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true}
  items:
    key: int
    fields:
      hub: {ref: hubs, reverse: items}
      n: {type: int}
    access: {read: true}
  parts:
    key: int
    fields:
      item: {ref: items, reverse: parts}
      text: {type: text, max: 2000}
    access: {read: true}
  halls:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true}
  seats:
    key: int
    fields:
      hall: {ref: halls, reverse: seats}
      n: {type: int}
    access: {read: "!hall.seats.exists(s, s.n + n == -1)"}
  pages:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true}
`

const (
	sharedItems = 3000
	sharedSeats = 300
)

func sharedRows() map[string]string {
	var items, parts, seats, pages strings.Builder
	for i := range sharedItems {
		fmt.Fprintf(&items, `{"id":%d,"hub_id":%d,"n":%d}`+"\n", i+1, i%30/29+1, i)
	}
	for i := range 100 * 20 { // 20 for each of the hundred items of hub 2
		fmt.Fprintf(&parts, `{"id":%d,"item_id":%d,"text":"%s"}`+"\n", i+1, (i%100+1)*30, strings.Repeat("x", 2000))
	}
	for i := range sharedSeats {
		fmt.Fprintf(&seats, `{"id":%d,"hall_id":1,"n":%d}`+"\n", i+1, i)
	}
	for i := range 100 {
		fmt.Fprintf(&pages, `{"id":%d,"name":"p%d"}`+"\n", i+1, i)
	}
	return map[string]string{
		"users.ndjson": users[:strings.Index(users, `,"reset`)] + "}\n" + users[strings.IndexByte(users, '\n')+1:],
		"hubs.ndjson":  `{"id":1,"name":"h"}` + "\n" + `{"id":2,"name":"g"}`, "items.ndjson": items.String(), "parts.ndjson": parts.String(),
		"halls.ndjson": `{"id":1,"name":"h"}`, "seats.ndjson": seats.String(), "pages.ndjson": pages.String(),
	}
}

// onBoth runs a test against a server on each engine.
func onBoth(t *testing.T, source string, seed map[string]string, test func(s *target)) {
	if testing.Short() {
		t.Skip("it waits for deadlines")
	}
	t.Run("sqlite", func(t *testing.T) { test(start(t, source, app.Config{}, seed)) })
	t.Run("postgres", func(t *testing.T) { test(start(t, source, app.Config{Database: pgtest.URL(t)}, seed)) })
}

// A tally counts answers by status.
type tally struct {
	mu       sync.Mutex
	statuses map[int]int
	odd      string // body of the last answer other than 200
	longest  time.Duration
}

func (c *tally) add(status int, body string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statuses == nil {
		c.statuses = map[int]int{}
	}
	c.statuses[status]++
	c.longest = max(c.longest, took)
	if status != 200 {
		c.odd = body
	}
}

// get sends a request. It never ends the test, so any goroutine may call it. The status is 0 after an error.
func (s *target) get(ctx context.Context, client *http.Client, path, token string) (status int, body string, took time.Duration) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, "GET", s.base+path, nil)
	if err != nil {
		return 0, err.Error(), 0
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err.Error(), time.Since(began)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error(), time.Since(began)
	}
	return res.StatusCode, string(data), time.Since(began)
}

// beside lets attackers and clients send requests concurrently, each of them one after the other. It returns the answers to
// the clients and to the attackers. At the end, attackers cancel their requests, and clients wait for answers.
func (s *target) beside(lasting time.Duration, attackers int, attack func(i int) string, clients int, ask func(i int) string, token string) (toClients, toAttackers *tally) {
	toClients, toAttackers = &tally{}, &tally{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: attackers + clients}}
	defer client.CloseIdleConnections()
	ctx, leave := context.WithTimeout(context.Background(), lasting)
	defer leave()
	var group sync.WaitGroup
	var sent atomic.Int64
	for range attackers {
		group.Go(func() {
			for ctx.Err() == nil {
				toAttackers.add(s.get(ctx, client, attack(int(sent.Add(1))), ""))
			}
		})
	}
	time.Sleep(200 * time.Millisecond) // the attack is under way
	var asked atomic.Int64
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				toClients.add(s.get(context.Background(), client, ask(int(asked.Add(1))), token))
			}
		})
	}
	group.Wait()
	return toClients, toAttackers
}

func withFilter(table, filter string, more ...string) string {
	return "/api/" + table + "?filter=" + url.QueryEscape(filter) + strings.Join(append([]string{""}, more...), "&")
}

const endless = "hub.items.exists(a, a.hub.items.exists(b, a.n + b.n + n == -1))"

// quick returns the i-th request of an ordinary client: lists, a list with a filter, one row, and the probes.
func quick(i int) string {
	return []string{
		"/api/pages", withFilter("pages", "name == arg.n", "arg.n=p"+strconv.Itoa(i%100)), "/api/pages/7", "/readyz",
		"/api/pages?sort=-name&limit=10", "/healthz",
	}[i%6]
}

// served fails the test if a client was refused, or if the clients got fewer than least answers.
func served(t *testing.T, what string, least int, toClients, toAttackers *tally) {
	t.Helper()
	t.Logf("%s: clients %v, the longest %v; the attackers %v", what, toClients.statuses, toClients.longest.Round(time.Millisecond), toAttackers.statuses)
	if len(toClients.statuses) != 1 || toClients.statuses[200] < least {
		t.Errorf("%s: the clients got %v: %s", what, toClients.statuses, toClients.odd)
	}
}

// One client sends slow queries of every kind, sixteen at a time. Nobody else is refused.
func TestExhaustion_SlowReads(t *testing.T) {
	onBoth(t, shared, sharedRows(), func(server *target) {
		t, ann := server.t, server.token(annID)
		const attackers, clients, lasting = 16, 4, 1200 * time.Millisecond
		for i, try := range []struct {
			name   string
			before func()
			attack func(i int) string
		}{
			{"slow filters, each another one", nil, func(i int) string { return withFilter("items", endless+" || n == -"+strconv.Itoa(i)) }},
			{"the total of a slow filter", nil, func(int) string { return withFilter("items", endless, "limit=1", "total=true") }},
			{"filters that were fast for another argument", func() {
				for i := range 50 {
					server.must(200, "GET", withFilter("items", "arg.go == 1 && "+endless+" || n == -"+strconv.Itoa(i), "arg.go=0"), "", "")
				}
			}, func(i int) string {
				return withFilter("items", "arg.go == 1 && "+endless+" || n == -"+strconv.Itoa(i%50), "arg.go=1")
			}},
			{"filters that were fast for another value", func() {
				for i := range 50 {
					server.must(200, "GET", withFilter("items", "n > arg.x && "+endless+" || n == -"+strconv.Itoa(i), "arg.x=100000"), "", "")
				}
			}, func(i int) string {
				return withFilter("items", "n > arg.x && "+endless+" || n == -"+strconv.Itoa(i%50), "arg.x=0")
			}},
			{"a row with deep expansions", nil, func(int) string { return "/api/hubs/2?expand=items.parts.item.parts" }},
			{"filters that push out what is known", nil, func(i int) string {
				if i%20 == 0 {
					return withFilter("items", endless+" || n == -"+strconv.Itoa(i))
				}
				return withFilter("pages", "id == "+strconv.Itoa(i)+" || name == '"+strings.Repeat("x", 4000)+"'")
			}},
		} {
			if effort.Raced && i%3 != 0 {
				continue // each takes seconds
			}
			if try.before != nil {
				try.before()
			}
			toClients, toAttackers := server.beside(lasting, attackers, try.attack, clients, quick, ann)
			served(t, try.name, 8, toClients, toAttackers)
		}
	})
}

// The server does not refuse ordinary clients of a slow list. They wait for each other.
func TestExhaustion_OrdinarySlowList(t *testing.T) {
	onBoth(t, shared, sharedRows(), func(server *target) {
		ask := func(int) string { return "/api/seats?sort=-n&limit=20" }
		_, _, took := server.get(context.Background(), server.plain, ask(0), "")
		// The gate refuses callers with an expected wait above two seconds. Under the race detector the list is slower, so
		// fewer clients ask.
		clients := min(8, max(2, int(time.Second/took)))
		toClients, _ := server.beside(2*time.Second, 0, nil, clients, ask, "")
		server.t.Logf("one alone takes %v, so %d ask", took, clients)
		served(server.t, "a slow list", clients, toClients, &tally{})
	})
}

const largeRows = `
ashlar: 1
name: large
tables:
  topics:
    key: int
    fields: {title: {type: text}}
    access: {read: true, create: true}
  posts:
    key: int
    fields: {topic: {ref: topics, reverse: posts}, body: {type: text}}
    access: {read: true, create: true}
`

// A writer that fills a table with rows of a megabyte does not break the list for other clients. The page ends earlier, and
// its memory stays within the limit of an answer, including expanded rows.
func TestExhaustion_LargeRows(t *testing.T) {
	effort.SkipRaced(t)
	onBoth(t, largeRows, nil, func(server *target) {
		t := server.t
		const rows = 40 // an answer has at most 32 MB
		megabyte := strings.Repeat("x", 1_000_000)
		for i := range rows {
			server.must(201, "POST", "/api/topics", "", fmt.Sprintf(`{"title":%q}`, megabyte))
			server.must(201, "POST", "/api/posts", "", fmt.Sprintf(`{"topic_id":%d,"body":%q}`, i+1, megabyte))
		}
		for _, path := range []string{"/api/posts", "/api/posts?limit=500&expand=topic", "/api/posts?limit=500&fields=body,topic.title", "/api/topics?limit=500&expand=posts", "/api/topics/1?expand=posts"} {
			peak := memory(t)
			got := server.must(200, "GET", path, "", "")
			used := peak()
			t.Logf("%s: %d MiB, an answer of %d MiB", path, used, len(got.body)>>20)
			if used > 320 || len(got.body) > 32<<20+1000 { // used includes the client's copy
				t.Errorf("%s: %d MiB, an answer of %d bytes", path, used, len(got.body))
			}
			if !strings.Contains(path, "/1") && !strings.Contains(got.body[len(got.body)-200:], `"next":"`) {
				t.Errorf("%s: the page has no next", path)
			}
		}
	})
}

// A server at its limit of concurrent requests still answers probes.
func TestExhaustion_Probes(t *testing.T) {
	server := start(t, notesModel, app.Config{MaxConcurrent: 4}, map[string]string{"users.ndjson": users})
	tokens := []string{server.token(annID), server.token(bobID)} // one client alone may not have all places
	held := 0
	hold := func() { // a request at work: its body never ends
		held++
		conn, err := net.Dial("tcp", server.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		head := "POST /api/pages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + tokens[held%2] + "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		hold()
	}
	taken := false
	for i := range 200 {
		if taken = server.ask("GET", "/api/pages", "", "").status == 503; taken {
			break
		}
		time.Sleep(10 * time.Millisecond)
		if i%20 == 19 {
			hold() // one of the four was refused, since this request had its place
		}
	}
	if !taken {
		t.Fatal("the server is not at its limit of requests")
	}
	for range 20 {
		server.must(200, "GET", "/healthz", "", "")
		server.must(200, "GET", "/readyz", "", "")
	}
}
