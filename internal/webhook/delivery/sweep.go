package delivery

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	keepTime   = 30 * 24 * time.Hour // of messages and deliveries
	sweepPause = time.Minute
	sweepBatch = 500
	sweepTurns = 200 // transactions of one sweep at most: the next one comes soon

	// overdueTime is when a delivery should have been sent. Its job may have been deleted by a person.
	overdueTime = 2 * time.Minute
)

// Run keeps the tables until ctx ends: it deletes what was kept long enough, and takes deliveries from senders that are gone.
func (s *Service) Run(ctx context.Context) error {
	for {
		err := background.Guard("webhooks", func() error { return s.sweep(ctx) })
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("the tables of webhooks were not swept", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(sweepPause):
		}
	}
}

func (s *Service) sweep(ctx context.Context) error {
	if err := s.rescue(ctx); err != nil {
		return err
	}
	if err := s.remind(ctx); err != nil {
		return err
	}
	before := []value.Value{value.OfUUID(firstID(s.now().Add(-keepTime)))}
	for _, sql := range []string{sweepDeliveries, sweepMessages} {
		for range sweepTurns {
			var deleted int64
			err := s.write(ctx, func(tx store.Tx) (err error) {
				deleted, err = tx.Exec(s.sql.of(sql), before)
				return err
			})
			if err != nil {
				return err
			}
			if deleted < sweepBatch {
				break
			}
		}
	}
	return nil
}

// rescue lets others send deliveries whose sender is gone. A job that runs again does that itself, unless it was deleted.
func (s *Service) rescue(ctx context.Context) error {
	return s.write(ctx, func(tx store.Tx) error {
		keys := map[string]bool{}
		var ids []string
		now := stamp(s.now())
		err := tx.Query(s.sql.of(stuckSending), []value.Value{now}, func(row value.Row) error {
			ids = append(ids, textOf(row, 0))
			keys[textOf(row, 1)] = true
			return nil
		})
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.Exec(s.sql.of(freeStuck), []value.Value{value.OfUUID(id), now}); err != nil {
				return err
			}
		}
		for key := range keys {
			if err := s.summon(tx, key, time.Time{}, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// remind adds a job for each endpoint with a delivery that is overdue. Most of these endpoints are in a pause, and the job
// ends at once.
func (s *Service) remind(ctx context.Context) error {
	for after := ""; ; {
		var keys []string
		err := s.write(ctx, func(tx store.Tx) error {
			keys = nil
			now := s.now()
			err := tx.Query(s.sql.of(overdue), []value.Value{stamp(now.Add(-overdueTime)), value.OfText(after)}, func(row value.Row) error {
				keys = append(keys, textOf(row, 0))
				return nil
			})
			if err != nil {
				return err
			}
			for _, key := range keys {
				if err := s.summon(tx, key, time.Time{}, "remind:"+key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(keys) < sweepBatch {
			return err
		}
		after = keys[len(keys)-1]
	}
}
