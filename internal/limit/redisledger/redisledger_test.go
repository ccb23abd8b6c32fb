package redisledger

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/limit/ledgertest"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// server is a private redis-server.
type server struct {
	t       *testing.T
	dir     string
	port    string
	options []string
	cmd     *exec.Cmd
}

// startServer starts a Redis or Valkey. Without one it skips the test with a loud message, or fails it if CI is set.
func startServer(t *testing.T, options ...string) *server {
	t.Helper()
	program := ""
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
		}
	}
	if program == "" {
		const advice = "there is no redis-server or valkey-server to test with: install one (apt-get install -y redis-server)"
		if os.Getenv("CI") != "" {
			t.Fatal(advice)
		}
		fmt.Fprintf(os.Stderr, "\n*** NOT TESTED ON REDIS: %s\n*** %s\n\n", t.Name(), advice)
		t.Skip(advice)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
	_ = ln.Close()
	s := &server{t: t, dir: t.TempDir(), port: port, options: append([]string{program, "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no"}, options...)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.cmd = exec.Command(s.options[0], s.options[1:]...)
	s.cmd.Dir = s.dir
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
	}
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) signal(signal os.Signal) {
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) address(user string) Address {
	s.t.Helper()
	address, err := ParseAddress("redis://" + user + "127.0.0.1:" + s.port + "/3")
	if err != nil {
		s.t.Fatal(err)
	}
	return address
}

func TestLedger(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) func() limit.Ledger {
		s := startServer(t)
		return func() limit.Ledger { return New(s.address("")) }
	})
}

// Keys expire by themselves, when their bucket is full.
func TestKeysExpire(t *testing.T) {
	s := startServer(t)
	l := New(s.address(""))
	wants := []limit.Want{
		{Bucket: 1, Rate: model.Rate{Count: 10, Window: time.Second}, Need: 1},
		{Bucket: 2, Rate: model.Rate{Count: 10, Window: time.Hour}, Need: 1},
		{Bucket: 3, Rate: model.Rate{Count: 10, Window: time.Hour}},
	}
	if _, err := l.Reserve(t.Context(), wants); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if keys, err = redis.Strings(l.conn.Do("KEYS", "*")); err != nil {
			t.Fatal(err)
		}
		if len(keys) == 1 {
			break
		}
	}
	if len(keys) != 1 || keys[0] != "ashlar:limit:0000000000000002" {
		t.Errorf("keys %q, want the one whose bucket is not full", keys)
	}
}

// While Redis hangs or is away, requests go on. Once it is back, the nodes share their counts again. Redis has forgotten them
// if it was restarted.
func TestRedisIsAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		away func(*server)
		back func(*server)
	}{
		{"hangs", func(s *server) { s.signal(syscall.SIGSTOP) }, func(s *server) { s.signal(syscall.SIGCONT) }},
		{"restarted", (*server).stop, (*server).start},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startServer(t)
			rule := model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{{Count: 5000, Window: 24 * time.Hour}}}
			node := ledgertest.Node(New(s.address("")), 0, rule)
			for range 200 {
				ledgertest.Pass(node, 1)
			}
			if node.Stats().Asks == 0 {
				t.Fatal("the node asked nothing")
			}
			tt.away(s)
			slow, sent := 0, 0
			for began := time.Now(); time.Since(began) < 2*time.Second; sent++ {
				before := time.Now()
				if !ledgertest.Pass(node, 1) {
					t.Fatalf("request %d is refused: %+v", sent, node.Stats())
				}
				if time.Since(before) > slowest {
					slow++
				}
				time.Sleep(time.Millisecond)
			}
			tt.back(s)
			t.Logf("%d requests, of which %d took more than %v; %s", sent, slow, slowest, ledgertest.Format(node.Stats()))
			if slow > sent/5 {
				t.Errorf("%d of %d requests took more than %v", slow, sent, slowest)
			}
			began := node.Stats()
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				before := node.Stats()
				ledgertest.Pass(node, 1)
				after := node.Stats()
				if after.Alone == before.Alone && after.Asks-after.Failures > began.Asks-began.Failures+1 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the node does not ask again: %s", ledgertest.Format(after))
				}
			}
		})
	}
}

// slowest is several times what a request may wait for Redis. A busy machine adds to it.
const slowest = 250 * time.Millisecond

// A connection takes longer than a request may wait. The node connects all the same, and shares its counts.
func TestSlowToConnect(t *testing.T) {
	s := startServer(t)
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	go func() {
		for {
			client, err := near.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				time.Sleep(150 * time.Millisecond) // three times the patience of a request
				redis, err := net.Dial("tcp", s.address("").Host())
				if err != nil {
					return
				}
				defer redis.Close()
				go io.Copy(redis, client)
				_, _ = io.Copy(client, redis)
			}()
		}
	}()
	address, err := ParseAddress("redis://" + near.Addr().String() + "/3") // SELECT takes a turn on the wire
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ledger, ended := New(address), make(chan error, 1)
	go func() { ended <- ledger.Run(ctx) }()
	node := ledgertest.Node(ledger, 0, model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{{Count: 5000, Window: 24 * time.Hour}}})
	for deadline := time.Now().Add(time.Minute); node.Stats().Asks == node.Stats().Failures; time.Sleep(10 * time.Millisecond) {
		ledgertest.Pass(node, 1)
		if time.Now().After(deadline) {
			t.Fatalf("the node shares nothing: %s", ledgertest.Format(node.Stats()))
		}
	}
	stop()
	<-ended
	if _, err := ledger.Reserve(t.Context(), nil); err == nil {
		t.Error("a ledger that has ended reserves")
	}
}

func TestPassword(t *testing.T) {
	s := startServer(t, "--requirepass", "secret")
	for user, want := range map[string]string{":secret@": "", ":wrong@": "refuses the password", "": "refuses the password"} {
		err := Check(t.Context(), s.address(user))
		switch {
		case want == "" && err != nil:
			t.Errorf("with the password: %v", err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong@")):
			t.Errorf("with %q: %v, want an error that %s", user, err, want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	address, err := ParseAddress("redis://:secret@127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = Check(ctx, address)
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || strings.Contains(err.Error(), "secret") {
		t.Errorf("Check = %v, want an error with the host and no password", err)
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"redis://host":              "host:6379",
		"redis://:secret@host:1/2":  "host:1",
		"rediss://user:secret@host": "host:6379",
		"redis://[::1]:7":           "[::1]:7",
		"http://host":               "",
		"host:6379":                 "",
		"redis://":                  "",
		"redis://host/table":        "",
		"redis://host?db=1":         "",
		"redis://host:port":         "",
		"redis://host:99999":        "",
		"redis://host:0":            "",
		"":                          "",
	} {
		address, err := ParseAddress(text)
		if (err == nil) != (want != "") || address.Host() != want {
			t.Errorf("ParseAddress(%q) = %s, %v; want %q", text, address.Host(), err, want)
		}
		if printed := fmt.Sprintf("%v %+v %s %q %#v", address, address, address, address, address); strings.Contains(printed, "secret") {
			t.Errorf("the password is printed: %s", printed)
		}
	}
}
