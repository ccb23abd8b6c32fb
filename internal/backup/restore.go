package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Files of a data folder. Restore also leaves alone the lock and .gitignore.
const (
	databaseFile    = "ashlar.db"
	restoringFolder = "restoring" // holds what Restore has not finished
)

// Restore restores a backup, the newest one if id is empty, into an empty data folder or database. It says everything that
// is wrong before it touches anything. The database gets its name last, after every checksum was compared.
func Restore(ctx context.Context, from target.Target, id string, into Destination, keys Identities, p Progress) (m Manifest, err error) {
	defer errs.Wrap(&err, "backup.Restore(%s)", from)
	s := newSession(from, retries{}, nil, p)
	if m, err = s.find(ctx, id); err != nil {
		return m, err
	}
	if err := into.check(ctx, m, keys); err != nil {
		return m, err
	}
	if err := os.MkdirAll(into.Folder, 0o700); err != nil {
		return m, err
	}
	if into.Lock != nil {
		release, err := into.Lock()
		if err != nil {
			return m, err
		}
		defer func() { err = errors.Join(err, release()) }()
		if err := into.check(ctx, m, keys); err != nil { // somebody may have been faster
			return m, err
		}
	}
	r := &restoring{session: s, into: into, keys: keys, m: m, dir: filepath.Join(into.Folder, restoringFolder)}
	return m, r.run(ctx)
}

// check refuses a backup that does not fit.
func (d Destination) check(ctx context.Context, m Manifest, keys Identities) error {
	if d.App != "" && d.App != m.App {
		return errs.New(errs.Conflict, "the backup %s is of the app %s, not of %s: name the folder of that app", m.ID, m.App, d.App)
	}
	if m.Layout > store.Layout {
		return errs.New(errs.Conflict, "the backup %s is of a later release of Ashlar (%s, layout %d; this one knows %d): restore it with that release", m.ID, m.Version, m.Layout, store.Layout)
	}
	if err := keys.check(m); err != nil {
		return err
	}
	if err := d.checkFolder(); err != nil {
		return err
	}
	if err := checkKeys(d.Folder, m); err != nil {
		return err
	}
	if err := d.checkSpace(m); err != nil {
		return err
	}
	if d.Empty != nil {
		return d.Empty(ctx)
	}
	return nil
}

// checkFolder refuses a used data folder.
func (d Destination) checkFolder() error {
	entries, err := os.ReadDir(d.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if d.Fill != nil { // of a node on PostgreSQL
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		if slices.Contains([]string{"lock", ".gitignore", restoringFolder, laterKeys}, name) || keyNames.MatchString(name) {
			continue
		}
		return errs.New(errs.Conflict, "the data folder %s is not empty: it holds %s. A restore fills only an empty folder: move it away, or name another one", d.Folder, name)
	}
	return nil
}

// checkSpace refuses a disk without room for the database.
func (d Destination) checkSpace(m Manifest) error {
	folder := d.Folder
	for _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) && filepath.Dir(folder) != folder; _, err = os.Stat(folder) {
		folder = filepath.Dir(folder)
	}
	space, err := disk.SpaceOf(folder)
	if err != nil { // unknown here
		return nil
	}
	if need := uint64(m.Database.Bytes); space.Free < need {
		return errs.New(errs.Conflict, "the disk of %s has %s free, and the database needs %s: make room, or name another folder", d.Folder, disk.SizeText(space.Free), disk.SizeText(need))
	}
	return nil
}

// restoring is a restore under way.
type restoring struct {
	*session
	into Destination
	keys Identities
	m    Manifest
	dir  string
}

func (r *restoring) run(ctx context.Context) (err error) {
	if err := disk.RemoveAll(r.dir); err != nil { // of a killed restore
		return err
	}
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disk.RemoveAll(r.dir)) }()
	path := filepath.Join(r.dir, databaseFile)
	if err := r.write(ctx, path); err != nil {
		return err
	}
	files, err := r.keyFiles(ctx, r.m, r.keys)
	if err != nil {
		return err
	}
	if err := r.compare(ctx, path); err != nil {
		return err
	}
	if r.into.Fill != nil {
		if err := r.into.Fill(ctx, path, r.progress); err != nil {
			return err
		}
		return r.placeKeys(files)
	}
	if err := r.placeKeys(files); err != nil {
		return err
	}
	r.progress.Step("making it durable", 0)
	if err := os.Rename(path, filepath.Join(r.into.Folder, databaseFile)); err != nil {
		return err
	}
	return syncFolder(r.into.Folder)
}

// write unpacks the database into a file.
func (r *restoring) write(ctx context.Context, path string) (err error) {
	r.progress.Step("restoring", r.m.Bytes()>>10)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := unpackFile(r.m, r.keys, r.open(ctx, r.m, partDatabase), &disk.Steady{File: file}); err != nil {
		return err
	}
	return file.Sync()
}

// compare checks the restored database, and compares it with the manifest.
func (r *restoring) compare(ctx context.Context, path string) (err error) {
	db, err := r.into.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkWhole(ctx, db, r.progress); err != nil {
		return err
	}
	got := Manifest{}
	if err := describe(ctx, db, &got, r.progress, &pace{}); err != nil {
		return err
	}
	if got.Layout != r.m.Layout || got.Model != r.m.Model || got.Revision != r.m.Revision {
		return errs.New(errs.Invalid, "the database of the backup %s has another layout, model or revision than its manifest says", r.m.ID)
	}
	if !slices.Equal(got.Tables, r.m.Tables) {
		return errs.New(errs.Invalid, "the tables of the backup %s differ from its manifest: %s", r.m.ID, strings.Join(differing(got.Tables, r.m.Tables), ", "))
	}
	return nil
}

// differing names the tables that are not in both lists alike.
func differing(a, b []Table) (names []string) {
	for _, pair := range [][2][]Table{{a, b}, {b, a}} {
		for _, t := range pair[0] {
			if !slices.Contains(pair[1], t) && !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

// placeKeys writes the keys of the server into the data folder. Equal ones may be there.
func (r *restoring) placeKeys(files []keyFile) error {
	for _, f := range files {
		name := filepath.Join(r.into.Folder, filepath.FromSlash(f.name))
		if _, err := os.Lstat(name); err == nil { // checkKeys found it equal
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		temporary := filepath.Join(r.dir, filepath.Base(name))
		if err := writeSynced(temporary, f.data); err != nil {
			return err
		}
		if err := os.Rename(temporary, name); err != nil {
			return err
		}
		if err := syncFolder(filepath.Dir(name)); err != nil {
			return err
		}
	}
	return nil
}

func writeSynced(path string, data []byte) (err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
