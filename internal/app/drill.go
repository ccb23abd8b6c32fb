package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/backup"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// backupWork is what the schedule of backups does when it is due.
type backupWork struct {
	app  *App
	to   target.Target
	lock []string
	keys backup.Identities // none: drills of locked backups compare checksums only
}

func (a *App) newBackupWork() (schedule.Work, error) {
	to, err := target.Open(string(a.keeping.To.Value), os.Getenv)
	if err != nil {
		return nil, fmt.Errorf("backups: %w", err)
	}
	w := &backupWork{app: a, to: to}
	if a.keeping.LockWith.Given() {
		w.lock = []string{string(a.keeping.LockWith.Value)}
	}
	if a.keeping.DrillKey.Given() {
		if w.keys, err = backup.ParseIdentity(string(a.keeping.DrillKey.Value)); err != nil {
			return nil, fmt.Errorf("backups: drill_key: %w", err)
		}
	}
	return w, nil
}

// Probe implements schedule.Work.
func (w *backupWork) Probe(ctx context.Context) error { return target.Probe(ctx, w.to) }

// Take implements schedule.Work.
func (w *backupWork) Take(ctx context.Context) (schedule.Backup, error) {
	m, err := backup.Take(ctx, BackupSource(w.app.Rules.Model.Name, w.app.cfg), w.to, backup.Options{
		LockWith: w.lock, Version: w.app.cfg.Version, Gentle: true, Log: w.app.cfg.Logger,
	})
	return backupOf(m), err
}

func backupOf(m backup.Manifest) schedule.Backup {
	return schedule.Backup{ID: m.ID, Taken: m.Taken, Bytes: m.Bytes()}
}

// List implements schedule.Work. A manifest that cannot be read is an error: it may be the one of the newest backup.
func (w *backupWork) List(ctx context.Context) (all []schedule.Backup, err error) {
	found, err := backup.List(ctx, w.to)
	for _, m := range found {
		if m.App == w.app.Rules.Model.Name {
			all = append(all, backupOf(m))
		}
	}
	return all, err
}

// Remove implements schedule.Work.
func (w *backupWork) Remove(ctx context.Context, id string) error {
	return backup.Remove(ctx, w.to, id)
}

const drillPrefix = "drill-"

// Drill implements schedule.Work. It restores a backup into a folder of its own, opens the app there, and reads a row of each
// table.
func (w *backupWork) Drill(ctx context.Context, id string) (found string, err error) {
	if len(w.keys) == 0 {
		m, err := backup.Verify(ctx, w.to, id, nil, nil)
		if err != nil || len(m.Lock) > 0 {
			return "checksums of the parts only: the backup is locked, and there is no drill_key", err
		}
	}
	dir, err := w.scratch()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, disk.RemoveAll(dir)) }()
	m, err := backup.Restore(ctx, w.to, id, BackupFolder(w.app.Rules.Model.Name, dir), w.keys, nil)
	if err != nil {
		return "", err
	}
	found = fmt.Sprintf("%d tables with %d rows restored and compared", len(m.Tables), m.Rows())
	read, err := w.readTables(ctx, dir)
	if _, changed := errors.AsType[model.Faults](err); changed { // a person has changed the tables with `ashlar migrate`
		return found + "; the model has changed since, so no row was read", nil
	}
	return fmt.Sprintf("%s, a row of %d tables read", found, read), err
}

// scratch makes an empty folder, and removes the ones of killed drills. One drill runs at a time.
func (w *backupWork) scratch() (string, error) {
	in := filepath.Join(w.app.cfg.Data, scratchFolder)
	if err := os.MkdirAll(in, 0o700); err != nil {
		return "", err
	}
	old, err := filepath.Glob(filepath.Join(in, drillPrefix+"*"))
	if err != nil {
		return "", err
	}
	for _, folder := range old {
		if err := disk.RemoveAll(folder); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(in, drillPrefix)
}

// readTables opens the app on a restored data folder and reads a row of each table as the system.
func (w *backupWork) readTables(ctx context.Context, dir string) (read int, err error) {
	drilled, err := OpenOrAttach(ctx, &Loaded{Dir: w.app.dir, Rules: w.app.Rules}, Config{
		Data: dir, Version: w.app.cfg.Version, Telemetry: NoTelemetry, Now: w.app.cfg.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 0, fmt.Errorf("the app does not open on the restored backup: %w", err)
	}
	defer func() { err = errors.Join(err, drilled.Close()) }()
	tables := slices.Clone(drilled.Rules.Model.Tables)
	for _, t := range tables {
		if _, err := drilled.Rows.List(ctx, caller.System("drill"), t, record.Query{Limit: 1}, nil); err != nil {
			return read, errs.Wrapf(err, errs.KindOf(err), "the table %s of the restored backup cannot be read", t.Name)
		}
		read++
	}
	return read, nil
}
