package attack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
)

// memory watches the memory of this process, client and server together. peak ends that and returns the growth.
func memory(t *testing.T) (peak func() (megabytes int)) {
	t.Helper()
	runtime.GC()
	used := func() uint64 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapInuse + stats.StackInuse
	}
	before, most := used(), uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			most = max(most, used())
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int {
		close(stop)
		<-done
		return int(max(most, before)-before) >> 20
	}
}

// alive fails the test if the server does not answer two plain requests quickly.
func (s *target) alive() {
	s.t.Helper()
	began := time.Now()
	s.must(200, "GET", "/healthz", "", "")
	s.must(200, "GET", "/api/pages", "", "")
	if took := time.Since(began); took > 2*time.Second {
		s.t.Errorf("two plain requests took %v", took)
	}
}

// Some requests are cheap to send and meant to be expensive to answer. The server refuses them, or answers at a bounded
// cost.
func TestExhaustion_CheapRequests(t *testing.T) {
	server, ann, _ := attacked(t)
	filter := func(text string) string { return "/api/notes?filter=" + url.QueryEscape(text) }
	elements := strings.TrimSuffix(strings.Repeat("1,", 100_000), ",")
	members := func(n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, `"%x":0,`, i)
		}
		return text.String()
	}
	note := func(more string) string { return `{"title":"x","owner_id":"` + annID + `",` + more + `}` }
	for _, try := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"a filter of 4,097 bytes", "GET", filter("title == '" + strings.Repeat("x", 4097-11) + "'"), "", 400},
		{"a filter of 4,096 bytes", "GET", filter("title == '" + strings.Repeat("x", 4096-11) + "'"), "", 200},
		{"a list of 100,000 elements", "GET", filter("id in [" + elements + "]"), "", 431}, // by net/http: it does not fit a header
		{"a list of 1,900 elements", "GET", filter("id in [" + elements[:3799] + "]"), "", 400},
		{"a filter nested 2,000 deep", "GET", filter(strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000)), "", 400},
		{"2,000 negations", "GET", filter(strings.Repeat("!", 2000) + "hidden"), "", 200},
		{"macros in macros", "GET", filter("owner.notes.exists(a, a.owner.notes.exists(b, b.owner.notes.exists(c, c.owner.notes.exists(d, true))))"), "", 400},
		{"comparisons of comparisons", "GET", filter(strings.Repeat("((", 15) + "hidden" + strings.Repeat(") == (salary + salary == boss_id.size()))", 15)), "", 200},
		{"8,000 sort keys", "GET", "/api/notes?sort=" + strings.TrimSuffix(strings.Repeat("id,", 5000), ","), "", 400},
		{"5,000 expansions", "GET", "/api/notes?expand=" + strings.TrimSuffix(strings.Repeat("owner,", 2500), ","), "", 400},
		{"an expansion of 5 levels", "GET", "/api/notes?expand=owner.notes.owner.notes.owner", "", 400},
		{"a thousand parameters", "GET", "/api/notes?" + strings.TrimSuffix(strings.Repeat("a=b&", 1000), "&"), "", 400},
		{"a limit of a billion", "GET", "/api/notes?limit=1000000000", "", 400},
		{"an array of 100,000 elements", "POST", "/api/notes", note(`"extra":[` + elements + `]`), 201},
		{"arrays nested 100,000 deep", "POST", "/api/notes", note(`"extra":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)), 400},
		{"100,000 unknown members", "POST", "/api/notes", note(members(100_000) + `"z":1`), 422},
		{"a member given 100,000 times", "POST", "/api/notes", note(strings.Repeat(`"a":0,`, 100_000) + `"z":1`), 400},
		{"a number of 900,000 digits", "POST", "/api/notes", note(`"salary":` + strings.Repeat("9", 900_000)), 422},
		{"a huge exponent", "POST", "/api/notes", note(`"salary":1e999999999`), 422},
		{"a text of a megabyte", "POST", "/api/notes", `{"title":"` + strings.Repeat("x", 1<<20-30) + `"}`, 422},
		{"more than a megabyte", "POST", "/api/notes", note(`"extra":"` + strings.Repeat("x", 1<<20) + `"`), 413},
	} {
		peak := memory(t)
		began := time.Now()
		got := server.ask(try.method, try.path, ann, try.body)
		took, used := time.Since(began), peak()
		if got.status != try.status {
			t.Errorf("%s: %d %.200s, want %d", try.name, got.status, got.body, try.status)
		}
		if took > 2*time.Second || used > 64 || len(got.body) > 1<<20 {
			t.Errorf("%s: %v, %d MiB, an answer of %d bytes", try.name, took, used, len(got.body))
		}
		t.Logf("%s: %d after %v, %d MiB, %d bytes", try.name, got.status, took.Round(time.Millisecond), used, len(got.body))
	}
	server.alive()
}

// blanks is a body of blanks.
type blanks struct{ left atomic.Int64 }

func newBlanks(n int64) *blanks {
	b := &blanks{}
	b.left.Store(n)
	return b
}

func (b *blanks) Read(p []byte) (int, error) {
	n := min(int64(len(p)), b.left.Load())
	if n <= 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = ' '
	}
	b.left.Add(-n)
	return int(n), nil
}

// The server refuses a body of a gigabyte at once if its length is known, and otherwise after the first megabyte. It takes
// little memory for both.
func TestExhaustion_Gigabyte(t *testing.T) {
	server, ann, _ := attacked(t)
	peak := memory(t)
	for _, declared := range []int64{1 << 30, -1} {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				body := newBlanks(1 << 30)
				req, err := http.NewRequest("POST", server.base+"/api/notes", body)
				if err != nil {
					t.Error(err)
					return
				}
				req.ContentLength = declared
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer "+ann)
				res, err := server.plain.Do(req)
				sent := 1<<30 - body.left.Load()
				if sent > 64<<20 {
					t.Errorf("the server took %d MiB", sent>>20)
				}
				if err != nil {
					return // the server closed while we were still sending: the answer is lost to this client
				}
				defer res.Body.Close()
				if res.StatusCode != 413 {
					t.Errorf("declared %d: %d, want 413", declared, res.StatusCode)
				}
			})
		}
		group.Wait()
	}
	used := peak()
	t.Logf("16 bodies of a gigabyte: %d MiB", used)
	if used > 64 {
		t.Errorf("%d MiB", used)
	}
	server.alive()
}

const hub = `
ashlar: 1
name: hub
tables:
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
  pages:
    key: int
    fields: {name: {type: text, max: 20}}
    access: {read: true}
`

// The deadline of its statement ends a filter that would run for hours. The server answers other clients all the time.
func TestExhaustion_CostlyFilters(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for deadlines")
	}
	t.Parallel()
	var items strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&items, `{"id":%d,"hub_id":1,"n":%d}`+"\n", i+1, i)
	}
	server := start(t, hub, app.Config{}, map[string]string{"hubs.ndjson": `{"id":1,"name":"h"}`, "items.ndjson": items.String(), "pages.ndjson": `{"id":1,"name":"p"}`})
	peak := memory(t)
	costly := "/api/items?total=true&filter=" + url.QueryEscape("hub.items.exists(a, a.hub.items.exists(b, a.n + b.n + n == -1))")
	server.alive() // others have asked their queries before
	var group sync.WaitGroup
	began := time.Now()
	const attackers = 2
	for range attackers {
		group.Go(func() {
			got := server.ask("GET", costly, "", "")
			cut := (got.status == 503 && got.header.Get("Retry-After") != "") ||
				(got.status == 400 && strings.Contains(got.body, "takes too long"))
			if !cut {
				t.Errorf("a costly filter: %s", got)
			}
		})
	}
	for range 10 {
		time.Sleep(100 * time.Millisecond)
		server.alive()
	}
	group.Wait()
	took, used := time.Since(began), peak()
	t.Logf("%d costly filters: cut after %v, %d MiB", attackers, took.Round(time.Millisecond), used)
	if took > 20*time.Second || used > 64 {
		t.Errorf("%d costly filters took %v and %d MiB", attackers, took, used)
	}
	server.alive()
	if a := server.must(200, "GET", "/api/items?limit=1&total=true", "", ""); !strings.Contains(a.body, `"total":3000`) {
		t.Errorf("after it: %s", a.body)
	}
}

// The server cuts off clients that send a header or a body byte by byte. Other clients do not wait for them.
func TestExhaustion_SlowClients(t *testing.T) {
	t.Parallel()
	server := start(t, notesModel, app.Config{HeaderTimeout: time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 3 * time.Second}, map[string]string{"users.ndjson": users})
	ann := server.token(annID)
	const clients = 60
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			began := time.Now()
			text := "GET /api/pages HTTP/1.1\r\nHost: x\r\nX-Slow: "
			if i%2 == 0 {
				text = "POST /api/pages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + ann + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
			}
			status, err := drip(server.addr, text)
			if err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("a slow client was served for %v", took)
			}
			if status != 0 && (status < 400 || status >= 500) {
				t.Errorf("a slow client got %d", status)
			}
		})
	}
	for range 5 {
		server.alive()
		time.Sleep(200 * time.Millisecond)
	}
	group.Wait()
	server.must(200, "GET", "/api/pages", "", "")
}

// drip sends a text, then one byte at a time, until the server ends the connection. It returns the status of the answer, or
// 0 if there was none.
func drip(addr, text string) (status int, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		return 0, err
	}
	go func() {
		for range 200 {
			time.Sleep(50 * time.Millisecond)
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
		}
	}()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return 0, fmt.Errorf("the server still listens after 10 s")
	}
	if _, rest, ok := strings.Cut(line, " "); ok {
		status, _ = strconv.Atoi(rest[:min(3, len(rest))])
	}
	return status, nil
}

// A thousand connections that stay open after one request take little memory. The server closes them after its idle
// timeout.
func TestExhaustion_IdleConnections(t *testing.T) {
	t.Parallel()
	server := start(t, notesModel, app.Config{IdleTimeout: 3 * time.Second}, map[string]string{"users.ndjson": users})
	const clients = 1000
	peak := memory(t)
	conns := make([]net.Conn, 0, clients)
	for range clients {
		conn, err := net.Dial("tcp", server.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	server.alive()
	used := peak()
	t.Logf("%d idle connections: %d MiB", clients, used)
	if used > 100 {
		t.Errorf("%d idle connections take %d MiB", clients, used)
	}
	ended := 0
	for _, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err == nil {
			ended++
		}
	}
	if ended != clients {
		t.Errorf("%d of %d idle connections were ended", ended, clients)
	}
	server.alive()
}
