// Package backup takes backups of a database, verifies them and restores them (docs/decisions/0063-backup.md).
//
// A backup is a manifest and parts in a target. The parts together are one SQLite database, compressed by zstd and perhaps
// locked by age. SQLite is copied page by page in one snapshot. PostgreSQL is moved into SQLite from one snapshot. So every
// backup restores to either engine.
//
// The files form layers. From the top down:
//   - take.go, restore.go and verify.go do the work; list.go lists and removes.
//   - upload.go and download.go carry parts, stream.go packs and unpacks them.
//   - manifest.go, keyfiles.go, lock.go and pace.go know nothing of targets.
package backup

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/move"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Progress learns about the progress. Steps count KiB, and rows where a table is read.
type Progress = move.Progress

// Options configures Take. The zero value works.
type Options struct {
	LockWith []string     // recipients of age, age1…; none: the backup is not locked
	Version  string       // of Ashlar
	Progress Progress     // may be nil
	Gentle   bool         // leaves the processor to a server on this machine, and takes longer
	Log      *slog.Logger // learns of retries; may be nil

	retries  retries // set by tests
	partSize int64   // set by tests
}

// A Source is a database to back up.
type Source struct {
	Engine  string // "sqlite" or "postgres"
	App     string // name of the app
	Scratch string // folder with room for the database and its backup
	Keys    string // folder with the keys of the server

	// Copy writes one consistent state of the database as a new SQLite database at path. It calls rest often; rest may sleep.
	Copy func(ctx context.Context, path string, p Progress, rest func()) error

	Open func(path string) (Copy, error) // opens what Copy wrote, for looks
}

// A Destination is where a backup is restored to: a data folder, or a PostgreSQL database and a data folder for the keys.
type Destination struct {
	App    string // name of the app; a backup of another one is refused. "" accepts any
	Folder string

	// Lock keeps servers out of the folder until release is called. It may be nil.
	Lock func() (release func() error, err error)

	Open func(path string) (Copy, error) // opens a restored database, for looks

	// Empty refuses a used PostgreSQL database, and Fill fills it. Both are nil if the database goes into the folder.
	Empty func(ctx context.Context) error
	Fill  func(ctx context.Context, path string, p Progress) error
}

// A Copy is a database in a file that nobody changes.
type Copy interface {
	store.DB
	FullCheck(ctx context.Context) (damage []string, done bool, err error)
}

// retries bounds how often a call to a target is tried, and the pause before the second try. Each pause is twice the last.
type retries struct {
	tries int
	pause time.Duration
}

func (r retries) orDefault() retries {
	if r.tries == 0 {
		return retries{6, 250 * time.Millisecond}
	}
	return r
}

type nobody struct{}

func (nobody) Step(string, int64) {}
func (nobody) Add(int64)          {}

func orNobody(p Progress) Progress {
	if p == nil {
		return nobody{}
	}
	return p
}

// session is a target and how it is asked.
type session struct {
	target.Target
	retries  retries
	log      *slog.Logger
	progress Progress
}

func newSession(t target.Target, r retries, log *slog.Logger, p Progress) *session {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &session{t, r.orDefault(), log, orNobody(p)}
}
