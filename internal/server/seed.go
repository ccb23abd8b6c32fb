package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// seededKey marks a database that has had its seed, or that was new when there was none. The mark is set in the
// transaction of the rows, so that an interrupted start leaves neither.
const seededKey = "seeded"

// fill loads the app's seed into a database that has no mark of it.
func fill(ctx context.Context, db store.DB, rows *record.DB, dir string, m *model.Model, log *slog.Logger) (err error) {
	defer errs.Wrap(&err, "server.fill(%s)", m.Name)
	done, err := isSeeded(ctx, db)
	if err != nil || done {
		return err
	}
	files, err := FindSeeds(dir, m)
	if err != nil {
		return err
	}
	if len(files) > 0 {
		log.Info("loading the seed", "files", len(files))
	}
	start := time.Now()
	s := &seeder{ctx: ctx, files: files}
	err = db.Write(ctx, func(tx store.Tx) error {
		s.begin(rows.In(tx))
		if err := system.LockAgainstMigrations(tx); err != nil {
			return err
		}
		if _, done, err := system.Get(tx, seededKey); err != nil || done { // by another node meanwhile
			return err
		}
		if err := s.load(); err != nil {
			return err
		}
		return system.Set(tx, seededKey, start.UTC().Format(time.RFC3339), start)
	})
	if err == nil && len(files) > 0 {
		log.Info("loaded the seed", "rows", s.loaded, "seconds", time.Since(start).Seconds())
	}
	return err
}

func isSeeded(ctx context.Context, db store.DB) (found bool, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		_, found, err = system.Get(r, seededKey)
		return err
	})
	return found, err
}

// seeder loads files in one transaction.
type seeder struct {
	ctx    context.Context // of the start, for as long as it loads
	files  []Seed
	tx     *record.Tx
	loaded int
	faults SeedFaults
	inFile int                   // faults of the file that is being loaded
	faulty map[*model.Table]bool // of which a row was not loaded
}

// begin makes the seeder ready for a transaction, which may be run again.
func (s *seeder) begin(tx *record.Tx) {
	s.tx, s.loaded, s.faults, s.faulty = tx, 0, nil, map[*model.Table]bool{}
}

// errEnough ends a file that has maxSeedFaults.
var errEnough = errors.New("the file has enough faults")

// load loads all files, and returns the faults of all.
func (s *seeder) load() error {
	for _, f := range s.files {
		s.inFile = 0
		err := s.loadFile(f)
		if faults, ok := errors.AsType[SeedFaults](err); ok { // of the file as a whole
			s.faults, s.faulty[f.Table] = append(s.faults, faults...), true
			continue
		}
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
	}
	if len(s.faults) > 0 {
		return s.faults
	}
	return nil
}

func (s *seeder) loadFile(f Seed) error {
	return f.rows(func(row seedRow) error {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		err := row.err
		if err == nil {
			_, err = s.tx.Create(caller.System("seed"), f.Table, row.members)
		}
		if err != nil {
			return s.fault(f, row, err)
		}
		s.loaded++
		return nil
	})
}
