package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// try calls f until it succeeds, a few times at most. It gives up at once if another try cannot help.
func (s *session) try(ctx context.Context, what string, f func() error) error {
	pause := s.retries.pause
	for n := 1; ; n++ {
		err := f()
		if err == nil || ctx.Err() != nil || !mayPass(err) {
			return err
		}
		if n == s.retries.tries {
			return fmt.Errorf("%s failed %d times: %w", what, n, err)
		}
		s.log.Warn("a target of backups failed: trying again", "call", what, "attempt", n, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// mayPass reports whether the same call may succeed later.
func mayPass(err error) bool {
	_, differ := errors.AsType[*differsError](err)
	return differ || errs.KindOf(err) == errs.Unavailable
}

// differsError is the error of an object with other bytes than it should have.
type differsError struct{ cause *errs.Error }

func (e *differsError) Error() string { return e.cause.Error() }
func (e *differsError) Unwrap() error { return e.cause }

func differs(name string, s *session) error {
	return &differsError{errs.New(errs.Invalid, "%s in %s is damaged: its bytes have another checksum", name, s)}
}

// put stores an object and reads it back. After a failure it looks first: the target may have stored the object.
func (s *session) put(ctx context.Context, name string, want Content, open func() (io.ReadCloser, error)) error {
	first := true
	return s.try(ctx, "storing "+name, func() error {
		if !first {
			if done, err := s.lookAgain(ctx, name, want); done || err != nil {
				return err
			}
		}
		first = false
		body, err := open()
		if err != nil {
			return err
		}
		err = s.Put(ctx, name, body)
		if err := errors.Join(err, body.Close()); err != nil {
			return err
		}
		err = s.readBack(ctx, name, want)
		if errs.KindOf(err) == errs.NotFound { // it told us that it has the object
			err = errs.Wrapf(err, errs.Unavailable, "%s lost %s", s, name)
		}
		return err
	})
}

// lookAgain reports whether a failed Put has stored the object. It removes another object of that name.
func (s *session) lookAgain(ctx context.Context, name string, want Content) (done bool, err error) {
	err = s.readBack(ctx, name, want)
	if err == nil {
		return true, nil
	}
	if errs.KindOf(err) == errs.NotFound {
		return false, nil
	}
	if _, ok := errors.AsType[*differsError](err); ok {
		return false, s.Delete(ctx, name)
	}
	return false, err
}

// readBack compares an object with what it should be.
func (s *session) readBack(ctx context.Context, name string, want Content) (err error) {
	body, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(body, want.Bytes+1))
	if err != nil {
		return errs.Wrapf(err, errs.Unavailable, "%s cannot be read back from %s", name, s)
	}
	if n != want.Bytes || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return differs(name, s)
	}
	return nil
}

// upload stores the parts of a backup from a folder, then looks whether the target still has all of them.
func (s *session) upload(ctx context.Context, m Manifest, dir string) error {
	s.progress.Step("storing", m.Bytes()>>10)
	todo := m.Parts
	for round := 1; ; round++ {
		for _, p := range todo {
			err := s.put(ctx, m.ID+"/"+p.Name, p.Content, func() (io.ReadCloser, error) { return os.Open(filepath.Join(dir, p.Name)) })
			if err != nil {
				return err
			}
			s.progress.Add(p.Bytes >> 10)
		}
		lost, err := s.missing(ctx, m)
		if err != nil || len(lost) == 0 {
			return err
		}
		if round == s.retries.tries {
			return errs.New(errs.Unavailable, "%s loses what it was given: %s is gone again", s, lost[0].Name)
		}
		s.log.Warn("a target of backups lost parts: storing them again", "parts", len(lost), "first", lost[0].Name)
		todo = lost
	}
}

// missing returns the parts of a backup that the target has not, or with another size.
func (s *session) missing(ctx context.Context, m Manifest) (lost []Part, err error) {
	sizes := map[string]int64{}
	err = s.try(ctx, "listing "+m.ID, func() error {
		objects, err := s.List(ctx, m.ID+"/")
		for _, o := range objects {
			sizes[o.Name] = o.Size
		}
		return err
	})
	for _, p := range m.Parts {
		if size, ok := sizes[m.ID+"/"+p.Name]; !ok || size != p.Bytes {
			lost = append(lost, p)
		}
	}
	return lost, err
}

// publish stores the manifest. The backup exists from then on.
func (s *session) publish(ctx context.Context, m Manifest) error {
	data, err := m.encode()
	if err != nil {
		return err
	}
	if len(data) > maxManifest {
		return fmt.Errorf("the manifest would have %d bytes, more than %d", len(data), maxManifest)
	}
	want := Content{int64(len(data)), digest(data)}
	return s.put(ctx, m.ID+"/"+manifestName, want, func() (io.ReadCloser, error) { return memory{bytes.NewReader(data)}, nil })
}

// memory is a body in memory, with its size.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }
