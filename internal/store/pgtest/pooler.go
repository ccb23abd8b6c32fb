package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Pooler is a private pgbouncer in transaction mode: each transaction runs on another connection of the server than the
// last one did.
type Pooler struct {
	dir     string
	port    int // of its unix socket, and of TCP where it listens to that
	program string
	owner   *owner
	server  string   // the line that says where the server is
	options []string // lines of its configuration, beside the usual ones
	process leashed
}

// StartPooler starts one for t alone, before the server of an address. Options are lines of pgbouncer's configuration,
// such as "pool_mode=session".
func StartPooler(t testing.TB, server string, options ...string) *Pooler {
	t.Helper()
	p, err := startPooler(server, options...)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(p.remove)
	return p
}

// Pooled returns the address of a fresh, empty database through a pooler, and its own address.
func Pooled(t testing.TB) (pooled, direct string) {
	t.Helper()
	direct = URL(t)
	p, err := sharedPooler()
	if err != nil {
		missing(t, err)
	}
	config, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	return p.URL(config.Database), direct
}

// sharedPooler is that of this test binary, before its shared server.
var sharedPooler = sync.OnceValues(func() (*Pooler, error) {
	s, err := shared()
	if err != nil {
		return nil, err
	}
	return startPooler(s.url)
})

// poolerSettings make connections be shared as much as can be. What it listens to is a unix socket alone.
const poolerSettings = `
[pgbouncer]
listen_addr =
auth_type = any
admin_users = ashlar
pool_mode = transaction
server_round_robin = 1
default_pool_size = 24
max_client_conn = 2000
server_idle_timeout = 5
log_connections = 0
log_disconnections = 0
unix_socket_mode = 0777
`

func startPooler(server string, options ...string) (*Pooler, error) {
	config, err := pgx.ParseConfig(server)
	if err != nil {
		return nil, err
	}
	target := fmt.Sprintf("* = host=%s port=%d user=%s", config.Host, config.Port, config.User)
	if config.Password != "" {
		target += " password='" + quoted(config.Password) + "'"
	}
	p, err := newPooler(target)
	if err != nil {
		return nil, err
	}
	p.options = options
	if err := p.Start(); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

// newPooler makes the folder of one, which is not started yet.
func newPooler(server string) (*Pooler, error) {
	program, err := findPooler()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged() // pgbouncer does not run as root either
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketFolder(), "ashlar-pool-")
	if err != nil {
		return nil, err
	}
	return &Pooler{dir: dir, port: usualPort, program: program, owner: who, server: server}, who.own(dir)
}

// Start starts it and waits until its console answers.
func (p *Pooler) Start() error {
	file := filepath.Join(p.dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n%s\n%sunix_socket_dir = %s\nlisten_port = %d\n%s\n",
		p.server, poolerSettings, p.dir, p.port, strings.Join(p.options, "\n"))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	var err error
	if p.process, err = leash(p.owner, p.dir, "TERM", p.program, file); err != nil {
		return err
	}
	return answers(p.URL(consoleDatabase), p.dir)
}

// Stop ends it by a signal: KILL as a crash, TERM as an operator in haste, INT when the transactions under way are over. Start starts it again.
func (p *Pooler) Stop(signal string) error { return p.process.stop(signal) }

// consoleDatabase is the name under which pgbouncer itself answers.
const consoleDatabase = "pgbouncer"

// Command gives it an order over its console, such as PAUSE, and waits until that is done.
func (p *Pooler) Command(order string) error {
	config, err := pgx.ParseConfig(p.URL(consoleDatabase))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, &config.Config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, order).ReadAll() // the console knows the simple protocol alone
	return err
}

// URL is the address of one of the server's databases through the pooler.
func (p *Pooler) URL(database string) string {
	q := url.Values{"host": {p.dir}, "port": {strconv.Itoa(p.port)}, "user": {"ashlar"}, "password": {Password}}
	return "postgres:///" + database + "?" + encoded(q)
}

// encoded writes a blank as %20, where the addresses of databases know no other way.
func encoded(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }

func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }

// remove ends the pooler and deletes its files.
func (p *Pooler) remove() {
	p.process.end()
	_ = os.RemoveAll(p.dir)
}
