package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A server that has just started may still make tables or load the seed. attach looks again after each pause, and gives up
// when its patience ends.
const (
	startPatience = 10 * time.Second
	startPause    = 100 * time.Millisecond
)

// attach opens the database of a running server, for a command such as `ashlar token`. It changes no tables. If the model needs other tables than the server
// has, it returns model.Faults.
func (a *App) attach(ctx context.Context) (store.DB, error) {
	db, err := a.openStore(ctx, 0)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(startPatience); ; {
		ready, err := isReady(ctx, db, a.Rules.Model)
		if err == nil && ready {
			return db, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = fmt.Errorf("the server on %s is still starting: try again when it is ready", a.folder.path)
		}
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), db.Close())
		case <-time.After(startPause):
		}
	}
}

// isReady reports whether the database has its tables and its seed. If its tables differ from the model, the error says
// how.
func isReady(ctx context.Context, db store.DB, m *model.Model) (ready bool, err error) {
	changes, isNew, err := migrate.Differences(ctx, db, m)
	if err != nil || isNew {
		return false, err
	}
	var faults model.Faults
	for _, change := range changes {
		faults = append(faults, m.Fault(change.Pos, "the running server has other tables: %v; restart it first", change))
	}
	if len(faults) > 0 {
		return false, faults.Sort()
	}
	return seed.IsLoaded(ctx, db)
}
