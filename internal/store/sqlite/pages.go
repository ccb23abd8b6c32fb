package sqlite

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	countDataPages  = "PRAGMA page_count"
	selectDataPages = "SELECT data FROM sqlite_dbpage ORDER BY pgno" // a range of pgno would look at all pages
	batchPages      = 64
)

// CopyPages copies the pages of the database at path into a new file, as one snapshot has them. The file has the pages at
// the same places, unlike one of VACUUM INTO. A server may read and write at the same time, in this process or in another.
// CopyPages calls step after each 64 pages; step may sleep. While CopyPages works, SQLite cannot begin its log anew.
func CopyPages(ctx context.Context, path, to string, step func(done, total int64)) (err error) {
	if err := checkExisting(path); err != nil {
		return err
	}
	c, err := openConn(path, Config{}.withDefaults(), "query_only = ON")
	if err != nil {
		return describeOpenError(path, err)
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if ours, err := checkHeader(c.raw); err != nil || !ours {
		return errors.Join(errs.New(errs.Conflict, "%s holds no app: nothing was ever served from it", path), err)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	c.watch.Begin(ctx, time.Now().Add(forever))
	defer c.watch.End()
	pin, _, err := c.raw.PrepareTransient(readHeader) // holds the snapshot: see readHeader
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pin.Finalize()) }()
	if _, err := pin.Step(); err != nil {
		return c.translate(err, readHeader)
	}
	return c.copyPages(ctx, &disk.Steady{File: file}, step)
}

func (c *conn) copyPages(ctx context.Context, file io.Writer, step func(done, total int64)) error {
	var total int64
	err := c.query(countDataPages, nil, func(row value.Row) error {
		total = row.Int(0)
		return nil
	})
	if err != nil {
		return err
	}
	var done int64
	return c.query(selectDataPages, nil, func(row value.Row) error {
		if _, err := file.Write(row.Bytes(0)); err != nil {
			return err
		}
		done++
		if done%batchPages == 0 || done == total {
			step(done, total)
			return ctx.Err()
		}
		return nil
	})
}
