package backup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// List returns the manifests of the backups in a target, newest first. An unfinished backup is none. If a manifest cannot
// be read, List returns the others and an error.
func List(ctx context.Context, from target.Target) (all []Manifest, err error) {
	s := newSession(from, retries{}, nil, nil)
	found, err := s.ids(ctx)
	for _, id := range found {
		m, e := s.manifest(ctx, id)
		switch {
		case ctx.Err() != nil:
			return all, ctx.Err()
		case errs.KindOf(e) == errs.NotFound: // removed a moment ago
		case e != nil:
			err = errors.Join(err, e)
		default:
			all = append(all, m)
		}
	}
	return all, err
}

// ids returns the IDs of the backups, newest first.
func (s *session) ids(ctx context.Context) (all []string, err error) {
	objects, err := s.objects(ctx, "")
	for _, o := range objects {
		if id, name, _ := strings.Cut(o.Name, "/"); name == manifestName && ids.MatchString(id) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all, err
}

func (s *session) objects(ctx context.Context, prefix string) (all []target.Object, err error) {
	err = s.try(ctx, "listing backups", func() (err error) {
		all, err = s.List(ctx, prefix)
		return err
	})
	return all, err
}

// Remove removes a backup, the manifest first. It succeeds if there is no such backup.
func Remove(ctx context.Context, from target.Target, id string) error {
	if !ids.MatchString(id) {
		return errs.New(errs.Invalid, "%q names no backup", id)
	}
	return newSession(from, retries{}, nil, nil).remove(ctx, id)
}

func (s *session) remove(ctx context.Context, id string) error {
	err := s.try(ctx, "removing "+id, func() error { return s.Delete(ctx, id+"/"+manifestName) })
	if err != nil {
		return err
	}
	objects, err := s.objects(ctx, id+"/")
	if err != nil {
		return err
	}
	for _, o := range objects {
		if !partNames.MatchString(strings.TrimPrefix(o.Name, id+"/")) {
			continue // not ours
		}
		if err := s.try(ctx, "removing "+o.Name, func() error { return s.Delete(ctx, o.Name) }); err != nil {
			return err
		}
	}
	return nil
}

// leftoverAge is how old the parts of a backup without a manifest must be before the next backup removes them. No backup
// takes that long.
const leftoverAge = 24 * time.Hour

// sweep removes the parts of backups that were never finished.
func (s *session) sweep(ctx context.Context, now time.Time) error {
	objects, err := s.objects(ctx, "")
	if err != nil {
		return err
	}
	whole, newest := map[string]bool{}, map[string]time.Time{}
	for _, o := range objects {
		id, name, _ := strings.Cut(o.Name, "/")
		if !ids.MatchString(id) {
			continue
		}
		whole[id] = whole[id] || name == manifestName
		if at := newest[id]; o.Modified.After(at) {
			newest[id] = o.Modified
		}
	}
	for id, at := range newest {
		if !whole[id] && now.Sub(takenAt(id)) > leftoverAge && now.Sub(at) > leftoverAge {
			if err := s.remove(ctx, id); err != nil {
				return err
			}
		}
	}
	return nil
}
