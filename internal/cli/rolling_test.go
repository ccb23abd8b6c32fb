package cli

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// freeAddress returns an address of this machine on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// A balancer is a program with a configuration in docs/stopping.md.
type balancer struct {
	program string
	begins  string   // first line of the configuration
	pairs   []string // what a test replaces, beside the addresses of the servers
	listens string   // what stands before the port
	around  string   // what a whole file has around the configuration
	flags   []string
	notices time.Duration // the longest time until it uses a server that has started
}

// The test has HAProxy look five times as often.
func balancers() []balancer {
	return []balancer{
		{"haproxy", "defaults\n", []string{"inter 1s", "inter 200ms"}, "bind :", "%s", []string{"-f"}, time.Second},
		{"nginx", "upstream ashlar {\n", nil, "listen ", "daemon off; pid PID; error_log stderr; events {}\nhttp { access_log off;\n%s}\n", []string{"-e", "stderr", "-c"}, 3 * time.Second},
	}
}

// run runs the balancer in front of two servers, and returns its address.
func (b balancer) run(t *testing.T, servers ...string) string {
	t.Helper()
	program, err := exec.LookPath(b.program)
	if err != nil {
		if program = "/usr/sbin/" + b.program; !exists(program) {
			t.Skipf("*** NOT TESTED BEHIND %s: install it", strings.ToUpper(b.program))
		}
	}
	text, err := os.ReadFile("../../docs/stopping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, config, found := strings.Cut(string(text), "\n"+b.begins)
	config, _, ended := strings.Cut(config, "```\n")
	own, folder := freeAddress(t), t.TempDir()
	pairs := append([]string{b.listens + "80", strings.TrimSuffix(b.listens, ":") + own, "10.0.0.1:8080", servers[0], "10.0.0.2:8080", servers[1]}, b.pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if !found || !ended || !strings.Contains(config, pairs[i]) {
			t.Fatalf("docs/stopping.md has no configuration of %s with %q", b.program, pairs[i])
		}
		config = strings.ReplaceAll(config, pairs[i], pairs[i+1])
	}
	config = strings.Replace(fmt.Sprintf(b.around, b.begins+config), "PID", filepath.Join(folder, "pid"), 1)
	file := filepath.Join(folder, "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, append(b.flags, file)...)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // at SIGTERM nginx ends its workers too
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	awaitReady(t, "http://"+own)
	return "http://" + own
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// awaitReady waits until a server, or one behind a proxy, answers that it is ready.
func awaitReady(t *testing.T, base string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(base + "/readyz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v", base, err)
		}
	}
}

// Two servers behind a balancer on PostgreSQL restart one after the other with a new field in the model, while 24 clients
// write. No request fails and no acknowledged write is lost.
func TestRollingRestart(t *testing.T) {
	effort.SkipRaced(t)
	for _, b := range balancers() {
		t.Run(b.program, func(t *testing.T) {
			n := newNodes(t)
			ws := startWriters(b.run(t, n.addresses...), 0, false)
			count := 0
			for round := range effort.Cases(1, 20) {
				n.addField(t, round)
				n.restart(t, b.notices, func() {
					count += 200
					ws.await(t, count)
				})
			}
			ws.stopped.Store(true)
			ws.wg.Wait()
			n.check(t, ws)
		})
	}
}

// TestRollingRestartAtARate sends 500 writes a second, whatever the servers do, and restarts them one after the other all the
// time. It sends 1,000,000 with ASHLAR_NIGHTLY, or as many as ASHLAR_ROLLING says.
func TestRollingRestartAtARate(t *testing.T) {
	const rate, changes = 500, 20
	total := 1_000_000
	if text := os.Getenv("ASHLAR_ROLLING"); text != "" {
		var err error
		if total, err = strconv.Atoi(text); err != nil || total < 1 {
			t.Fatalf("ASHLAR_ROLLING is %q: write a number of requests", text)
		}
	} else if !effort.Nightly() {
		t.Skip("it takes half an hour: set ASHLAR_NIGHTLY, or ASHLAR_ROLLING to a number of requests")
	}
	for _, b := range balancers() {
		t.Run(b.program, func(t *testing.T) {
			n := newNodes(t)
			front, begun := b.run(t, n.addresses...), time.Now()
			ws := startPaced(front, rate, total)
			restarts := 0
			for ; !ws.finished(total); restarts += 2 {
				if restarts < 2*changes {
					n.addField(t, restarts/2)
				}
				n.restart(t, b.notices, func() {})
			}
			ws.wg.Wait()
			n.check(t, ws)
			t.Logf("%d restarts; %d of %d requests failed; %.0f requests/s", restarts, len(ws.failed), total, float64(total)/ws.ended.Sub(begun).Seconds())
		})
	}
}

// nodes are two servers on one database of PostgreSQL.
type nodes struct {
	dir, database      string
	addresses, folders []string
	servers            []*process
}

func newNodes(t *testing.T) *nodes {
	t.Helper()
	if !pgtest.Available() {
		t.Skip("SKIPPED: PostgreSQL is not installed")
	}
	n := &nodes{dir: writeApp(t, ledger), database: pgtest.URL(t), addresses: []string{freeAddress(t), freeAddress(t)}}
	n.folders = []string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")}
	n.servers = []*process{n.start(t, 0), n.start(t, 1)}
	return n
}

func (n *nodes) start(t *testing.T, i int) *process {
	t.Helper()
	flags := []string{"serve", n.dir, "--listen", n.addresses[i], "--data", n.folders[i], "--database", n.database, "--lame-duck", "1500ms",
		"--operate-listen", "off", "--log-format", "json", "--log-level", "error"}
	if i > 0 {
		flags = append(flags, "--keys", n.folders[0])
	}
	return startServer(t, exec.Command(os.Args[0], flags...))
}

// addField adds a field to the model. The servers know of it when they start the next time.
func (n *nodes) addField(t *testing.T, round int) {
	t.Helper()
	model := strings.Replace(readFile(t, n.dir), "n: {type: int}\n", "n: {type: int}\n      note"+strconv.Itoa(round)+": {type: text, optional: true}\n", 1)
	if err := os.WriteFile(filepath.Join(n.dir, "ashlar.yaml"), []byte(model), 0o600); err != nil {
		t.Fatal(err)
	}
}

// restart restarts one server after the other, and calls before each time.
func (n *nodes) restart(t *testing.T, notices time.Duration, before func()) {
	t.Helper()
	for i := range n.servers {
		before()
		if _, err := n.servers[i].stop(); err != nil {
			t.Error(err)
		}
		n.servers[i] = n.start(t, i)
		awaitReady(t, n.servers[i].url)
		time.Sleep(notices) // before the next one stops
	}
}

// check compares what was acknowledged with what is stored, and stops the servers.
func (n *nodes) check(t *testing.T, ws *writers) {
	t.Helper()
	ws.check(t, storedIn(t, n.servers[0].url, 0))
	t.Logf("%d writes, %d failed; the longest took %v", len(ws.written), len(ws.failed), ws.longest)
	for _, server := range n.servers {
		if _, err := server.stop(); err != nil {
			t.Error(err)
		}
	}
}

func readFile(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "ashlar.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
