// Package target holds the places that backups go to: a folder, or a bucket that speaks S3.
//
// A target stores objects under generated names, whole or not at all. It never replaces one.
package target

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Target stores objects. It is safe for concurrent use.
type Target interface {
	// Put stores an object, whole or not at all. It refuses an existing name with an error of kind errs.Conflict. An error
	// of another kind may come after the target has stored the object: Get tells.
	Put(ctx context.Context, name string, r io.Reader) error

	// Get opens an object. If there is none, the error is of kind errs.NotFound.
	Get(ctx context.Context, name string) (io.ReadCloser, error)

	// List returns the objects whose names begin with prefix, sorted by name.
	List(ctx context.Context, prefix string) ([]Object, error)

	// Delete removes an object. It succeeds if there is none.
	Delete(ctx context.Context, name string) error

	// String returns the address without secrets, for messages.
	String() string
}

// An Object is one entry of a list.
type Object struct {
	Name     string
	Size     int64
	Modified time.Time
}

// Open opens a target by its address: a folder's path, or
// s3://bucket/prefix?endpoint=https://host:port&region=name&timeout=2m. The timeout bounds one call. The keys of a bucket come from getenv: AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN. Open connects to nothing and makes nothing.
func Open(address string, getenv func(string) string) (Target, error) {
	switch {
	case address == "":
		return nil, errors.New("a place for backups is missing: name a folder, or s3://bucket/prefix")
	case strings.HasPrefix(address, "s3://"):
		return openBucket(address, getenv)
	case strings.Contains(address, "://"):
		scheme, _, _ := strings.Cut(address, "://")
		return nil, fmt.Errorf("backups cannot go to an address that begins with %s://: name a folder, or s3://bucket/prefix", scheme)
	}
	return folder(address), nil
}

// Probe writes, reads and deletes a small object. It says which of the three the target refused.
func Probe(ctx context.Context, t Target) error {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	name := "probe-" + hex.EncodeToString(random[:8])
	if err := t.Put(ctx, name, bytes.NewReader(random)); err != nil {
		return fmt.Errorf("%s cannot be written: %w", t, err)
	}
	got, err := read(ctx, t, name, 1<<10)
	if err == nil && !bytes.Equal(got, random) {
		err = errors.New("it returned other bytes than it was given")
	}
	if err != nil {
		err = fmt.Errorf("%s cannot be read: %w", t, err)
	}
	if e := t.Delete(ctx, name); e != nil {
		err = errors.Join(err, fmt.Errorf("%s lets nobody delete, so old backups would stay: %w", t, e))
	}
	return err
}

// read returns the bytes of a small object.
func read(ctx context.Context, t Target, name string, limit int64) (data []byte, err error) {
	body, err := t.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	return io.ReadAll(io.LimitReader(body, limit))
}

// names matches the names of objects: generated ones, with at most one folder.
var names = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9_-]*/)?[A-Za-z0-9][A-Za-z0-9_-]*(\.[a-z0-9]+)?$`)

func checkName(name string) error {
	if len(name) > 200 || !names.MatchString(name) {
		return errs.New(errs.Invalid, "%q is no name of a part of a backup", name)
	}
	return nil
}

func notFound(t Target, name string, cause error) error {
	return errs.Wrapf(cause, errs.NotFound, "%s is not in %s", name, t)
}

func exists(t Target, name string, cause error) error {
	return errs.Wrapf(cause, errs.Conflict, "%s is in %s already", name, t)
}
