// Package seed loads the rows of an app's seed folder into a new database.
package seed

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// loadedKey marks a database with its seed loaded. A first start without a seed sets it too. The mark and the rows commit
// together, so an interrupted start leaves neither.
const loadedKey = "seeded"

// A Target is a database to fill.
type Target struct {
	Dir   string // folder of the app
	Model *model.Model
	Store store.DB
	Rows  *record.DB // rows of Store
	Log   *slog.Logger
}

// Fill loads the seed into a database without the mark. If the seed is faulty, the error is Faults.
func Fill(ctx context.Context, to Target) (err error) {
	defer errs.Wrap(&err, "seed.Fill(%s)", to.Model.Name)
	done, err := IsLoaded(ctx, to.Store)
	if err != nil || done {
		return err
	}
	files, err := Find(to.Dir, to.Model)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		to.Log.Info("loading the seed", "files", len(files))
	}
	start := time.Now()
	loader := &loader{ctx: ctx, files: files}
	if err := to.Store.Write(ctx, func(tx store.Tx) error { return fill(tx, to.Rows, loader, start) }); err != nil {
		return err
	}
	if len(files) > 0 {
		to.Log.Info("loaded the seed", "rows", loader.loaded, "seconds", time.Since(start).Seconds())
	}
	return nil
}

// fill loads all files and sets the mark. If another node was faster, it does nothing.
func fill(tx store.Tx, rows *record.DB, loader *loader, now time.Time) error {
	if err := system.LockAgainstMigrations(tx); err != nil {
		return err
	}
	if _, done, err := system.Get(tx, loadedKey); err != nil || done {
		return err
	}
	if err := loader.load(tx, rows); err != nil {
		return err
	}
	return system.Set(tx, loadedKey, now.UTC().Format(time.RFC3339), now)
}

// IsLoaded returns true if the database has its seed.
func IsLoaded(ctx context.Context, db store.DB) (found bool, err error) {
	err = db.Read(ctx, func(reader store.Reader) error {
		_, found, err = system.Get(reader, loadedKey)
		return err
	})
	return found, err
}
