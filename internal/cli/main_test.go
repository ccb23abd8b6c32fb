package cli

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
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

// asCommand returns the environment for a process that runs the command, without the settings of the tests.
func asCommand() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, prefix) })
	return append(env, runAsCommand+"=1", "ASHLAR_OPERATE_LISTEN=off")
}

func TestScripts(t *testing.T) {
	effort.SkipRaced(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ASHLAR_OPERATE_LISTEN", "off")
			return nil
		},
	})
}

// TestPostgresScripts runs scripts with databases of their own, $DATABASE, $EMPTY, $FRESH, $RESTORED and $RESTORED_AGAIN. $MISSING does not
// exist, and $STRANGER is the address of an unknown user.
func TestPostgresScripts(t *testing.T) {
	effort.SkipRaced(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/postgres", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ASHLAR_OPERATE_LISTEN", "off")
			empty := pgtest.URL(t)
			e.Setenv("EMPTY", empty)
			for _, name := range []string{"DATABASE", "FRESH", "RESTORED", "RESTORED_AGAIN"} {
				e.Setenv(name, pgtest.URL(t))
			}
			e.Setenv("MISSING", changed(t, empty, func(address *url.URL) { address.Path = "/ashlar_test_missing" }))
			e.Setenv("STRANGER", changed(t, empty, func(address *url.URL) {
				q := address.Query()
				q.Del("user")
				address.User, address.RawQuery = url.UserPassword("nobody_of_ours", "hush"), q.Encode()
			}))
			return nil
		},
	})
}

func changed(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}
