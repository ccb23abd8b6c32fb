// Package cli is the command line.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// The exit codes.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
	exitDue   = 3
)

// Run runs the command with these arguments. It returns the exit code: 0, 1 if the command failed, 2 if its usage was wrong, 3
// if version --check found that an upgrade would do something.
// Results go to stdout, messages to stderr.
func Run(args []string, stdout, stderr io.Writer) int { return Program{}.Run(args, stdout, stderr) }

// A Program is a program with the command. Its zero value is the command ashlar.
type Program struct {
	Functions map[string]action.Function // of jobs with work: go, by the name of the job; nil: the program is the command ashlar
}

// Run is the function Run for the program.
func (p Program) Run(args []string, stdout, stderr io.Writer) int {
	root := p.newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(context.Background()))
}

// report prints an error and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errUpgradeDue) {
		return exitDue
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(stderr, "ashlar: %v\nRun `%s --help` to see its usage.\n", u.err, u.command)
		return exitUsage
	}
	if f, ok := errors.AsType[*appFaults](err); ok {
		fmt.Fprintln(stderr, f.Error())
		return exitFault
	}
	fmt.Fprintf(stderr, "ashlar: %s\n", errs.ForTerminal(err))
	return exitFault
}

// A usageError is the wrong use of a command.
type usageError struct {
	command string // typed command: ashlar serve
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Errorf(format, args...)}
}

// appFaults are the faults of an app: of its model, each with its source line, or of its seed.
type appFaults struct {
	text  string
	count int
}

func (f *appFaults) Error() string {
	if f.count == 1 {
		return f.text + "\n1 fault"
	}
	return fmt.Sprintf("%s\n%d faults", f.text, f.count)
}

// relativeTo gives the faults of the app in dir paths from the current folder, so that editors and terminals can open
// them.
func relativeTo(dir string, err error) error {
	if faults, ok := errors.AsType[model.Faults](err); ok {
		return &appFaults{withPaths(dir, faults).Error(), len(faults)}
	}
	if faults, ok := errors.AsType[seed.Faults](err); ok {
		lines := make([]string, len(faults))
		for i, f := range faults {
			file, rest, _ := strings.Cut(f, ":") // Join would clean the message too
			lines[i] = filepath.Join(dir, file) + ":" + rest
		}
		return &appFaults{strings.Join(lines, "\n"), len(faults)}
	}
	return err
}

func withPaths(dir string, faults model.Faults) model.Faults {
	named := make(model.Faults, len(faults))
	for i, fault := range faults {
		fault.Pos.File = filepath.Join(dir, fault.Pos.File)
		named[i] = fault
	}
	return named
}

// exactlyOneDir checks the arguments of a command that takes the folder of an app.
func exactlyOneDir(cmd *cobra.Command, args []string) error {
	if slices.ContainsFunc(args, app.MayHoldPassword) {
		return usage(cmd, "%s takes the folder of an app; give the address of a database with --database, or in the environment", cmd.Name())
	}
	switch len(args) {
	case 0:
		return usage(cmd, "%s needs the folder of an app, as in: %s examples/careers", cmd.Name(), cmd.CommandPath())
	case 1:
		return nil
	}
	return usage(cmd, "%s takes one folder, not %d: %s", cmd.Name(), len(args), strings.Join(args, " "))
}

func noArgs(cmd *cobra.Command, args []string) error {
	if slices.ContainsFunc(args, app.MayHoldPassword) {
		return usage(cmd, "%s takes no arguments", cmd.Name())
	}
	if len(args) > 0 {
		return usage(cmd, "%s takes no arguments, not %q", cmd.Name(), args[0])
	}
	return nil
}

func unknownCommand(cmd *cobra.Command, name string) error {
	if app.MayHoldPassword(name) {
		return usage(cmd, "the address of a database is not a command: give it with --database, or in the environment")
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usage(cmd, "there is no command %q%s", name, suggest.DidYouMean(name, names))
}
