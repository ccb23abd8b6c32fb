package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/doctor"
)

const doctorHelp = `Doctor looks at the place where an app runs, and says what is wrong there and what to do: settings,
permissions, keys, clock, disk, database, address, certificate, proxies, mail and backups. It lists
what everybody may read and write without signing in.

It takes the flags and variables of serve: give it those of the server. It changes nothing. A server
may be running or not. It asks the mail server and the public address, if they are set.

Doctor exits with 1 if something is an error, with 0 if there are only warnings and notes.`

// errFindings ends the command with 1. The report has been printed.
var errFindings = errors.New("there are errors: mend them, then run this again")

func (p Program) newDoctor() *cobra.Command {
	f := newServeFlags()
	f.functions = p.Functions
	asJSON := false
	cmd := &cobra.Command{
		Use:   "doctor DIR",
		Short: "Find out what is wrong with a deployment",
		Long:  doctorHelp,
		Example: `  ashlar doctor examples/careers
  ashlar doctor /srv/careers --data /var/lib/careers --public https://careers.example.com --json`,
		Args: exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, allFlags(p.newServe())...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return relativeTo(args[0], f.examine(cmd, args[0], asJSON))
		},
	}
	f.declare(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "write the report as JSON")
	return cmd
}

func (f *serveFlags) examine(cmd *cobra.Command, dir string, asJSON bool) error {
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	report := app.Examine(ctx, loaded, f.config(dir, warnLogger(cmd)), f.listen)
	if asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		_, err = io.WriteString(cmd.OutOrStdout(), reportText(report))
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return errors.New("stopped before it had looked at everything")
	case report.Failed():
		return errFindings
	}
	return nil
}

// reportText returns a report for people.
func reportText(report *doctor.Report) string {
	var text strings.Builder
	for _, one := range report.Findings {
		fmt.Fprintf(&text, "%s: %s: %s\n", one.Severity, one.Check, one.What)
		if one.Do != "" {
			fmt.Fprintf(&text, "    %s\n", one.Do)
		}
	}
	if len(report.Findings) > 0 {
		text.WriteString("\n")
	}
	text.WriteString("Without signing in, everybody may:\n")
	if len(report.Exposure) == 0 {
		text.WriteString("    nothing\n")
	}
	for _, one := range report.Exposure {
		text.WriteString(exposureText(&one))
	}
	if len(report.Passed) > 0 {
		fmt.Fprintf(&text, "\nok: %s\n", strings.Join(report.Passed, ", "))
	}
	return text.String()
}

func exposureText(one *doctor.Exposure) string {
	var text strings.Builder
	for _, op := range one.Operations {
		some := one.SomeWrites
		if op == "read" {
			some = one.Some
		}
		rows := ""
		if some {
			rows = " (some rows)"
		}
		fmt.Fprintf(&text, "    %s %s%s", op, one.Table, rows)
		if op == "read" {
			text.WriteString(": " + strings.Join(one.Fields, ", "))
			if len(one.SomeFields) > 0 {
				text.WriteString("; in some rows " + strings.Join(one.SomeFields, ", "))
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}
