package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
)

// An Upgrade says what this release would do to a database.
type Upgrade struct {
	IsNew  bool       // there is no database yet
	Layout int        // of the database
	By     string     // who changed the database last, with the release; "" if unknown
	Plan   *plan.Plan // not nil unless IsNew
	Ahead  bool       // the database has a newer model that a server with this one runs with

	Embedded bool // the database is SQLite
	Attached bool // a server has it open
	Copy     *PlannedCopy
}

// A PlannedCopy is the copy of the database that a change needs.
type PlannedCopy struct {
	Folder     string
	Size       int64  // of the database; the copy is at most as large
	Need, Free uint64 // room on the disk, in bytes; Free is 0 if the system does not tell
	Known      bool   // the system tells Free
}

// Fits reports whether the disk has room for the copy.
func (c *PlannedCopy) Fits() bool { return !c.Known || c.Free >= c.Need }

// Nothing reports whether this release would change nothing.
func (u *Upgrade) Nothing() bool {
	return !u.IsNew && (u.Ahead || (u.Plan.Layout == 0 && len(u.Plan.Changes) == 0))
}

// Refused returns why the database cannot be brought to the model, or nil.
func (u *Upgrade) Refused() error {
	switch {
	case u.IsNew || u.Nothing():
		return nil
	case len(u.Plan.Faults()) > 0:
		return u.Plan.Faults()
	case u.Attached && u.Plan.Layout != 0:
		return errors.New("a server has the database open: stop it before the upgrade")
	case u.Copy != nil && !u.Copy.Fits():
		return &NoRoomError{u.Copy.Folder, u.Copy.Size, u.Copy.Need, u.Copy.Free}
	}
	return nil
}

// CheckUpgrade says what this release would do to the database of an app. It changes nothing. It returns a *store.LayoutError
// for a database that this release cannot use.
func CheckUpgrade(ctx context.Context, loaded *Loaded, cfg Config) (_ *Upgrade, err error) {
	a := newApp(loaded, cfg)
	a.folder.path = a.cfg.Data
	u := &Upgrade{Embedded: a.cfg.Database == ""}
	if u.Embedded {
		if _, err := os.Stat(a.folder.database()); errors.Is(err, fs.ErrNotExist) {
			u.IsNew = true
			return u, nil
		}
		d, err := OpenDatabase(ctx, loaded, cfg)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, d.Close()) }()
		u.Attached = d.attached
		return u, u.look(ctx, d.app, d.app.Store)
	}
	address := a.cfg.Database
	if a.cfg.Direct != "" {
		address = a.cfg.Direct
	}
	db, err := postgres.Open(ctx, address, postgres.Config{Existing: true, WriteTimeout: prepareTime, Logger: a.cfg.Logger})
	if errors.Is(err, postgres.ErrNotOurs) {
		u.IsNew = true
		return u, nil
	}
	if err != nil {
		return nil, explainLayout(err, a.cfg.Version)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return u, u.look(ctx, a, db)
}

// look compares the database with the model.
func (u *Upgrade) look(ctx context.Context, a *App, db store.DB) (err error) {
	if u.Plan, err = migrate.NewPlan(ctx, db, a.Rules, a.migrateOptions(db)); err != nil {
		return err
	}
	if u.Plan.IsNew() {
		u.IsNew = true
		return nil
	}
	if u.Layout, u.By, err = migrate.Release(ctx, db); err != nil {
		return err
	}
	if len(u.Plan.Changes) > 0 && u.Plan.Layout == 0 && !u.Plan.Safe() {
		if u.Ahead, err = migrate.IsSafelyAhead(ctx, db, a.Rules.Model); err != nil {
			return err
		}
	}
	if db.Copies() && migrate.NeedsCopy(u.Plan) {
		u.Copy = a.planCopy(db)
	}
	return nil
}

// planCopy says what copy a change of the database would make. The folder for copies may not be there yet.
func (a *App) planCopy(db store.DB) *PlannedCopy {
	planned := &PlannedCopy{Folder: filepath.Join(a.folder.path, copiesFolder), Size: db.Stats().Size}
	planned.Need = copyRoom(planned.Size)
	on := planned.Folder
	if _, err := os.Stat(on); err != nil {
		on = a.folder.path
	}
	if space, err := a.cfg.spaceOf(on); err == nil {
		planned.Free, planned.Known = space.Free, true
	}
	return planned
}

// Hazards returns a fault for each change that a server does not make by itself, with the command that makes it.
func (u *Upgrade) Hazards(m *model.Model) error {
	if u.IsNew || u.Ahead || u.Plan.Safe() {
		return nil
	}
	return hazardFaults(m, u.Plan)
}

// explainLayout adds the version of this program to the error about a layout that it cannot use.
func explainLayout(err error, version string) error {
	if _, ok := errors.AsType[*store.LayoutError](err); !ok || version == "" {
		return err
	}
	return fmt.Errorf("%w. This program is ashlar %s", err, version)
}
