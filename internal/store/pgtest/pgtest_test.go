package pgtest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func TestDatabasesAreApart(t *testing.T) {
	one, two := connect(t, URL(t)), connect(t, URL(t))
	if _, err := one.Exec(t.Context(), "CREATE TABLE x ()"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(t.Context(), "CREATE TABLE x ()"); err != nil {
		t.Errorf("a table of another test's database is in the way: %v", err)
	}
}

func TestClusterStopsAndStarts(t *testing.T) {
	c := StartCluster(t, "max_connections=10")
	for _, signal := range []string{"INT", "QUIT"} {
		if err := c.Stop(signal); err != nil {
			t.Fatalf("Stop(%s) = %v", signal, err)
		}
		if conn, err := pgx.Connect(t.Context(), c.URL("postgres")); err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("the server answers after Stop(%s)", signal)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	connect(t, c.URL("postgres"))
}

// childVariable makes this test binary one that starts a server, says where, and is then killed.
const childVariable = "ASHLAR_PGTEST_CHILD"

func TestServerEndsWithTheTestBinary(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		c := StartCluster(t)
		p := StartPooler(t, c.URL("postgres"))
		os.Stdout.WriteString(c.dir + " " + p.dir + "\n")
		time.Sleep(time.Hour)
	}
	if os.Getenv(urlVariable) != "" {
		t.Skip("no server is started here")
	}
	_, missingServer := findPrograms()
	_, missingPooler := findPooler()
	if err := errors.Join(missingServer, missingPooler); err != nil {
		missing(t, err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithTheTestBinary$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dirs := strings.Fields(line)
	if left := there(dirs); len(left) != 2 {
		t.Fatalf("the child wrote %q, of which %q are folders", line, left)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()  // killed
	for range 600 { // a server that is killed while it starts ends late on a busy machine
		if len(there(dirs)) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("a minute after the test binary was killed, %q are still there", there(dirs))
}

// there returns the existing folders.
func there(dirs []string) (left []string) {
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err == nil {
			left = append(left, dir)
		}
	}
	return left
}
