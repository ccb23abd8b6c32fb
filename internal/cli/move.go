package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/move"
)

const moveHelp = `Move copies the database of the app in DIR into an empty one: from a data folder to
PostgreSQL, back, or to another place of the same kind. Rows keep their ids, times and
revisions. The source is read, and never changed; stop its servers first.

At the end every table is read back from the target, and the number of its rows and their
checksum are compared with those of the source. Until then the target is marked as unfinished,
and nothing serves it. Where a move was interrupted, the same command begins anew.

The key that signs tokens is a file of the data folder, and stays there.

` + moveSettings

const moveSettings = `Each flag is also a setting of the environment, ASHLAR_FROM and ASHLAR_TO, where nobody else on
the machine sees the password of an address. A flag wins over the environment.`

const moveExample = `  ashlar move examples/careers --to postgres://ashlar@db.example.com/careers
  ashlar move examples/careers --from postgres://ashlar@db.example.com/careers --to /var/lib/careers
  ASHLAR_TO=postgres://ashlar:secret@db.example.com/careers ashlar move examples/careers`

// moveFlags are the two ends of a move.
type moveFlags struct{ from, to string }

func newMove() *cobra.Command {
	f := &moveFlags{}
	cmd := &cobra.Command{
		Use:     "move DIR",
		Short:   "Copy an app's database into an empty one, of PostgreSQL or SQLite",
		Long:    moveHelp,
		Example: moveExample,
		Args:    oneApp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, allFlags(cmd)...); err != nil {
				return err
			}
			if err := f.check(cmd, args[0]); err != nil {
				return err
			}
			return inApp(args[0], f.move(cmd, args[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "data `folder` or address of the PostgreSQL database to read (default ASHLAR_DATA, else DIR/.ashlar)")
	flags.StringVar(&f.to, "to", "", "data `folder` or address of the PostgreSQL database to fill, as postgres://user@host/name")
	return cmd
}

// check fills in where to read from: the data folder, as serve finds it. Where the app is served from PostgreSQL, what is in
// the folder may be long out of date.
func (f *moveFlags) check(cmd *cobra.Command, dir string) error {
	database := os.Getenv(variable("database"))
	switch {
	case f.to == "":
		return usage(cmd, "move needs to know where to: --to postgres://user@host/name, or --to FOLDER")
	case f.from == "" && database != "" && database != f.to:
		return usage(cmd, "%s is set, so that the app may be served from there: say with --from what to read, it or the data folder", variable("database"))
	case f.from == "":
		f.from = cmp.Or(os.Getenv(variable("data")), app.DefaultData(dir))
	}
	return nil
}

func (f *moveFlags) move(cmd *cobra.Command, dir string) error {
	stderr := cmd.ErrOrStderr()
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	cfg := app.MoveConfig{From: f.from, To: f.to, Logger: warnLogger(cmd)}
	bar := newProgress(stderr)
	cfg.Progress = bar
	start := time.Now()
	moved, err := app.Move(ctx, loaded, cfg)
	bar.Done()
	if errors.Is(err, move.ErrDiffers) {
		_ = printSums(cmd.OutOrStdout(), moved.Tables) // the error below is what counts
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("stopped: %s is not whole. The same command begins anew; the source is as it was", moved.To.Name)
	}
	if err != nil {
		return err
	}
	if err := printSums(cmd.OutOrStdout(), moved.Tables); err != nil {
		return err
	}
	sayMoved(stderr, moved, time.Since(start))
	return nil
}

// printSums prints a line for each table; where the two ends differ, one for either.
func printSums(out io.Writer, tables []move.Table) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "table\trows\tchecksum")
	for _, t := range tables {
		if t.From == t.To {
			fmt.Fprintf(w, "%s\t%d\t%v\n", t.Name, t.From.Rows, t.From)
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%v in the source\n", t.Name, t.From.Rows, t.From)
		fmt.Fprintf(w, "%s\t%d\t%v DIFFERS in the target\n", t.Name, t.To.Rows, t.To)
	}
	return w.Flush()
}

// sayMoved says what was done, and what is left to do.
func sayMoved(out io.Writer, m app.Moved, took time.Duration) {
	if len(m.Dropped) > 0 {
		fmt.Fprintf(out, "Began anew: a move before had left %s in the target.\n", count(len(m.Dropped), "table"))
	}
	fmt.Fprintf(out, "Moved %s of %s in %v, from %s to %s. Each was read back and is the same.\n",
		count(int(m.Rows()), "row"), count(len(m.Tables), "table"), took.Round(10*time.Millisecond), m.From.Name, m.To.Name)
	switch {
	case m.From.Folder != "" && m.To.Folder != "":
		fmt.Fprintf(out, "Tokens are signed with %s, which was not copied: copy it to %s before you serve from there, and tokens stay good.\n",
			m.From.Key(), m.To.Key())
	case m.From.Folder != "":
		fmt.Fprintf(out, "Serve it with --database, and with the same data folder, %s: the key that tokens are signed with is there.\n", m.From.Folder)
	case m.To.Folder != "":
		fmt.Fprintf(out, "Tokens are signed with the key in the data folder that it was served with: copy it to %s before you serve from there, and tokens stay good.\n",
			m.To.Key())
	default:
		fmt.Fprintln(out, "Serve it with --database, and with the data folder that it was served with: the key that tokens are signed with is there.")
	}
}
