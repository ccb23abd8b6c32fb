package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// AdviseConfig configures Advise.
type AdviseConfig struct {
	Config
	Budget   time.Duration // of all trials; default: 2 min
	Progress func(step string)

	source store.DB // open database to copy; nil opens the one of the data folder
}

// Advise tries indexes for the recorded queries of an app, on a copy of its database. A server may be running. It returns
// nil if nothing is recorded yet.
func Advise(ctx context.Context, loaded *Loaded, cfg AdviseConfig) (_ *advise.Report, err error) {
	cfg.Config = cfg.withDefaults(loaded.Dir)
	usage, err := advise.ReadUsage(filepath.Join(cfg.Data, usageFile))
	if err != nil || usage == nil || len(usage.Shapes) == 0 {
		return nil, err
	}
	return cfg.run(ctx, loaded.Dir, loaded.Rules.Model, usage)
}

// run tries indexes for the queries of an app.
func (cfg *AdviseConfig) run(ctx context.Context, dir string, m *model.Model, usage *advise.Usage) (_ *advise.Report, err error) {
	bench, live, shut, err := openBench(ctx, m, cfg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, shut()) }()
	return advise.Run(ctx, advise.Config{
		Model: func() (*model.Model, error) { return modelOf(dir) },
		Usage: usage, Bench: bench, Live: live, Now: cfg.Now, Budget: cfg.Budget, Progress: cfg.Progress,
	})
}

func modelOf(dir string) (*model.Model, error) {
	m, faults := load.Dir(dir)
	if len(faults) > 0 {
		return nil, faults
	}
	return m, nil
}

// benchTime bounds one query or write on a copy.
const benchTime = time.Minute

// openBench copies the database. live counts uses of indexes in the database itself, or is nil.
func openBench(ctx context.Context, m *model.Model, cfg *AdviseConfig) (bench advise.Bench, live store.Meter, shut func() error, err error) {
	if cfg.Progress != nil {
		cfg.Progress("copying the database")
	}
	if cfg.Database != "" {
		return openShadow(ctx, m, cfg)
	}
	bench, shut, err = openCopy(ctx, m, cfg)
	return bench, nil, shut, err
}

func openShadow(ctx context.Context, m *model.Model, cfg *AdviseConfig) (bench advise.Bench, live store.Meter, shut func() error, err error) {
	settings := postgres.Config{Existing: true, Direct: cfg.Direct, Readers: 1, Writers: 1, Groups: 1, Logger: cfg.Logger}
	source, err := postgres.Open(ctx, cfg.Database, settings)
	if err != nil {
		return bench, nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, source.Close())
		}
	}()
	if err := checkTables(ctx, source, m); err != nil {
		return bench, nil, nil, err
	}
	settings.Existing, settings.Readers, settings.ReadTimeout, settings.WriteTimeout = false, 2, benchTime, benchTime
	shadow, err := postgres.OpenShadow(ctx, cfg.Database, settings, m.Tables)
	if err != nil {
		return bench, nil, nil, err
	}
	shut = func() error { return errors.Join(shadow.Close(), source.Close()) }
	return advise.Bench{DB: shadow, Meter: shadow, Share: shadow.Share}, source, shut, nil
}

// openCopy copies the database of a data folder into a folder of its own. shut removes it.
func openCopy(ctx context.Context, m *model.Model, cfg *AdviseConfig) (bench advise.Bench, shut func() error, err error) {
	path := folder{path: cfg.Data}.database()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return bench, nil, fmt.Errorf("there is no %s in the data folder %s", databaseFile, cfg.Data)
	}
	if err := removeBenches(cfg.Data); err != nil {
		return bench, nil, err
	}
	dir, err := os.MkdirTemp(cfg.Data, benchPrefix)
	if err != nil {
		return bench, nil, err
	}
	release, err := sqlite.Lock(dir)
	if err != nil {
		return bench, nil, errors.Join(err, os.RemoveAll(dir))
	}
	remove := func() error { return errors.Join(os.RemoveAll(dir), release()) }
	defer func() {
		if err != nil {
			err = errors.Join(err, remove())
		}
	}()
	copied := filepath.Join(dir, databaseFile)
	if err := copyTo(ctx, m, path, copied, cfg); err != nil {
		return bench, nil, err
	}
	db, err := sqlite.Open(ctx, copied, sqlite.Config{Readers: 2, ReadTimeout: benchTime, WriteTimeout: benchTime, Durability: sqlite.Normal, Logger: cfg.Logger})
	if err != nil {
		return bench, nil, err
	}
	return advise.Bench{DB: db, Meter: db}, func() error { return errors.Join(db.Close(), remove()) }, nil
}

// copyTo copies the database of the app, if it fits the model.
func copyTo(ctx context.Context, m *model.Model, from, to string, cfg *AdviseConfig) (err error) {
	source := cfg.source
	if source == nil {
		opened, openErr := sqlite.Open(ctx, from, sqlite.Config{Readers: 1, Logger: cfg.Logger})
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, opened.Close()) }()
		source = opened
	}
	if err := checkTables(ctx, source, m); err != nil {
		return err
	}
	if err := checkRoom(source.Stats()); err != nil {
		return err
	}
	return source.Copy(ctx, to)
}

// Bounds of a copy. The server needs the rest of the disk more.
const (
	largestCopy = 16 << 30 // bytes
	leaveFree   = 512 << 20
)

// checkRoom refuses a copy that would fill the disk. The copy grows by the indexes that are tried.
func checkRoom(stats store.Stats) error {
	const growth = 2
	switch {
	case stats.Size > largestCopy:
		return fmt.Errorf("the database has %d GB, and advise copies at most %d GB", stats.Size>>30, largestCopy>>30)
	case stats.Free >= 0 && stats.Free < growth*stats.Size+leaveFree:
		return fmt.Errorf("advise copies the database of %d MB, and the disk has only %d MB left: make room, or copy the data folder to another disk and name it with --data",
			stats.Size>>20, stats.Free>>20)
	}
	return nil
}

// benchPrefix begins the names of the folders of copies.
const benchPrefix = "advise-"

// removeBenches removes the folders of processes that were killed. A folder in use is locked.
func removeBenches(data string) error {
	left, err := filepath.Glob(filepath.Join(data, benchPrefix+"*"))
	for _, dir := range left {
		release, lockErr := sqlite.Lock(dir)
		if lockErr != nil {
			continue
		}
		err = errors.Join(err, os.RemoveAll(dir), release())
	}
	return err
}

// checkTables returns faults if the tables of a database differ from the model.
func checkTables(ctx context.Context, db store.DB, m *model.Model) error {
	changes, isNew, err := migrate.Differences(ctx, db, m)
	if err != nil {
		return err
	}
	if isNew {
		return errors.New("the database has no tables yet: serve the app first")
	}
	var faults model.Faults
	for _, change := range changes {
		faults = append(faults, m.Fault(change.Pos, "the database has other tables: %v; start the server with this model first", change))
	}
	if len(faults) > 0 {
		return faults.Sort()
	}
	return nil
}
