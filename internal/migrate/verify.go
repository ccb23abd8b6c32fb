package migrate

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Verify compares the tables of the database with the tables that its models need, and describes each difference. A
// database without a model has none.
func Verify(ctx context.Context, db store.DB) (drift []string, err error) {
	defer errs.Wrap(&err, "migrate.Verify")
	err = db.Alter(ctx, func(session store.Session) error {
		m, skip, err := verified(session, db.EngineTables())
		if err != nil || m == nil {
			return err
		}
		got, want, err := engineOf(session.Dialect()).Catalogs(session, m, skip)
		drift = differences(got, want)
		return err
	})
	return drift, err
}

// verified returns the model of the tables to compare, nil for a new database, and the tables of the engine, to skip.
// In an older layout the system tables have no model yet, and are skipped too.
func verified(session store.Session, engine []string) (m *model.Model, skip []string, err error) {
	old, err := storedModels(session)
	if err != nil || old.app == nil {
		return nil, nil, err
	}
	layout, err := system.Layout(session)
	if err != nil || layout == store.Layout {
		return old.whole(), engine, err
	}
	skip = slices.Clone(engine)
	for _, t := range old.own.Tables {
		skip = append(skip, t.Name)
	}
	return old.app, skip, nil
}

// differences describes missing, unknown and different objects.
func differences(got, want map[string]string) (all []string) {
	names := slices.Sorted(maps.Keys(want))
	for _, name := range names {
		is, there := got[name]
		switch {
		case !there:
			all = append(all, fmt.Sprintf("%s is missing: %s", name, want[name]))
		case is != want[name]:
			all = append(all, fmt.Sprintf("%s is %s, not %s", name, is, want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, known := want[name]; !known {
			all = append(all, fmt.Sprintf("%s is not the model's: %s", name, got[name]))
		}
	}
	return all
}
