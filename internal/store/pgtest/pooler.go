package pgtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Pooler is a private pgbouncer in transaction mode: each transaction runs on another connection of the server than the
// last one did.
type Pooler struct {
	dir     string
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
listen_port = 5432
auth_type = any
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
	program, err := findPooler()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged() // pgbouncer does not run as root either
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(server)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(socketFolder(), "ashlar-pool-")
	if err != nil {
		return nil, err
	}
	p := &Pooler{dir: dir}
	file := filepath.Join(dir, "pgbouncer.ini")
	target := fmt.Sprintf("* = host=%s port=%d user=%s", config.Host, config.Port, config.User)
	if config.Password != "" {
		target += " password='" + strings.ReplaceAll(config.Password, "'", "''") + "'"
	}
	text := fmt.Sprintf("[databases]\n%s\n%sunix_socket_dir = %s\n%s\n", target, poolerSettings, dir, strings.Join(options, "\n"))
	err = errors.Join(who.own(dir), os.WriteFile(file, []byte(text), 0o644))
	if err == nil {
		p.process, err = leash(who, dir, "TERM", program, file)
	}
	if err = errors.Join(err, answers(p.URL(config.Database), dir)); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

// URL is the address of one of the server's databases through the pooler.
func (p *Pooler) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {p.dir}, "user": {"ashlar"}}.Encode()
}

// remove ends the pooler and deletes its files.
func (p *Pooler) remove() {
	p.process.end()
	_ = os.RemoveAll(p.dir)
}
