package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is the password of the user ashlar.
const Password = "it's a 100% \"secret\""

// StartSecureCluster starts a server only for t. Over TCP it requires TLS and a SCRAM password.
func StartSecureCluster(t testing.TB, authority *Authority, options ...string) *Cluster {
	t.Helper()
	cluster, err := create(options...)
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(cluster.remove)
	if err := cluster.secure(authority); err != nil {
		t.Fatal(err)
	}
	return cluster
}

// Over the unix socket it lets anybody in, as the tests' own requests need.
const secureHBA = `
local all all trust
hostssl all all 127.0.0.1/32 scram-sha-256
`

func (c *Cluster) secure(authority *Authority) (err error) {
	if c.port, err = freePort(); err != nil {
		return err
	}
	hba := filepath.Join(c.dir, "hba.conf")
	c.options = append(c.options, "listen_addresses="+loopback, "ssl=on", "ssl_key_file="+filepath.Join(c.dir, "server.key"),
		"ssl_cert_file="+filepath.Join(c.dir, "server.crt"), "hba_file="+hba)
	if err := errors.Join(authority.issue(c.dir, c.owner), os.WriteFile(hba, []byte(secureHBA), 0o644), c.Start()); err != nil {
		return err
	}
	_, err = c.ask("ALTER ROLE ashlar PASSWORD '" + quoted(Password) + "'")
	return err
}

// ask runs a statement as the superuser and returns its result as text.
func (c *Cluster) ask(sql string) (text string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return "", err
		}
	}
	return text, rows.Err()
}

// SecureURL is the address of one of its databases over TCP. Settings are settings of TLS, such as "sslmode", "require".
func (c *Cluster) SecureURL(database string, settings ...string) string {
	return secureURL(c.port, database, settings)
}

func secureURL(port int, database string, settings []string) string {
	q := url.Values{}
	for i := 0; i+1 < len(settings); i += 2 {
		q.Set(settings[i], settings[i+1])
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("ashlar", Password), Host: loopback + ":" + strconv.Itoa(port),
		Path: "/" + database, RawQuery: encoded(q),
	}
	return u.String()
}

// StartSecurePooler starts a pgbouncer only for t, in front of a server of StartSecureCluster. Clients of the pooler need
// TLS and a SCRAM password, and so does the pooler at the server. Its file of users holds what the server keeps of the
// password, not the password.
func StartSecurePooler(t testing.TB, cluster *Cluster, authority *Authority, options ...string) *Pooler {
	t.Helper()
	secret, err := cluster.ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'ashlar'")
	if err != nil {
		t.Fatal(err)
	}
	pooler, err := newPooler(fmt.Sprintf("* = host=%s port=%d", loopback, cluster.port))
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(pooler.remove)
	if pooler.port, err = freePort(); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(pooler.dir, name) }
	users := []byte(`"ashlar" "` + secret + `"` + "\n")
	if err := errors.Join(authority.issue(pooler.dir, pooler.owner), os.WriteFile(in("users.txt"), users, 0o644)); err != nil {
		t.Fatal(err)
	}
	pooler.options = append([]string{
		"listen_addr=" + loopback,
		"auth_type=scram-sha-256", "auth_file=" + in("users.txt"), "admin_users=ashlar",
		"client_tls_sslmode=require", "client_tls_key_file=" + in("server.key"), "client_tls_cert_file=" + in("server.crt"),
		"server_tls_sslmode=verify-full", "server_tls_ca_file=" + in("root.crt"),
	}, options...)
	if err := pooler.Start(); err != nil {
		t.Fatal(err)
	}
	return pooler
}

// SecureURL is the address of one of the server's databases over TCP.
func (p *Pooler) SecureURL(database string, settings ...string) string {
	return secureURL(p.port, database, settings)
}
