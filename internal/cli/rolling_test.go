package cli

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// balance runs HAProxy with the configuration of docs/stopping.md, and returns its address. It looks five times as often.
func balance(t *testing.T, servers ...string) string {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program = "/usr/sbin/haproxy"; !exists(program) {
			t.Skip("*** NOT TESTED BEHIND HAPROXY: install it")
		}
	}
	text, err := os.ReadFile("../../docs/stopping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, config, found := strings.Cut(string(text), "```\ndefaults\n")
	config, _, ended := strings.Cut(config, "```\n")
	own := freeAddress(t)
	pairs := []string{"bind :80", "bind " + own, "inter 1s", "inter 200ms", "10.0.0.1:8080", servers[0], "10.0.0.2:8080", servers[1]}
	for i := 0; i < len(pairs); i += 2 {
		if !found || !ended || !strings.Contains(config, pairs[i]) {
			t.Fatalf("docs/stopping.md has no configuration of HAProxy with %q", pairs[i])
		}
		config = strings.ReplaceAll(config, pairs[i], pairs[i+1])
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte("defaults\n"+config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-f", file)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
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

// Two servers behind HAProxy on PostgreSQL restart one after the other with a new field in the model, while 24 clients
// write. No request fails and no acknowledged write is lost.
func TestRollingRestart(t *testing.T) {
	effort.SkipRaced(t)
	if !pgtest.Available() {
		t.Skip("SKIPPED: PostgreSQL is not installed")
	}
	database, dir := pgtest.URL(t), writeApp(t, ledger)
	addresses := []string{freeAddress(t), freeAddress(t)}
	folders := []string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")}
	start := func(i int) *process {
		flags := []string{"serve", dir, "--listen", addresses[i], "--data", folders[i], "--database", database, "--lame-duck", "1500ms",
			"--operate-listen", "off", "--log-format", "json", "--log-level", "error"}
		if i > 0 {
			flags = append(flags, "--keys", folders[0])
		}
		return startServer(t, exec.Command(os.Args[0], flags...))
	}
	servers := []*process{start(0), start(1)}
	ws := startWriters(balance(t, addresses...), 0, false)
	count := 0
	for round := range effort.Cases(1, 20) {
		model := strings.Replace(readFile(t, dir), "n: {type: int}\n", "n: {type: int}\n      note"+strconv.Itoa(round)+": {type: text, optional: true}\n", 1)
		if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(model), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range servers {
			count += 200
			ws.await(t, count)
			if _, err := servers[i].stop(); err != nil {
				t.Error(err)
			}
			servers[i] = start(i)
			awaitReady(t, servers[i].url)
			time.Sleep(time.Second) // HAProxy must have seen it before the next one stops
		}
	}
	ws.stopped.Store(true)
	ws.wg.Wait()
	ws.check(t, storedIn(t, servers[0].url, 0))
	t.Logf("%d writes, %d failed; the longest took %v", len(ws.written), len(ws.failed), ws.longest)
	for _, server := range servers {
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
