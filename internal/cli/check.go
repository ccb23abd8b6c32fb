package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const checkHelp = `Check reads ashlar.yaml and tables/*.yaml in DIR and lists all faults at once, each with its
file, line and column. It checks the queries of views against empty tables in memory. It loads the
rows of DIR/seed into a database in a temporary folder, which it removes.
It touches no other database.

It lists the environment variables and files that the model names, and does not read them. It shows
the limits in force, and who may keep the answers of each table.

What may be a mistake is a warning. With faults, check exits with 1.`

func (p Program) newCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check DIR",
		Short:   "List the faults of a model",
		Long:    checkHelp,
		Example: "  ashlar check examples/careers",
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			return relativeTo(args[0], p.check(cmd, args[0]))
		},
	}
}

func (p Program) check(cmd *cobra.Command, dir string) error {
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	if p.Functions != nil {
		if err := loaded.CheckFunctions(p.Functions); err != nil {
			return err
		}
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	seeds, err := seed.Check(ctx, dir, loaded.Rules)
	if err != nil {
		return err
	}
	for _, w := range withPaths(dir, warnings(loaded.Rules)) {
		w.Message = "warning: " + w.Message
		fmt.Fprintln(cmd.ErrOrStderr(), w)
	}
	m := loaded.Rules.Model
	if open := unboundedInts(m); len(open) > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "note: JavaScript is exact up to %d, and %s no max: give one, or `as: string`\n", maxSafeInteger, haveNames(open))
	}
	for _, note := range accountNotes(loaded.Rules) {
		fmt.Fprintln(cmd.OutOrStdout(), "note: "+note)
	}
	if err := writeLimits(cmd.OutOrStdout(), m.Limits); err != nil {
		return err
	}
	writeKeepers(cmd.OutOrStdout(), loaded.Rules)
	if err := writeJobs(cmd.OutOrStdout(), m); err != nil {
		return err
	}
	if calls := callers(m); len(calls) > 0 && p.Functions == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "note: only a program that embeds Ashlar and has the Go functions of these jobs can serve this app: %s\n", strings.Join(calls, ", "))
	}
	if m.Backups != nil {
		fmt.Fprintf(cmd.OutOrStdout(), "backups: %s\n", m.Backups)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "metrics: at most %d series\n", app.SeriesBudget(m))
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "ok: %s has %s, %s and %s\n", m.Name,
		countTables(m), count(countRules(m), "rule"), count(seeds, "seed file"))
	return err
}

// haveNames returns the subject and verb of a sentence about fields. It names the first three.
func haveNames(fields []string) string {
	switch n := len(fields); {
	case n == 1:
		return fields[0] + " has"
	case n <= 3:
		return strings.Join(fields[:n-1], ", ") + " and " + fields[n-1] + " have"
	default:
		return strings.Join(fields[:3], ", ") + fmt.Sprintf(" and %d more have", n-3)
	}
}

func countTables(m *model.Model) string {
	if len(m.Views) == 0 {
		return count(len(m.Tables), "table")
	}
	return count(len(m.Tables), "table") + ", " + count(len(m.Views), "view")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// countRules counts the access rules of tables and fields, and the checks.
func countRules(m *model.Model) int {
	n := 0
	for _, table := range m.All() {
		a := table.Access
		n += len(table.Checks) + countSet(a.Read, a.Create, a.UpdateFrom, a.Delete)
		if a.UpdateTo != a.UpdateFrom {
			n += countSet(a.UpdateTo)
		}
		for _, field := range table.Fields {
			if field.ReadOnly && field.Pos == table.Pos {
				continue // email of users, not declared by the model
			}
			n += countSet(field.Read, field.Write)
		}
	}
	return n
}

func countSet(exprs ...*model.Expr) int {
	n := 0
	for _, expr := range exprs {
		if expr != nil {
			n++
		}
	}
	return n
}
