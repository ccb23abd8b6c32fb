package migrate

import (
	"context"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// IsSafelyAhead reports whether the database has moved on from the model by safe changes only. A server on the model
// can then go on. This happens if it is restarted when others already have the next model.
func IsSafelyAhead(ctx context.Context, db store.DB, m *model.Model) (yes bool, err error) {
	defer errs.Wrap(&err, "migrate.IsSafelyAhead(%s)", m.Name)
	err = db.Read(ctx, func(reader store.Reader) error {
		yes, err = isSafelyAhead(reader, m)
		return err
	})
	return yes, err
}

func isSafelyAhead(reader plan.Querier, m *model.Model) (bool, error) {
	now, err := storedModels(reader)
	if err != nil || now.app == nil {
		return false, err
	}
	all, err := entries(reader)
	if err != nil || !slices.ContainsFunc(all, func(e entryRow) bool { return e.State == Done && e.Model == string(snapshot.Encode(m)) }) {
		return false, err
	}
	return plan.New(engineOf(reader.Dialect()), models{m, system.Beside(now.own, m)}.whole(), now.whole(), recordedBackfill(all)).Safe(), nil
}

// recordedBackfill returns a value for each field that rows have got a value for. Which value it was does not matter.
func recordedBackfill(all []entryRow) func(*model.Field) value.Value {
	return func(field *model.Field) value.Value {
		for _, entry := range all {
			if entry.backfills[field.Table.Name+"."+field.Name] != "" {
				return value.OfText("given")
			}
		}
		return value.Value{}
	}
}
