//go:build linux || darwin

package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	loader "github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// childVariable says that the test binary runs again as a process of its own, to be killed.
const childVariable = "ASHLAR_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	if err := child(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child makes a journey in the database at a path, and dies before a statement of it.
func child(path, journeyNumber, statement string) error {
	which, err := strconv.Atoi(journeyNumber)
	if err != nil {
		return err
	}
	last, err := strconv.Atoi(statement)
	if err != nil {
		return err
	}
	journey := journeys()[which]
	m, faults := loader.Files(map[string][]byte{"ashlar.yaml": []byte("ashlar: 1\nname: test\ntables:\n" + journey.after)})
	if len(faults) > 0 {
		return faults
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		return faults
	}
	db, err := sqlite.Open(context.Background(), path, sqlite.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	options, at := journey.options(), -1
	options.OnStatement(func(string) error {
		if at++; at != last {
			return nil
		}
		return syscall.Kill(os.Getpid(), syscall.SIGKILL)
	})
	_, err = migrate.Apply(context.Background(), db, rules, options)
	return err
}

// TestKilledAnywhere kills a process in the midst of a change of a SQLite database.
func TestKilledAnywhere(t *testing.T) {
	effort.SkipRaced(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	engine := engines()[0]
	for i, journey := range journeys() {
		t.Run(journey.name, func(t *testing.T) {
			statements, want := journey.run(t, engine)
			for n := range statements {
				path := filepath.Join(t.TempDir(), "killed.db")
				db := openFile(t, path)
				journey.start(t, db)
				was := picture(t, db, load(t, journey.before).Model)
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(self, path, strconv.Itoa(i), strconv.Itoa(n))
				cmd.Env = append(os.Environ(), childVariable+"=1")
				out, err := cmd.CombinedOutput()
				if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the child = %v, want that it is killed\n%s", err, out)
				}
				db = openFile(t, path)
				whole(t, engine, db, journey.before, was)
				mustApply(t, db, load(t, journey.after), journey.options())
				whole(t, engine, db, journey.after, want)
				if err := db.Close(); err != nil {
					t.Error(err)
				}
				if t.Failed() {
					t.Fatalf("killed before statement %d:\n%s", n, statements[n])
				}
			}
		})
	}
}
