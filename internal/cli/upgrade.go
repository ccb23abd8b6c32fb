package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// errUpgradeDue is the outcome of version --check for a database that this release would change.
var errUpgradeDue = errors.New("an upgrade would change the database")

// checkUpgrade prints what this release would do to a database.
func checkUpgrade(cmd *cobra.Command, f *databaseFlags, dir string) (err error) {
	ctx, stop := untilSignal(cmd)
	defer stop()
	loaded, err := app.Load(dir)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(cmd.OutOrStdout()) // Flush returns the first error
	defer func() {
		if flushed := out.Flush(); flushed != nil {
			err = errors.Join(err, flushed)
		}
	}()
	cfg := f.config(dir, warnLogger(cmd))
	fmt.Fprintf(out, "program:  ashlar %s, for the layouts %d to %d of its own tables\n", cfg.Version, store.OldestLayout, store.Layout)
	upgrade, err := app.CheckUpgrade(ctx, loaded, cfg)
	if err != nil {
		return interrupted(ctx, err)
	}
	printUpgrade(out, upgrade)
	if err := upgrade.Refused(); err != nil {
		fmt.Fprintln(out, "The upgrade is refused. Nothing was changed.")
		return err
	}
	if upgrade.Nothing() {
		fmt.Fprintln(out, "Nothing to do.")
		return nil
	}
	printWay(out, upgrade, dir)
	return errUpgradeDue
}

func printUpgrade(out io.Writer, u *app.Upgrade) {
	if u.IsNew {
		fmt.Fprintln(out, "database: none yet")
		return
	}
	by := ""
	if u.By != "" {
		by = ", last changed by " + u.By
	}
	fmt.Fprintf(out, "database: layout %d%s\n", u.Layout, by)
	if u.Attached {
		fmt.Fprintln(out, "server:   has the database open")
	}
	if u.Plan.Layout != 0 {
		fmt.Fprintf(out, "layout:   from %d to %d\n", u.Plan.Layout, store.Layout)
	}
	if u.Ahead {
		fmt.Fprintln(out, "model:    the database has a newer one, which a server with this model runs with")
		return
	}
	added := 0
	for _, change := range u.Plan.Changes {
		if change.Kind == diff.TableAdded && strings.HasPrefix(change.NewTable.Name, "ashlar_") {
			added++
			continue
		}
		fmt.Fprintf(out, "change:   %v\n", change)
	}
	if added > 0 {
		fmt.Fprintf(out, "change:   %s of Ashlar's own added\n", count(added, "table"))
	}
	if len(u.Plan.Changes) > 0 {
		fmt.Fprintf(out, "together: %v\n", u.Plan.Hazards())
	}
	for _, note := range u.Plan.Notes {
		fmt.Fprintf(out, "note:     %s\n", note)
	}
	if !u.Nothing() {
		printCopy(out, u)
	}
}

func printCopy(out io.Writer, u *app.Upgrade) {
	switch c := u.Copy; {
	case c != nil:
		free := ""
		if c.Known {
			free = ", and the disk has " + disk.SizeText(c.Free)
		}
		fmt.Fprintf(out, "copy:     taken first, at most %s, in %s; it needs %s free%s\n", disk.SizeText(uint64(max(0, c.Size))), c.Folder, disk.SizeText(c.Need), free)
	case u.Embedded:
		fmt.Fprintln(out, "copy:     none, since nothing is rewritten or lost")
	default:
		fmt.Fprintln(out, "copy:     none on PostgreSQL: take a backup first")
	}
}

// printWay says how the upgrade is made, and who can open the database afterwards.
func printWay(out io.Writer, u *app.Upgrade, dir string) {
	switch {
	case u.IsNew:
		fmt.Fprintln(out, "A server makes the database when it starts.")
		return
	case u.Plan.Layout != 0:
		fmt.Fprintf(out, "Afterwards releases that know only layout %d refuse the database.\n", u.Plan.Layout)
	case u.Plan.Hazards()&plan.Breaks != 0:
		fmt.Fprintln(out, "Afterwards earlier releases open the database with the new model, not with the former one.")
	default:
		fmt.Fprintln(out, "Afterwards earlier releases with this layout still open the database.")
	}
	fmt.Fprintln(out, verdict(u.Plan, dir))
}
