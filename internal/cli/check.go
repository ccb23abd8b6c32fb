package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/model"
)

const checkHelp = `Check reads ashlar.yaml and tables/*.yaml in DIR and says everything that is wrong with them
at once, each fault with its file, line and column. The queries of
views are checked against empty tables in memory, and the rows of DIR/seed are loaded into a
database in a temporary folder, which is removed. It touches no other database.

What may be a mistake but need not be is said as a warning. With faults it exits with 1.`

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "check DIR",
		Short:   "Say everything that is wrong with a model",
		Long:    checkHelp,
		Example: "  ashlar check examples/careers",
		Args:    oneApp,
		RunE: func(cmd *cobra.Command, args []string) error {
			return inApp(args[0], check(cmd, args[0]))
		},
	}
}

func check(cmd *cobra.Command, dir string) error {
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(cmd)
	defer stop()
	seeds, err := seed.Check(ctx, dir, loaded.Rules)
	if err != nil {
		return err
	}
	for _, w := range printed(dir, warnings(loaded.Rules)) {
		w.Message = "warning: " + w.Message
		fmt.Fprintln(cmd.ErrOrStderr(), w)
	}
	m := loaded.Rules.Model
	if open := openInts(m); len(open) > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "note: JavaScript is exact up to %d, and %s no max: give one, or `as: string`\n", maxSafeInteger, haveNames(open))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "ok: %s has %s, %s and %s\n", m.Name,
		countTables(m), count(countRules(m), "rule"), count(seeds, "seed file"))
	return err
}

// haveNames says what some fields have, naming the first three of them.
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

// countRules counts what decides about a request: access rules of tables and fields, and checks.
func countRules(m *model.Model) int {
	n := 0
	for _, t := range m.All() {
		a := t.Access
		n += len(t.Checks) + present(a.Read, a.Create, a.UpdateFrom, a.Delete)
		if a.UpdateTo != a.UpdateFrom {
			n += present(a.UpdateTo)
		}
		for _, f := range t.Fields {
			if f.ReadOnly && f.Pos == t.Pos {
				continue // email of users, of which the model says nothing
			}
			n += present(f.Read, f.Write)
		}
	}
	return n
}

func present(exprs ...*model.Expr) int {
	n := 0
	for _, e := range exprs {
		if e != nil {
			n++
		}
	}
	return n
}
