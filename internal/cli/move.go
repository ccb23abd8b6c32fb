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

const moveHelp = `Move copies the database of the app in DIR into an empty one: from a data folder to PostgreSQL,
back, or between two of the same kind. Rows keep their ids, times and revisions. Move never
changes the source. Stop its servers first.

At the end, move reads every table of the target back and compares the number of rows and their
checksum with the source. Until then the target is marked as unfinished, and no server serves it.
After an interruption, run the same command again: it starts over.

The keys of the server are files of the data folder. Move does not copy them.

` + moveSettings

const moveSettings = `The flags have environment variables, ASHLAR_FROM and ASHLAR_TO, where nobody else on the machine
sees the password of an address. A flag wins over its variable.`

const moveExample = `  ashlar move examples/careers --to postgres://ashlar@db.example.com/careers
  ashlar move examples/careers --from postgres://ashlar@db.example.com/careers --to /var/lib/careers
  ASHLAR_TO=postgres://ashlar:secret@db.example.com/careers ashlar move examples/careers`

// moveFlags holds the flags of move.
type moveFlags struct{ from, to string }

func newMove() *cobra.Command {
	f := &moveFlags{}
	cmd := &cobra.Command{
		Use:     "move DIR",
		Short:   "Copy an app's database into an empty one, on PostgreSQL or SQLite",
		Long:    moveHelp,
		Example: moveExample,
		Args:    exactlyOneDir,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := environment(cmd, allFlags(cmd)...); err != nil {
				return err
			}
			if err := f.check(cmd, args[0]); err != nil {
				return err
			}
			return relativeTo(args[0], f.move(cmd, args[0]))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "data `folder` or address of the PostgreSQL database to read (default ASHLAR_DATA, else DIR/.ashlar)")
	flags.StringVar(&f.to, "to", "", "data `folder` or address of the PostgreSQL database to fill, such as postgres://user@host/name")
	return cmd
}

// check sets the default of --from: the data folder of serve. It requires --from if the environment names a
// PostgreSQL database, since the data folder may then be out of date.
func (f *moveFlags) check(cmd *cobra.Command, dir string) error {
	database := os.Getenv(variable("database"))
	switch {
	case f.to == "":
		return usage(cmd, "move needs a target: --to postgres://user@host/name, or --to FOLDER")
	case f.from == "" && database != "" && database != f.to:
		return usage(cmd, "%s is set, so the app may be served from that database: name the source with --from, the database or the data folder", variable("database"))
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
		_ = printSums(cmd.OutOrStdout(), moved.Tables) // err is the one to return
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("stopped: %s is not complete. Run the same command to start over; the source is unchanged", moved.To.Name)
	}
	if err != nil {
		return err
	}
	if err := printSums(cmd.OutOrStdout(), moved.Tables); err != nil {
		return err
	}
	printMoved(stderr, moved, time.Since(start))
	return nil
}

// printSums prints a line for each table, or two lines if source and target differ.
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

// printMoved prints the result and the remaining steps.
func printMoved(out io.Writer, m app.Moved, took time.Duration) {
	if len(m.Dropped) > 0 {
		fmt.Fprintf(out, "Started over: an earlier move had left %s in the target.\n", count(len(m.Dropped), "table"))
	}
	fmt.Fprintf(out, "Moved %s of %s in %v, from %s to %s. Every table was read back and is the same.\n",
		count(int(m.Rows()), "row"), count(len(m.Tables), "table"), took.Round(10*time.Millisecond), m.From.Name, m.To.Name)
	switch {
	case m.From.Folder != "" && m.To.Folder != "":
		fmt.Fprintf(out, "The keys of the server were not copied: copy %s from %s to %s before you serve from there, so that tokens and second factors stay valid.\n",
			app.KeyFiles, m.From.Folder, m.To.Folder)
	case m.From.Folder != "":
		fmt.Fprintf(out, "Serve it with --database and the same data folder, %s: it has the keys of the server.\n", m.From.Folder)
	case m.To.Folder != "":
		fmt.Fprintf(out, "The keys of the server are in its old data folder: copy %s to %s before you serve from there, so that tokens and second factors stay valid.\n",
			app.KeyFiles, m.To.Folder)
	default:
		fmt.Fprintln(out, "Serve it with --database and the old server's data folder: it has the keys of the server.")
	}
}
