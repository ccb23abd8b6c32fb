package account

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// What has expired is deleted in small steps, so that no write waits for long. A session or code that has expired is refused
// whether its row is there or not.
const (
	deleteIdle    = `DELETE FROM "ashlar_sessions" WHERE "id" IN (SELECT "id" FROM "ashlar_sessions" WHERE "idle_at" < $1 LIMIT 500)`
	deleteEnded   = `DELETE FROM "ashlar_sessions" WHERE "id" IN (SELECT "id" FROM "ashlar_sessions" WHERE "ends_at" < $1 LIMIT 500)`
	deleteSecrets = `DELETE FROM "ashlar_secrets" WHERE "id" IN (SELECT "id" FROM "ashlar_secrets" WHERE "expires_at" < $1 LIMIT 500)`
	deleteGuesses = `DELETE FROM "ashlar_guesses" WHERE "id" IN (SELECT "id" FROM "ashlar_guesses" WHERE "at" < $1 LIMIT 500)`
)

const (
	cleanStep   = 500 // rows of one transaction
	cleanEvery  = time.Minute
	maxGuessAge = 24 * time.Hour // an unused counter is deleted at this age
)

// Run deletes what has expired, and takes the census of hashes, until ctx ends. Several nodes may run it on one database.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(cleanEvery)
	defer ticker.Stop()
	if err := s.counting.Look(ctx, s.CountSessions); err != nil {
		return err
	}
	for {
		if err := s.countHashesInTime(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
			if err := s.purging.Look(ctx, s.clean); err != nil {
				return err
			}
			if err := s.counting.Look(ctx, s.CountSessions); err != nil {
				return err
			}
		}
	}
}

// selectSessions counts no further than a million, which takes some 20 ms.
const selectSessions = `SELECT count(*) FROM (SELECT 1 FROM "ashlar_sessions" LIMIT 1000000) AS counted`

// CountSessions counts the sessions that the database holds, for LiveSessions. Run calls it at the start and once a minute, after
// expired ones are deleted.
func (s *Service) CountSessions(ctx context.Context) error {
	return s.db.Read(ctx, func(reader store.Reader) error {
		reader.FinalStatement()
		return reader.Query(selectSessions, nil, func(row value.Row) error {
			s.live.Store(row.Int(0))
			return nil
		})
	})
}

// LiveSessions returns how many sessions there were at the last count of this process: at its start, and once a minute. It counts
// a million at most.
func (s *Service) LiveSessions() int64 { return s.live.Load() }

// clean deletes everything that has expired by now.
func (s *Service) clean(ctx context.Context) error {
	now := s.now()
	for _, each := range []struct {
		table, sql string
		before     value.Value
	}{
		{sessionsTable, deleteIdle, value.OfTimestamp(now.UnixMicro())},
		{sessionsTable, deleteEnded, value.OfTimestamp(now.UnixMicro())},
		{secretsTable, deleteSecrets, value.OfTimestamp(now.UnixMicro())},
		{guessesTable, deleteGuesses, value.OfInt(now.Add(-maxGuessAge).UnixMicro())},
	} {
		for deleted := int64(cleanStep); deleted == cleanStep; {
			err := s.write(ctx, func(w *work) (err error) {
				w.tx.MarkChanged(each.table)
				deleted, err = w.tx.Exec(each.sql, []value.Value{each.before})
				return err
			})
			if err != nil {
				return err
			}
			telemetry.RecordOf(ctx).Found(int(deleted))
		}
	}
	return nil
}
