package migrate

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const HistoryTable = historyTable

// OnStatement calls f before each statement.
func (o *Options) OnStatement(f func(sql string) error) { o.step = f }

// OwnModel returns the system tables that this release needs.
func (o Options) OwnModel(app *model.Model) *model.Model { return o.systemModel(app) }

// StoredApp reads the model of the app.
func StoredApp(reader store.Reader) (*model.Model, error) { return storedApp(reader) }

// PlanBetween plans the way from one model of the app to another.
func PlanBetween(reader store.Reader, old, m *model.Model, now time.Time) (*plan.Plan, error) {
	own := Options{}.systemModel
	return between(reader, models{old, own(old)}, models{m, own(m)}, nil, now)
}

// NewEnginePlan plans the way from one model to another, without a database.
func NewEnginePlan(dialect sqlgen.Dialect, old, m *model.Model, backfill func(*model.Field) value.Value) *plan.Plan {
	return plan.New(engineOf(dialect), old, m, backfill)
}

// Catalog returns the definitions of a database by object.
func Catalog(session store.Session, m *model.Model, skip []string) (got map[string]string, err error) {
	got, _, err = engineOf(session.Dialect()).Catalogs(session, m, skip)
	return got, err
}
