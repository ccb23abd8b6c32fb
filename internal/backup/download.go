package backup

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// joined reads parts one after another. It gives no byte of a part before the checksum of the part is right.
type joined struct {
	ctx     context.Context
	session *session
	id      string
	parts   []Part
	buf     bytes.Buffer
}

// Read implements io.Reader.
func (j *joined) Read(dst []byte) (int, error) {
	for j.buf.Len() == 0 {
		if len(j.parts) == 0 {
			return 0, io.EOF
		}
		if err := j.session.fetch(j.ctx, &j.buf, j.id, j.parts[0]); err != nil {
			return 0, err
		}
		j.session.progress.Add(j.parts[0].Bytes >> 10)
		j.parts = j.parts[1:]
	}
	return j.buf.Read(dst)
}

// fetch reads a part into memory and compares it with the manifest. The network may have damaged it, so fetch reads a
// damaged one twice.
func (s *session) fetch(ctx context.Context, to *bytes.Buffer, id string, p Part) error {
	name := id + "/" + p.Name
	return s.try(ctx, "reading "+name, func() error {
		err := s.fetchOnce(ctx, to, id, p)
		if _, ok := errors.AsType[*differsError](err); ok {
			err = s.fetchOnce(ctx, to, id, p)
		}
		if wrong, ok := errors.AsType[*differsError](err); ok {
			return wrong.cause // another try would find the same
		}
		return err
	})
}

func (s *session) fetchOnce(ctx context.Context, to *bytes.Buffer, id string, p Part) (err error) {
	name := id + "/" + p.Name
	to.Reset()
	body, err := s.Get(ctx, name)
	if errs.KindOf(err) == errs.NotFound {
		return errs.Wrapf(err, errs.NotFound, "the backup %s is not whole: %s is missing in %s. Take another backup", id, p.Name, s)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	to.Grow(int(p.Bytes) + bytes.MinRead)
	if _, err := to.ReadFrom(io.LimitReader(body, p.Bytes+1)); err != nil {
		return errs.Wrapf(err, errs.Unavailable, "%s cannot be read from %s", name, s)
	}
	if int64(to.Len()) != p.Bytes || digest(to.Bytes()) != p.SHA256 {
		return differs(name, s)
	}
	return nil
}

// manifest reads the manifest of a backup.
func (s *session) manifest(ctx context.Context, id string) (m Manifest, err error) {
	var data []byte
	err = s.try(ctx, "reading the manifest of "+id, func() (err error) {
		body, err := s.Get(ctx, id+"/"+manifestName)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, body.Close()) }()
		data, err = io.ReadAll(io.LimitReader(body, maxManifest+1))
		return err
	})
	if err != nil {
		return m, err
	}
	return decodeManifest(id, data)
}

// find reads the manifest of a backup, of the newest one if id is empty, and refuses a backup that lacks parts.
func (s *session) find(ctx context.Context, id string) (m Manifest, err error) {
	if id == "" {
		found, err := s.ids(ctx)
		if err != nil {
			return m, err
		}
		if len(found) == 0 {
			return m, errs.New(errs.NotFound, "%s holds no backup", s)
		}
		id = found[0]
	}
	if !ids.MatchString(id) {
		return m, errs.New(errs.Invalid, "%q names no backup: names look like 20261128T083000Z-7f3a9c21", id)
	}
	m, err = s.manifest(ctx, id)
	if errs.KindOf(err) == errs.NotFound {
		return m, errs.Wrapf(err, errs.NotFound, "there is no backup %s in %s: `ashlar backup list` names the ones that are there", id, s)
	}
	if err != nil {
		return m, err
	}
	lost, err := s.missing(ctx, m)
	if err == nil && len(lost) > 0 {
		err = errs.New(errs.Invalid, "the backup %s is not whole: %s is missing or has another size. Take another backup", id, lost[0].Name)
	}
	return m, err
}
