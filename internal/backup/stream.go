package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// partSize is the size of a part. The one that is read stays in memory.
const partSize = 16 << 20

// splitter writes parts into a folder.
type splitter struct {
	dir   string
	size  int64 // of a part
	parts []Part
	what  string

	file *disk.Steady
	hash hash.Hash
	n    int64
}

func (s *splitter) Write(data []byte) (written int, err error) {
	for len(data) > 0 {
		if s.file == nil {
			if err := s.open(); err != nil {
				return written, err
			}
		}
		some := data[:min(int64(len(data)), s.size-s.n)]
		n, err := s.file.Write(some)
		s.hash.Write(some[:n])
		s.n += int64(n)
		written += n
		if err != nil {
			return written, err
		}
		if data = data[n:]; s.n == s.size {
			if err := s.Close(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (s *splitter) open() error {
	name := fmt.Sprintf("%03d.part", len(s.parts))
	file, err := os.OpenFile(filepath.Join(s.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.file = &disk.Steady{File: file}
	s.parts = append(s.parts, Part{Name: name, What: s.what})
	s.hash, s.n = sha256.New(), 0
	return nil
}

// Close ends the last part. The next Write begins another.
func (s *splitter) Close() error {
	if s.file == nil {
		return nil
	}
	last := &s.parts[len(s.parts)-1]
	last.Content = Content{s.n, hex.EncodeToString(s.hash.Sum(nil))}
	err := s.file.File.Close()
	s.file = nil
	return err
}

// pack writes the parts of a kind: what fill writes, compressed and locked.
func (s *splitter) pack(what string, to lock, fill func(io.Writer) error) (err error) {
	s.what = what
	defer func() { err = errors.Join(err, s.Close()) }()
	locked, err := to.seal(s)
	if err != nil {
		return err
	}
	packed, err := zstd.NewWriter(locked, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := fill(packed); err != nil {
		return errors.Join(err, packed.Close())
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return locked.Close()
}

// packFile packs a file, and returns its bytes and checksum.
func (s *splitter) packFile(path string, to lock, p untilDone, rest func()) (c Content, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	err = s.pack(partDatabase, to, func(w io.Writer) error {
		c.Bytes, err = copyPaced(io.MultiWriter(sum, w), file, p, rest)
		return err
	})
	c.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return c, err
}

// untilDone is a Progress that knows whether the work should go on.
type untilDone struct {
	ctx context.Context
	Progress
}

// copyPaced is io.Copy in small pieces.
func copyPaced(to io.Writer, from io.Reader, p untilDone, rest func()) (n int64, err error) {
	buf := make([]byte, 64<<10)
	for {
		got, err := io.ReadFull(from, buf)
		if _, e := to.Write(buf[:got]); e != nil {
			return n, e
		}
		n += int64(got)
		p.Add(int64(got) >> 10)
		rest()
		if err := p.ctx.Err(); err != nil {
			return n, err
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return n, nil
		default:
			return n, err
		}
	}
}

// decoderMemory bounds what a foreign backup may ask of the decoder.
const decoderMemory = 64 << 20

// unpack reads parts of a kind, joined in packed, and gives read what they hold.
func unpack(m Manifest, keys Identities, packed io.Reader, read func(io.Reader) error) error {
	unlocked, err := keys.unlock(m, packed)
	if err != nil {
		return damaged(m, err)
	}
	plain, err := zstd.NewReader(unlocked, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(decoderMemory), zstd.WithDecoderMaxWindow(decoderMemory))
	if err != nil {
		return damaged(m, err)
	}
	defer plain.Close()
	return read(plain)
}

// unpackFile writes the database of a backup, and compares it with the manifest.
func unpackFile(m Manifest, keys Identities, packed io.Reader, to io.Writer) error {
	return unpack(m, keys, packed, func(plain io.Reader) error {
		sum := sha256.New()
		n, err := io.Copy(io.MultiWriter(sum, to), io.LimitReader(plain, m.Database.Bytes+1))
		if err != nil {
			return damaged(m, err)
		}
		if got := (Content{n, hex.EncodeToString(sum.Sum(nil))}); got != m.Database {
			return damaged(m, errors.New("the database has another checksum than the manifest says"))
		}
		return nil
	})
}

// damaged is the error of a backup that cannot be read. It passes on errors that have a kind.
func damaged(m Manifest, err error) error {
	if _, ok := errors.AsType[*errs.Error](err); ok {
		return err
	}
	return errs.Wrapf(err, errs.Invalid, "the backup %s cannot be unpacked", m.ID)
}
