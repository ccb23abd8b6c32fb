package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// openBeside opens the data of an app for a moment: as a server does where none runs, else beside the one that has it.
func openBeside(ctx context.Context, dir string, cfg Config, rules *rule.Rules) (folder, store.DB, error) {
	f, err := lockFolder(ctx, cfg, 0)
	f.rules = rules
	if _, inUse := errors.AsType[*sqlite.InUseError](err); inUse {
		db, err := f.join(ctx, rules.Model)
		return f, db, err
	}
	if err != nil {
		return f, nil, err
	}
	db, err := f.open(ctx, dir, rules)
	if err != nil {
		return f, nil, errors.Join(err, f.unlock())
	}
	return f, db, nil
}

// A server that has just begun may still be making the tables or loading the seed.
const (
	startPatience = 10 * time.Second
	startPause    = 100 * time.Millisecond
)

// join opens the database of a running server. It changes no tables: where the model asks for others than the server
// made, that is said as model.Faults.
func (f folder) join(ctx context.Context, m *model.Model) (store.DB, error) {
	db, err := f.openStore(ctx, 0)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(startPatience); ; {
		made, err := sameTables(ctx, db, m)
		if err == nil && made {
			return db, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = fmt.Errorf("the server on %s is still starting: try again when it is ready", f.path)
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

// sameTables says whether the database is made and filled. Where its tables are not the model's, the error says how.
func sameTables(ctx context.Context, db store.DB, m *model.Model) (made bool, err error) {
	changes, isNew, err := migrate.Differences(ctx, db, m)
	if err != nil || isNew {
		return false, err
	}
	var faults model.Faults
	for _, c := range changes {
		faults = append(faults, m.Fault(c.Pos, "the running server has other tables: %v; restart it first", c))
	}
	if len(faults) > 0 {
		return false, faults.Sort()
	}
	return isSeeded(ctx, db)
}
