package backup

import (
	"context"
	"io"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Verify reads a whole backup, the newest one if id is empty, and compares it with its manifest. Without keys it compares
// the bytes of a locked backup as they are stored. Else it unpacks them too.
func Verify(ctx context.Context, from target.Target, id string, keys Identities, p Progress) (m Manifest, err error) {
	defer errs.Wrap(&err, "backup.Verify(%s)", from)
	s := newSession(from, retries{}, nil, p)
	if m, err = s.find(ctx, id); err != nil {
		return m, err
	}
	s.progress.Step("reading", m.Bytes()>>10)
	if len(m.Lock) > 0 && len(keys) == 0 {
		_, err := io.Copy(io.Discard, s.open(ctx, m, partDatabase))
		if err == nil {
			_, err = io.Copy(io.Discard, s.open(ctx, m, partKeys))
		}
		return m, err
	}
	if err := keys.check(m); err != nil {
		return m, err
	}
	if err := unpackFile(m, keys, s.open(ctx, m, partDatabase), io.Discard); err != nil {
		return m, err
	}
	_, err = s.keyFiles(ctx, m, keys)
	return m, err
}

// open reads the parts of a kind.
func (s *session) open(ctx context.Context, m Manifest, what string) io.Reader {
	return &joined{ctx: ctx, session: s, id: m.ID, parts: m.parts(what)}
}

// keyFiles reads the keys of the server in a backup, none if it has none.
func (s *session) keyFiles(ctx context.Context, m Manifest, keys Identities) (files []keyFile, err error) {
	if len(m.parts(partKeys)) == 0 {
		return nil, nil
	}
	err = unpack(m, keys, s.open(ctx, m, partKeys), func(r io.Reader) (err error) {
		files, err = unpackKeys(m, r)
		return err
	})
	return files, err
}
