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
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// The exit codes.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

// Run runs the command with these arguments and returns its exit code: 0, 1 where it failed, 2 where it was called
// wrongly. What a program would read goes to stdout, all else to stderr.
func Run(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return report(stderr, root.ExecuteContext(context.Background()))
}

// report says an error once.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(stderr, "ashlar: %v\nRun `%s --help` to see how it is used.\n", u.err, u.command)
		return exitUsage
	}
	if f, ok := errors.AsType[*appFaults](err); ok {
		fmt.Fprintln(stderr, f.Error())
		return exitFault
	}
	fmt.Fprintf(stderr, "ashlar: %s\n", errs.ForTerminal(err))
	return exitFault
}

// usageError is a command that was called wrongly.
type usageError struct {
	command string // as typed: ashlar serve
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd.CommandPath(), fmt.Errorf(format, args...)}
}

// appFaults is what is wrong with an app: faults of its model, each with its source line, or of its seed.
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

// inApp makes faults of the app in dir readable from where the command runs: editors and terminals open the files by
// the names that are printed.
func inApp(dir string, err error) error {
	if faults, ok := errors.AsType[model.Faults](err); ok {
		return &appFaults{printed(dir, faults).Error(), len(faults)}
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

func printed(dir string, faults model.Faults) model.Faults {
	named := make(model.Faults, len(faults))
	for i, f := range faults {
		f.Pos.File = filepath.Join(dir, f.Pos.File)
		named[i] = f
	}
	return named
}

// oneApp is for commands that take the folder of an app.
func oneApp(cmd *cobra.Command, args []string) error {
	if slices.ContainsFunc(args, app.MayHoldPassword) {
		return usage(cmd, "%s takes the folder of an app; the address of a database goes behind a flag, or in the environment", cmd.Name())
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
		return usage(cmd, "the address of a database is no command: it goes behind a flag, or in the environment")
	}
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return usage(cmd, "there is no command %q%s", name, suggest.DidYouMean(name, names))
}
