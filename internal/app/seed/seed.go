// Package seed loads the rows of an app's seed folder into a new database.
package seed

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// loadedKey marks a database that has its seed, or that was new when there was no seed. The mark and the rows commit
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

// Fill loads the seed into a database without its mark. It returns faults of the seed as Faults.
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
	l := &loader{ctx: ctx, files: files}
	if err := to.Store.Write(ctx, func(tx store.Tx) error { return l.fill(tx, to.Rows, start) }); err != nil {
		return err
	}
	if len(files) > 0 {
		to.Log.Info("loaded the seed", "rows", l.loaded, "seconds", time.Since(start).Seconds())
	}
	return nil
}

// IsLoaded reports whether the database has its seed.
func IsLoaded(ctx context.Context, db store.DB) (found bool, err error) {
	err = db.Read(ctx, func(reader store.Reader) error {
		_, found, err = system.Get(reader, loadedKey)
		return err
	})
	return found, err
}

// A loader loads files in one transaction.
type loader struct {
	ctx    context.Context // of the start; ends the loading
	files  []File
	tx     store.Tx
	rows   *record.DB
	loaded int // rows
	faults Faults
	inFile int                   // faults of the current file
	faulty map[*model.Table]bool // tables with a row that was not loaded
}

// fill loads all files and sets the mark, unless another node was faster.
func (l *loader) fill(tx store.Tx, rows *record.DB, now time.Time) error {
	if err := system.LockAgainstMigrations(tx); err != nil {
		return err
	}
	if _, done, err := system.Get(tx, loadedKey); err != nil || done {
		return err
	}
	if err := l.load(tx, rows); err != nil {
		return err
	}
	return system.Set(tx, loadedKey, now.UTC().Format(time.RFC3339), now)
}

// errEnough ends a file that has maxFaults.
var errEnough = errors.New("the file has enough faults")

// load loads all files and returns the faults of all. It starts from nothing, because the engine may run the transaction
// again.
func (l *loader) load(tx store.Tx, rows *record.DB) error {
	l.tx, l.rows, l.loaded, l.faults, l.faulty = tx, rows, 0, nil, map[*model.Table]bool{}
	for _, file := range l.files {
		l.inFile = 0
		err := l.loadFile(file)
		if faults, ok := errors.AsType[Faults](err); ok { // a fault of the whole file
			l.faults, l.faulty[file.Table] = append(l.faults, faults...), true
			continue
		}
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	if len(l.faults) > 0 {
		return l.faults
	}
	return nil
}

// create creates one row, at a time of its own: lists by created_at have the rows in the order of the files.
func (l *loader) create(table *model.Table, members []value.Member) error {
	rows := l.rows.In(l.tx, caller.System("seed"))
	defer rows.Done()
	_, err := rows.Create(table, members)
	return err
}

func (l *loader) loadFile(file File) error {
	return file.rows(func(r row) error {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		err := r.err
		if err == nil {
			err = l.create(file.Table, r.members)
		}
		if err != nil {
			return l.fault(file, r, err)
		}
		l.loaded++
		return nil
	})
}
