// Package pgtest gives each test a PostgreSQL database of its own.
//
// ASHLAR_TEST_DATABASE_URL names the server. Otherwise the test binary starts a private one, which listens only on a unix
// socket, syncs nothing, and ends with the test binary even if that is killed.
package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// urlVariable names the server that tests use instead of starting one. Its user must be allowed to create databases.
const urlVariable = "ASHLAR_TEST_DATABASE_URL"

// advice says what to do if PostgreSQL or pgbouncer is missing.
const advice = "there is not all of PostgreSQL to test with: install it (apt-get install -y postgresql pgbouncer, brew install postgresql pgbouncer), " +
	"or name a server in " + urlVariable

// server is where tests get their databases. It holds on to a private server: if the garbage collector closed the pipe of
// the leash, the server would end.
type server struct {
	url     string
	private *Cluster
}

// shared is the server of this test binary.
var shared = sync.OnceValues(startShared)

func startShared() (server, error) {
	if given := os.Getenv(urlVariable); given != "" {
		return server{url: given}, nil
	}
	cluster, err := start()
	if err != nil {
		return server{}, err
	}
	return server{cluster.URL("postgres"), cluster}, nil
}

// URL returns the address of a fresh, empty database, which is dropped when t ends. Without PostgreSQL it skips the test
// with a loud message, or fails it if CI is set.
func URL(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		missing(t, err)
	}
	name := "ashlar_test_" + random()
	admin(t, s.url, "CREATE DATABASE "+name+" TEMPLATE template0")
	t.Cleanup(func() { admin(t, s.url, "DROP DATABASE "+name+" WITH (FORCE)") })
	return withDatabase(t, s.url, name)
}

// Available reports whether there is a PostgreSQL. If not, it says so loudly. If CI is set, it reports true, so that URL
// fails.
func Available() bool {
	_, err := shared()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n*** NOT TESTED ON POSTGRESQL: %s\n*** %v\n\n", advice, err)
	}
	return err == nil || os.Getenv("CI") != ""
}

func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s\n%v", advice, err)
	}
	fmt.Fprintf(os.Stderr, "\n*** NOT TESTED ON POSTGRESQL: %s\n*** %s\n*** %v\n\n", t.Name(), advice, err)
	t.Skip(advice)
}

func admin(t testing.TB, server, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("the PostgreSQL of %s: %v", urlVariable, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql, pgx.QueryExecModeExec); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func random() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// withDatabase returns a server's address with another database.
func withDatabase(t testing.TB, server, name string) string {
	t.Helper()
	if !strings.Contains(server, "://") {
		return server + " dbname=" + name
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s: %v", urlVariable, err)
	}
	u.Path = "/" + name
	return u.String()
}
