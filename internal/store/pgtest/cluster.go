package pgtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Cluster is a private server.
type Cluster struct {
	dir     string
	port    int // of its unix socket, and of TCP if it uses TCP
	bin     string
	owner   *owner
	options []string
	process leashed
}

// StartCluster starts a server only for t, which may stop and start it. Options are settings, such as "max_connections=20".
func StartCluster(t testing.TB, options ...string) *Cluster {
	t.Helper()
	cluster, err := start(options...)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(cluster.remove)
	return cluster
}

// NewCluster starts a server for a program that is no test. The program must call Close.
func NewCluster(options ...string) (*Cluster, error) { return start(options...) }

// Close ends the server and deletes its files.
func (c *Cluster) Close() { c.remove() }

const usualPort = 5432

// socketFolder returns a short folder. The path of a unix socket has at most 107 bytes, and TMPDIR may be long.
func socketFolder() string {
	if dir := os.TempDir(); len(dir) < 40 {
		return dir
	}
	return "/tmp"
}

func start(options ...string) (*Cluster, error) {
	cluster, err := create(options...)
	if err != nil {
		return nil, err
	}
	if err := cluster.Start(); err != nil {
		cluster.remove()
		return nil, err
	}
	return cluster, nil
}

// create makes the files of a server. It does not start the server.
func create(options ...string) (*Cluster, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketFolder(), "ashlar-pg-")
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{dir: dir, port: usualPort, bin: bin, owner: who, options: options}
	if err := who.own(dir); err != nil {
		return nil, err
	}
	if err := cluster.initialise(); err != nil {
		cluster.remove()
		return nil, err
	}
	return cluster, nil
}

// initialise makes the files of the cluster. If this build of PostgreSQL has linguistic orders of text, the cluster uses
// one by default. A statement that forgets to ask for the order of code points then fails its test.
func (c *Cluster) initialise() error {
	args := []string{"-D", c.data(), "-U", "ashlar", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"}
	linguistic := append(args, "--locale=C", "--locale-provider=icu", "--icu-locale=en")
	if _, err := c.run("initdb", linguistic...); err == nil {
		return nil
	}
	_ = os.RemoveAll(c.data())
	out, err := c.run("initdb", append(args, "--locale=C")...)
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) run(program string, args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.dir
	c.owner.run(cmd)
	return cmd.CombinedOutput()
}

// Start starts the server and waits until it answers.
func (c *Cluster) Start() error {
	args := []string{"-D", c.data(), "-k", c.dir, "-p", strconv.Itoa(c.port)}
	for _, option := range append([]string{
		"listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200",
		"shared_buffers=64MB", "max_wal_size=256MB", "timezone=Pacific/Chatham", "datestyle=German", "log_min_messages=warning",
		"max_prepared_transactions=0", "unix_socket_permissions=0777",
	}, c.options...) {
		args = append(args, "-c", option)
	}
	var err error
	if c.process, err = leash(c.owner, c.dir, "QUIT", filepath.Join(c.bin, "postgres"), args...); err != nil {
		return err
	}
	return answers(c.URL("postgres"), c.dir)
}

// URL returns the address of one of the server's databases.
func (c *Cluster) URL(database string) string {
	q := url.Values{"host": {c.dir}, "port": {strconv.Itoa(c.port)}, "user": {"ashlar"}}
	return "postgres:///" + database + "?" + q.Encode()
}

// Socket returns the folder of the server's unix socket.
func (c *Cluster) Socket() string { return filepath.Join(c.dir, ".s.PGSQL."+strconv.Itoa(c.port)) }

// Stop ends the server by a signal: INT as an operator would, QUIT as a crash. Start starts it again.
func (c *Cluster) Stop(signal string) error {
	return c.process.stop(signal)
}

// remove ends the server and deletes its files.
func (c *Cluster) remove() {
	c.process.end()
	_ = os.RemoveAll(c.dir)
}
