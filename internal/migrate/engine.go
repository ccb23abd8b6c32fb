package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/migrate/postgres"
	"github.com/ashlar-dev/ashlar/internal/migrate/sqlite"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// engine is how a database engine carries out plans.
type engine interface {
	plan.Engine
	// InOneTransaction reports whether a plan is one transaction. Otherwise it has phases, and servers work meanwhile.
	InOneTransaction() bool
	// CheckReferences returns faults about rows that refer to nothing, before that one transaction commits.
	CheckReferences(session store.Session, m *model.Model) error
	// Catalogs returns the definitions of the database by object, such as "column posts.title", and the definitions that
	// new tables of the model would have. It skips some tables of the database.
	Catalogs(session store.Session, m *model.Model, skip []string) (got, want map[string]string, err error)
}

// engineOf returns the engine of a dialect. Nothing else in this package tells the engines apart.
func engineOf(dialect sqlgen.Dialect) engine {
	if dialect == sqlgen.Postgres {
		return postgres.Engine{}
	}
	return sqlite.Engine{}
}
