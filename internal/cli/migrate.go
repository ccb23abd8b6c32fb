package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const migrateHelp = `Migrate brings the tables of a database to the model in DIR. The database keeps its last model.
The differences become a plan. --plan prints the plan without running it: each step with its SQL,
its place in the model, its side effects and its locks.

Migrate drops or cuts data only if you allow it by name, as in --allow drop:posts.body. It refuses
a change that rows contradict, and lists those rows. After an interruption, the next start takes
the change back or finishes it. Before migrate rewrites an embedded database or drops data, it
keeps a verified copy in the data folder, under copies/: the three newest ones stay.

A server makes safe changes itself when it starts, unless it runs with --migrate=off. While a
server uses the data folder, migrate makes only safe changes. On PostgreSQL, stop the servers of
the old model if the plan says that they cannot go on.

--database, --database-direct and --data have environment variables, as for serve.`

const migrateExample = `  ashlar migrate examples/careers --plan
  ashlar migrate examples/careers --allow drop:profiles.headline
  ashlar migrate examples/careers --verify
  ashlar migrate examples/careers --undo`

// migrateFlags holds the flags of migrate.
type migrateFlags struct {
	databaseFlags
	allow                       []string
	plan, verify, undo, history bool
	noCopy                      bool
}

func newMigrate() *cobra.Command {
	f := &migrateFlags{}
	cmd := &cobra.Command{
		Use:     "migrate DIR",
		Short:   "Bring the tables of a database to the model, or print the plan",
		Long:    migrateHelp,
		Example: migrateExample,
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, databaseSettings[:]...); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return relativeTo(args[0], f.run(cmd, args[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&f.plan, "plan", false, "print the plan, and change nothing")
	flags.StringSliceVar(&f.allow, "allow", nil, "data that may be lost: `drop:TABLE` or drop:TABLE.FIELD; may be repeated")
	flags.BoolVar(&f.verify, "verify", false, "compare the tables with the last model, and list the differences")
	flags.BoolVar(&f.undo, "undo", false, "take the last change back, if no data is lost by it")
	flags.BoolVar(&f.history, "history", false, "list past changes: time, operator, SQL and duration")
	flags.BoolVar(&f.noCopy, "no-copy", false, "rewrite or drop data without a copy of the embedded database, if the disk has no room for one: take a backup first")
	f.databaseFlags.declare(cmd)
	return cmd
}

const dropPrefix = "drop:"

// check refuses combinations of flags.
func (f *migrateFlags) check(cmd *cobra.Command) error {
	var asked []string
	for name, set := range map[string]bool{"plan": f.plan, "verify": f.verify, "undo": f.undo, "history": f.history} {
		if set {
			asked = append(asked, "--"+name)
		}
	}
	if len(asked) > 1 {
		return usage(cmd, "%s exclude each other: give one of them", strings.Join(slices.Sorted(slices.Values(asked)), " and "))
	}
	for i, a := range f.allow {
		name, ok := strings.CutPrefix(a, dropPrefix)
		if !ok || name == "" {
			return usage(cmd, "--allow is %q: write drop:TABLE or drop:TABLE.FIELD, such as drop:posts.body", a)
		}
		f.allow[i] = name
	}
	return f.databaseFlags.check(cmd)
}

func (f *migrateFlags) run(cmd *cobra.Command, dir string) (err error) {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	cfg := f.config(dir, warnLogger(cmd))
	cfg.NoCopy = f.noCopy
	db, err := app.OpenDatabase(ctx, loaded, cfg)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	out := bufio.NewWriter(cmd.OutOrStdout()) // Flush returns the first error
	defer func() { err = errors.Join(err, out.Flush()) }()
	switch {
	case f.plan:
		return f.printPlan(ctx, out, dir, db)
	case f.verify:
		return printDrift(ctx, out, db)
	case f.history:
		return printHistory(ctx, out, db)
	}
	return f.change(ctx, cmd, out, db)
}

// change migrates, or takes the last change back.
func (f *migrateFlags) change(ctx context.Context, cmd *cobra.Command, out *bufio.Writer, db *app.Database) error {
	bar := newProgress(cmd.ErrOrStderr())
	start := time.Now()
	var result migrate.Result
	var err error
	if f.undo {
		result, err = db.Undo(ctx, bar)
	} else {
		result, err = db.Migrate(ctx, f.allow, bar)
	}
	bar.Done()
	if result.Resumed != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), result.Resumed)
	}
	for _, entry := range result.Damaged {
		fmt.Fprintln(cmd.ErrOrStderr(), "warning:", entry)
	}
	if ctx.Err() != nil && err != nil {
		return errors.New("stopped: the next start, or the same command, takes the change back or finishes it")
	}
	if err != nil {
		return err
	}
	printResult(out, result, time.Since(start))
	if err := out.Flush(); err != nil {
		return err
	}
	if f.undo {
		fmt.Fprintln(cmd.ErrOrStderr(), "The model file still has the change: take it back there too before a server starts.")
	}
	return nil
}

