package cli

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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
