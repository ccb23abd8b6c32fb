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

// Pooler is a private pgbouncer in transaction mode. Each transaction may run on another connection of the server.
type Pooler struct {
	dir     string
	port    int // of its unix socket, and of TCP if it uses TCP
	program string
	owner   *owner
	server  string   // line of the configuration that names the server
	options []string // further lines of the configuration
	process leashed
}

// StartPooler starts a pooler only for t, in front of the server of an address. Options are lines of pgbouncer's
// configuration, such as "pool_mode=session".
func StartPooler(t testing.TB, server string, options ...string) *Pooler {
	t.Helper()
	pooler, err := startPooler(server, options...)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(pooler.remove)
	return pooler
}

// Pooled returns the address of a fresh, empty database through a pooler, and its own address.
func Pooled(t testing.TB) (pooled, direct string) {
	t.Helper()
	direct = URL(t)
	pooler, err := sharedPooler()
	if err != nil {
		missing(t, err)
	}
	config, err := pgx.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}
	return pooler.URL(config.Database), direct
}

// sharedPooler is the pooler of this test binary, in front of its shared server.
var sharedPooler = sync.OnceValues(func() (*Pooler, error) {
	s, err := shared()
	if err != nil {
		return nil, err
	}
	return startPooler(s.url)
})

// poolerSettings make the pooler share connections as much as it can, and listen only on a unix socket.
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
	pooler, err := newPooler(target)
	if err != nil {
		return nil, err
	}
	pooler.options = options
	if err := pooler.Start(); err != nil {
		pooler.remove()
		return nil, err
	}
	return pooler, nil
}

// newPooler makes the folder of a pooler. It does not start the pooler.
func newPooler(server string) (*Pooler, error) {
	program, err := findPooler()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged() // pgbouncer refuses to run as root
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketFolder(), "ashlar-pool-")
	if err != nil {
		return nil, err
	}
	return &Pooler{dir: dir, port: usualPort, program: program, owner: who, server: server}, who.own(dir)
}

// Start starts the pooler and waits until its console answers.
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

// Stop ends the pooler by a signal: KILL as a crash, TERM as an operator in haste, INT when the transactions under way are
// over. Start starts it again.
func (p *Pooler) Stop(signal string) error { return p.process.stop(signal) }

// consoleDatabase is the database name under which pgbouncer itself answers.
const consoleDatabase = "pgbouncer"

// Command runs an order on the console, such as PAUSE, and waits until it is done.
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
	_, err = conn.Exec(ctx, order).ReadAll() // the console knows only the simple protocol
	return err
}

// URL returns the address of one of the server's databases through the pooler.
func (p *Pooler) URL(database string) string {
	q := url.Values{"host": {p.dir}, "port": {strconv.Itoa(p.port)}, "user": {"ashlar"}, "password": {Password}}
	return "postgres:///" + database + "?" + encoded(q)
}

// encoded writes a blank as %20, because addresses of databases know no other way.
func encoded(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }

func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }

// remove ends the pooler and deletes its files.
func (p *Pooler) remove() {
	p.process.end()
	_ = os.RemoveAll(p.dir)
}
