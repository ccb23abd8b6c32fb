package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
)

const incidentsHelp = `Incidents lists the incidents of an app, the newest first. With the number of one, it prints that
incident as Markdown: its likely causes, what bad requests have in common, the timeline, and the
notes. A server may be running.`

func newIncidents() *cobra.Command {
	f := &databaseFlags{}
	cmd := &cobra.Command{
		Use:   "incidents DIR [NUMBER]",
		Short: "List incidents, or print one as Markdown",
		Long:  incidentsHelp,
		Example: `  ashlar incidents examples/careers
  ashlar incidents examples/careers 3 > incident.md`,
		Args: dirAndNumber,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			return relativeTo(args[0], printIncidents(cmd, f, args))
		},
	}
	cmd.Flags().StringVar(&f.data, "data", "", "data `folder` (default DIR/.ashlar)")
	return cmd
}

// dirAndNumber accepts a folder, and a number after it.
func dirAndNumber(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return exactlyOneDir(cmd, args)
	}
	if n, err := strconv.ParseInt(args[1], 10, 64); err != nil || n < 1 {
		return usage(cmd, "%q is no number of an incident", args[1])
	}
	return exactlyOneDir(cmd, args[:1])
}

func printIncidents(cmd *cobra.Command, f *databaseFlags, args []string) (err error) {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(args[0])
	if err != nil {
		return err
	}
	incidents, shut, err := app.ReadIncidents(loaded, f.config(args[0], warnLogger(cmd)))
	if err != nil {
		return err
	}
	defer func() {
		if shutErr := shut(); err == nil {
			err = shutErr
		}
	}()
	if len(args) == 1 {
		return listIncidents(ctx, cmd.OutOrStdout(), incidents)
	}
	number, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	report, err := incidents.Report(ctx, number)
	if err != nil {
		return err
	}
	_, err = cmd.OutOrStdout().Write(report.Markdown())
	return err
}

// listed is how many incidents a list has at most.
const listed = 100

func listIncidents(ctx context.Context, out io.Writer, incidents *incident.Service) error {
	list, err := incidents.List(ctx, time.Unix(0, 0), time.Now().Add(time.Hour), listed)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		_, err := io.WriteString(out, "There is no incident. An alert opens one, and so can a person in the console.\n")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, in := range list {
		state := in.State
		if !in.Closed.IsZero() {
			state = "until " + in.Closed.UTC().Format(time.TimeOnly)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", in.ID, in.Opened.UTC().Format(time.DateTime), state, oneLine(in.Title))
	}
	return table.Flush()
}

// oneLine returns a text without what moves the cursor of a terminal.
func oneLine(text string) string {
	return strings.Map(func(char rune) rune {
		if !unicode.IsPrint(char) {
			return ' '
		}
		return char
	}, text)
}