func printResult(out io.Writer, r migrate.Result, took time.Duration) {
	if r.Layout != 0 {
		fmt.Fprintf(out, "Ashlar's own tables were brought from layout %d to layout %d: earlier releases refuse the database now.\n", r.Layout, store.Layout)
	}
	switch {
	case r.Created:
		fmt.Fprintln(out, "The database was new: its tables were created.")
	case len(r.Applied) == 0:
		fmt.Fprintln(out, "Nothing to do: the tables match the model.")
	default:
		for _, change := range r.Applied {
			fmt.Fprintln(out, change)
		}
		fmt.Fprintf(out, "Done: %s in %v.\n", count(len(r.Applied), "change"), took.Round(10*time.Millisecond))
	}
	for _, n := range r.Notes {
		fmt.Fprintln(out, "note:", n)
	}
	if r.Copy != "" {
		fmt.Fprintln(out, "A copy of the database from before the change is in", r.Copy)
		fmt.Fprintf(out, "To go back to it, stop the server, run\n  %s\nand start the former release with the former model. What was written since stays aside.\n", strings.Join(app.GoBack(r.Copy), "\n  "))
	}
}

func (f *migrateFlags) printPlan(ctx context.Context, out io.Writer, dir string, db *app.Database) error {
	planned, err := db.Plan(ctx)
	if err != nil {
		return err
	}
	if planned.Layout != 0 {
		fmt.Fprintf(out, "First, Ashlar's own tables are brought from layout %d to layout %d: earlier releases refuse the database then.\n%s\n", planned.Layout, store.Layout, db.CopyNotice())
	}
	switch {
	case planned.IsNew():
		fmt.Fprintln(out, "The database is new: a server creates its tables when it starts.")
		return nil
	case len(planned.Changes) == 0:
		fmt.Fprintln(out, "Nothing to do: the tables match the model.")
		printNotes(out, planned)
		return nil
	}
	fmt.Fprintf(out, "%s, %s:\n", count(len(planned.Changes), "change"), count(len(planned.Steps), "step"))
	phased := len(planned.Steps) > 0 && (planned.Steps[0].Phase != planned.Steps[len(planned.Steps)-1].Phase || planned.Steps[0].Phase != plan.Before)
	for i, step := range planned.Steps {
		if phased && (i == 0 || step.Phase != planned.Steps[i-1].Phase) {
			fmt.Fprintf(out, "\n%s\n", phaseTitle(step.Phase))
		}
		printStep(out, i+1, step)
	}
	printNotes(out, planned)
	if faults := planned.Faults(); len(faults) > 0 {
		fmt.Fprintln(out, "\nThis change is refused:")
		return faults
	}
	if planned.Layout == 0 && migrate.NeedsCopy(planned) {
		fmt.Fprintf(out, "\n%s\n", db.CopyNotice())
	}
	fmt.Fprintf(out, "\nNothing was changed. %s\n", verdict(planned, dir))
	return nil
}

func phaseTitle(p plan.Phase) string {
	switch p {
	case plan.Before:
		return "Before the switch, while servers run (taken back if the change fails before the switch):"
	case plan.Switch:
		return "The switch, one transaction:"
	}
	return "After the switch, while servers run:"
}

func printStep(out io.Writer, n int, step plan.Step) {
	fmt.Fprintf(out, "\n%3d. %s\n", n, step.Title)
	if step.Pos.Line > 0 {
		fmt.Fprintf(out, "     %s\n", step.Pos)
	}
	fmt.Fprintf(out, "     %s; %s\n", step.Hazards, step.Lock)
	if step.Drop != "" {
		fmt.Fprintf(out, "     runs only with --allow %s%s\n", dropPrefix, step.Drop)
	}
	for _, sql := range step.SQL {
		fmt.Fprintf(out, "       %s\n", strings.ReplaceAll(sql, "\n", "\n       "))
	}
}

func printNotes(out io.Writer, planned *plan.Plan) {
	for _, n := range planned.Notes {
		fmt.Fprintf(out, "\nnote: %s\n", n)
	}
}

// verdict names the way to make the change: a server, or a command.
func verdict(planned *plan.Plan, dir string) string {
	if planned.Safe() {
		return "A server makes this change by itself when it starts, or `ashlar migrate " + dir + "` does now."
	}
	command := "ashlar migrate " + dir
	for _, drop := range planned.Drops() {
		command += " --allow " + dropPrefix + drop
	}
	return "`" + command + "` makes this change."
}

func printDrift(ctx context.Context, out io.Writer, db *app.Database) error {
	drift, err := db.Verify(ctx)
	if err != nil {
		return err
	}
	for _, d := range drift {
		fmt.Fprintln(out, d)
	}
	if len(drift) > 0 {
		return fmt.Errorf("%s between the tables and their model", count(len(drift), "difference"))
	}
	fmt.Fprintln(out, "ok: the tables match their model")
	return nil
}

func printHistory(ctx context.Context, out io.Writer, db *app.Database) error {
	all, err := db.History(ctx)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(out, "No changes yet: the database has no tables.")
	}
	damaged := 0
	for _, e := range all {
		took := ""
		if !e.Finished.IsZero() {
			took = fmt.Sprintf(" in %v", e.Finished.Sub(e.Started).Round(time.Millisecond))
		}
		fmt.Fprintf(out, "%d. %s %s%s, by %s\n", e.ID, e.Started.Format(time.RFC3339), e.State, took, e.By)
		if e.Damage != "" {
			damaged++
			fmt.Fprintln(out, "   damaged:", e.Damage)
		}
		for _, c := range e.Changes {
			fmt.Fprintln(out, "   "+c)
		}
		if e.Copy != "" {
			fmt.Fprintln(out, "   copy from before:", e.Copy)
		}
		for _, s := range e.Steps {
			fmt.Fprintf(out, "     %6d ms  %s\n", s.Millis, strings.ReplaceAll(s.SQL, "\n", "\n                "))
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%s of the history cannot be read completely: only --undo may need it", count(damaged, "change"))
	}
	return nil
}
