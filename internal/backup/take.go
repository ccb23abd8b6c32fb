package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/move"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Take takes a backup while others write to the source. It reads back every object that it stores, and stores the manifest
// last. After an error there is no backup, and Take removes what it stored.
func Take(ctx context.Context, source Source, to target.Target, o Options) (m Manifest, err error) {
	defer errs.Wrap(&err, "backup.Take(%s)", to)
	recipients, locks, err := parseRecipients(o.LockWith)
	if err != nil {
		return m, err
	}
	s := newSession(to, o.retries, o.Log, o.Progress)
	now := time.Now()
	if err := s.sweep(ctx, now); err != nil { // also tells, before the work, that the target can be reached
		return m, err
	}
	dir, err := scratchFolder(source.Scratch, now)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, disk.RemoveAll(dir)) }()
	t := &taking{session: s, source: source, options: o, dir: dir, to: recipients}
	t.copying, t.packing = newPace(o.Gentle)
	t.m = Manifest{Format: Format, ID: newID(now), Taken: now.UTC().Truncate(time.Second), App: source.App, Version: o.Version, Engine: source.Engine, Lock: locks}
	if err := t.run(ctx); err != nil {
		return Manifest{}, errors.Join(err, t.undo(ctx))
	}
	return t.m, nil
}

// taking is a backup under way.
type taking struct {
	*session
	source           Source
	options          Options
	dir              string
	to               lock
	m                Manifest
	copying, packing *pace
	stored           bool // something may be in the target
}

func (t *taking) run(ctx context.Context) error {
	path := filepath.Join(t.dir, "copy.db")
	t.copying.begin()
	if err := t.source.Copy(ctx, path, t.progress, t.copying.pause); err != nil {
		return err
	}
	if t.options.Gentle {
		time.Sleep(settleTime)
	}
	if err := t.examine(ctx, path); err != nil {
		return fmt.Errorf("the copy of the database: %w", err)
	}
	if err := t.pack(ctx, path); err != nil {
		return err
	}
	if err := disk.Remove(path); err != nil {
		return err
	}
	t.stored = true
	if err := t.upload(ctx, t.m, t.dir); err != nil {
		return err
	}
	return t.publish(ctx, t.m)
}

// settleTime leaves the processors alone while a server moves the log into its database, which it does when the snapshot ends.
const settleTime = 200 * time.Millisecond

// undoTime bounds the removal of what a failed backup has stored.
const undoTime = 30 * time.Second

// undo removes what a failed backup has stored. ctx may have ended.
func (t *taking) undo(ctx context.Context) error {
	if !t.stored {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	if err := t.remove(ctx, t.m.ID); err != nil {
		return fmt.Errorf("parts of the failed backup stay in %s, and a backup after a day removes them: %w", t.session, err)
	}
	return nil
}

// examine checks the copy and describes it in the manifest.
func (t *taking) examine(ctx context.Context, path string) (err error) {
	db, err := t.source.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := describe(ctx, db, &t.m, t.progress, t.packing); err != nil {
		return err
	}
	if t.options.Gentle { // one statement, which cannot rest; restore and drills do it
		return nil
	}
	return checkWhole(ctx, db, t.progress)
}

// describe fills in what a manifest says of a database.
func describe(ctx context.Context, db store.DB, m *Manifest, p Progress, pace *pace) error {
	return db.Read(ctx, func(reader store.Reader) (err error) {
		if m.Layout, err = system.Layout(reader); err != nil {
			return err
		}
		app, whole, err := storedModel(reader, m.Layout)
		if err != nil {
			return err
		}
		m.Model = digest(snapshot.Encode(app))
		numbers, err := db.Numbers(reader, nil)
		if err != nil {
			return err
		}
		m.Revision, m.Generations = numbers.Revision, map[string]int64{}
		for _, table := range whole.Tables {
			if m.Generations[table.Name], err = reader.Generation(table.Name); err != nil {
				return err
			}
		}
		p.Step("adding up the tables", 0)
		pace.begin()
		sums, err := move.Sums(reader, whole, func(rows int64) {
			p.Add(rows)
			pace.pause()
		})
		m.Tables = nil
		for _, s := range sums {
			m.Tables = append(m.Tables, Table{s.Name, s.Rows, s.Hex()})
		}
		return err
	})
}

// storedModel returns the model of the app that a database was last served with, and the one with the system tables.
func storedModel(reader store.Reader, layout int) (app, whole *model.Model, err error) {
	if err := system.CheckNotMoving(reader); err != nil {
		return nil, nil, err
	}
	text, found, err := system.Get(reader, system.ModelKey)
	if err != nil {
		return nil, nil, err
	}
	if !found {
		return nil, nil, errs.New(errs.Conflict, "the database holds no app: nothing was ever served from it")
	}
	if app, err = snapshot.Decode([]byte(text)); err != nil {
		return nil, nil, err
	}
	if layout < store.Layout { // its system tables have another form
		return app, app, nil
	}
	own, err := system.StoredModel(reader, app)
	if err != nil {
		return nil, nil, err
	}
	return app, system.Whole(own, app), nil
}

// checkWhole lets SQLite check every page of a database.
func checkWhole(ctx context.Context, db Copy, p Progress) error {
	p.Step("checking the database", 0)
	damage, done, err := db.FullCheck(ctx)
	switch {
	case err != nil:
		return err
	case !done:
		return ctx.Err()
	case len(damage) > 0:
		return errs.New(errs.Invalid, "the database is damaged: %s", strings.Join(damage, "; "))
	}
	return nil
}

// pack writes the parts into the scratch folder.
func (t *taking) pack(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	t.progress.Step("packing", info.Size()>>10)
	parts := &splitter{dir: t.dir, size: cmp.Or(t.options.partSize, partSize)}
	t.packing.begin()
	rest := func() { t.packing.pause() }
	if t.m.Database, err = parts.packFile(path, t.to, untilDone{ctx, t.progress}, rest); err != nil {
		return err
	}
	files, err := readKeys(t.source.Keys)
	if err != nil {
		return fmt.Errorf("the keys of the server: %w", err)
	}
	if t.m.Keys = fingerprints(files); len(t.to) > 0 && len(files) > 0 {
		if err := parts.pack(partKeys, t.to, func(w io.Writer) error { return packKeys(w, files) }); err != nil {
			return err
		}
	}
	t.m.Parts = parts.parts
	return ctx.Err()
}

const scratchPrefix = "backup-"

// scratchFolder makes a folder for the files of a backup. It removes the ones of killed processes after a day.
func scratchFolder(in string, now time.Time) (string, error) {
	if err := os.MkdirAll(in, 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(in)
	if err != nil {
		return "", err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), scratchPrefix) && now.Sub(info.ModTime()) > leftoverAge {
			if err := disk.RemoveAll(filepath.Join(in, entry.Name())); err != nil {
				return "", err
			}
		}
	}
	return os.MkdirTemp(in, scratchPrefix)
}
