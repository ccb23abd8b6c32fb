//go:build linux || darwin

package job

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// childVariable names the role in which the test binary runs again as a process of its own.
const childVariable = "ASHLAR_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	run := map[string]func(childArgs) error{"writers": childWriters, "workers": childWorkers}[role]
	var args childArgs
	err := json.Unmarshal([]byte(os.Args[1]), &args)
	if err == nil {
		err = run(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func nightly() bool { return os.Getenv("ASHLAR_NIGHTLY") == "1" }

// childArgs say what a child works on.
type childArgs struct {
	SQLite, Postgres string // path or address
	First            int64  // number of the first row of a writer
}

func (a childArgs) open() (store.DB, error) {
	if a.SQLite != "" {
		return sqlite.Open(context.Background(), a.SQLite, sqlite.Config{Readers: 2, Logger: quiet()})
	}
	return postgres.Open(context.Background(), a.Postgres, postgres.Config{Readers: 2, Writers: 4, Groups: 2, Logger: quiet()})
}

// eachEngine runs a test with children on each engine.
func eachEngine(t *testing.T, test func(t *testing.T, db store.DB, args childArgs)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		args := childArgs{SQLite: t.TempDir() + "/test.db"}
		test(t, openSQLite(t, args.SQLite), args)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		args := childArgs{Postgres: pgtest.URL(t)}
		test(t, openPostgres(t, args.Postgres, false), args)
	})
}

// A child is the test binary in another role. What it prints is its report.
type child struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func startChild(t *testing.T, role string, args childArgs) *child {
	t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, string(text))
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &child{cmd: cmd, out: bufio.NewReader(out)}
}

// line returns the next line of the child's report.
func (c *child) line(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the child ended early: %v", err)
	}
	return strings.TrimSpace(line)
}

// kill ends the child and returns the whole lines that it still reported.
func (c *child) kill(t *testing.T) (lines []string) {
	t.Helper()
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := c.out.ReadString('\n')
		if err != nil {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	_ = c.cmd.Wait() // it was killed
	return lines
}

// numbersOf returns the first column of a query.
func numbersOf(t *testing.T, db store.DB, sql string) (all []int64) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		all = nil
		return r.Query(sql, nil, func(row value.Row) error {
			all = append(all, row.Int(0))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// quoteTwice returns a text for a string literal.
func quoteTwice(text string) string { return strings.ReplaceAll(text, "'", "''") }
