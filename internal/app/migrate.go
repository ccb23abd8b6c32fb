package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osuser "os/user"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	jobstart "github.com/ashlar-dev/ashlar/internal/job/start"
	"github.com/ashlar-dev/ashlar/internal/limit/pgledger"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// A Database is the database of an app, open for changes of its tables.
type Database struct {
	app      *App // its Store is nil while there is no embedded database
	attached bool // a server has the data folder
}

// OpenDatabase opens the database of an app to compare it with the model or to migrate it. A server on the former model may
// run at the same time. OpenDatabase makes no embedded database; Migrate does.
func OpenDatabase(ctx context.Context, loaded *Loaded, cfg Config) (*Database, error) {
	d := &Database{app: newApp(loaded, cfg)}
	d.app.folder.path = d.app.cfg.Data
	if d.app.cfg.Database == "" {
		if _, err := os.Stat(d.app.folder.database()); errors.Is(err, fs.ErrNotExist) {
			return d, nil
		}
	}
	if err := d.open(ctx); err != nil {
		return nil, explainNoRoom(err, d.app.cfg.Data)
	}
	return d, nil
}

func (d *Database) open(ctx context.Context) (err error) {
	d.app.folder, err = openFolder(ctx, d.app.cfg, lockPatience)
	_, d.attached = errors.AsType[*sqlite.InUseError](err)
	if err != nil && !d.attached {
		return err
	}
	if err := d.app.setStore(d.app.openStore(ctx, prepareTime)); err != nil {
		return errors.Join(err, d.app.folder.unlock())
	}
	return nil
}

// Close closes the database and releases the data folder.
func (d *Database) Close() error { return d.app.Close() }

// Plan returns the plan that brings the database to the model.
func (d *Database) Plan(ctx context.Context) (*plan.Plan, error) {
	if d.app.Store == nil {
		return plan.ForNewDatabase(), nil
	}
	return migrate.NewPlan(ctx, d.app.Store, d.app.Rules, d.app.migrateOptions(d.app.Store))
}

// Migrate brings the database to the model. Each loss must be allowed by name. If a server has the data folder, Migrate
// makes only safe changes, because that server does not know of them.
func (d *Database) Migrate(ctx context.Context, allow []string, progress migrate.Progress) (_ migrate.Result, err error) {
	defer func() { err = explainNoRoom(err, d.app.cfg.Data) }()
	if d.app.Store == nil {
		if err := d.open(ctx); err != nil {
			return migrate.Result{}, err
		}
	}
	opts := d.app.migrateOptions(d.app.Store)
	opts.Allow, opts.Progress, opts.Hazards = allow, progress, plan.Rewrites|plan.Breaks
	opts.Copy = d.app.copier(d.app.Store, progress)
	if d.attached {
		opts.Allow, opts.Hazards, opts.ServerRunning = nil, 0, true
	}
	result, err := d.explain(migrate.Apply(ctx, d.app.Store, d.app.Rules, opts))
	if err == nil {
		d.app.removeOldCopies(result.Copy)
		err = d.migrateFeed(ctx, result)
	}
	return result, err
}

// CopyNotice says what copy precedes a change that rewrites or loses data.
func (d *Database) CopyNotice() string {
	if !d.app.Store.Copies() {
		return "Ashlar makes no copy of a PostgreSQL database: take a backup before this change."
	}
	if d.app.cfg.NoCopy {
		return "No copy of the database is made before this change: only a backup leads back."
	}
	planned := d.app.planCopy(d.app.Store)
	notice := fmt.Sprintf("Before this change the database is copied to %s: at most %s.", planned.Folder, disk.SizeText(uint64(max(0, planned.Size))))
	if !planned.Fits() {
		notice += fmt.Sprintf(" The disk has too little room: %s of %s.", disk.SizeText(planned.Free), disk.SizeText(planned.Need))
	}
	return notice
}

// Undo takes the last change back if that loses nothing.
func (d *Database) Undo(ctx context.Context, progress migrate.Progress) (_ migrate.Result, err error) {
	defer func() { err = explainNoRoom(err, d.app.cfg.Data) }()
	if d.attached {
		return migrate.Result{}, fmt.Errorf("a server serves %s: stop it first, since it would continue with the model that is taken back", d.app.cfg.Data)
	}
	if d.app.Store == nil {
		return migrate.Result{}, d.missing()
	}
	opts := d.app.migrateOptions(d.app.Store)
	opts.Progress, opts.Hazards = progress, plan.Rewrites|plan.Breaks
	opts.Copy = d.app.copier(d.app.Store, progress)
	result, err := migrate.Undo(ctx, d.app.Store, opts)
	if err == nil {
		d.app.removeOldCopies(result.Copy)
		err = feed.Altered(ctx, d.app.Store)
	}
	return result, err
}

func (d *Database) missing() error {
	return fmt.Errorf("there is no database in %s yet: a server makes it at its start", d.app.cfg.Data)
}

// explain adds advice for a plan that was not allowed.
func (d *Database) explain(result migrate.Result, err error) (migrate.Result, error) {
	hazard, ok := errors.AsType[*migrate.HazardError](err)
	switch {
	case !ok:
		return result, err
	case !d.attached:
		return result, dropFaults(d.app.Rules.Model, hazard)
	default:
		return result, fmt.Errorf("a server serves %s, and the change is not safe while it runs (%v): stop it first", d.app.cfg.Data, hazard.Hazards)
	}
}

// dropFaults returns a fault for each loss that must be allowed.
func dropFaults(m *model.Model, hazard *migrate.HazardError) error {
	var faults model.Faults
	told := map[string]bool{}
	for _, step := range hazard.Plan.Steps {
		if slices.Contains(hazard.Drops, step.Drop) && !told[step.Drop] {
			told[step.Drop] = true
			faults = append(faults, m.Fault(step.Pos, "%s: this loses data; allow it with --allow drop:%s if that is meant", step.Title, step.Drop))
		}
	}
	return faults.Sort()
}

// Verify returns the differences between the tables of the database and the tables for its model.
func (d *Database) Verify(ctx context.Context) ([]string, error) {
	if d.app.Store == nil {
		return nil, d.missing()
	}
	return migrate.Verify(ctx, d.app.Store)
}

// History returns all changes of the database's model, the oldest first.
func (d *Database) History(ctx context.Context) ([]migrate.Entry, error) {
	if d.app.Store == nil {
		return nil, d.missing()
	}
	return migrate.History(ctx, d.app.Store)
}

// systemTables returns the system tables of each package above migrate that keeps some.
func systemTables() []system.Fragment {
	return []system.Fragment{
		account.Tables, audit.Tables, alert.Tables, fleet.Tables, pgledger.Tables, job.Tables, clock.Tables, jobstart.Tables,
		delivery.Tables, tlscert.Tables, schedule.Tables,
	}
}

// migrateOptions returns the options of a change of tables.
func (a *App) migrateOptions(db store.DB) migrate.Options {
	opts := migrate.Options{By: operator(a.cfg.Version), Now: a.cfg.Now, System: systemTables(), Records: &a.steps}
	opts.Copy = a.copier(db, nil)
	return opts
}

// operator names the user, the machine and the program, for the history.
func operator(version string) string {
	who := "somebody"
	if u, err := osuser.Current(); err == nil {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	return fmt.Sprintf("%s@%s, ashlar %s", who, host, version)
}
