package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// TestMain lets the test binary be the command: in scripts by the name of ashlar, in other tests by runAsCommand.
func TestMain(m *testing.M) {
	if os.Getenv(runAsCommand) != "" {
		os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){
		"ashlar": func() { os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

const runAsCommand = "TEST_AS_COMMAND"

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}

// TestPostgresScripts runs scripts that have two empty databases: $DATABASE and $EMPTY.
func TestPostgresScripts(t *testing.T) {
	database, empty := pgtest.URL(t), pgtest.URL(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/postgres", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DATABASE", database)
			e.Setenv("EMPTY", empty)
			return nil
		},
	})
}
