package feed

import (
	"context"
	"maps"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A trigger is a trigger of ours as the database has it, or as it must be.
type trigger struct{ name, table, sql string }

// A dialect holds the statements of an engine.
type dialect interface {
	// setUp returns the statements that make the log. They change nothing if it is there.
	setUp(session store.Session) ([]string, error)

	// triggers returns the triggers of a watched table.
	triggers(table string) []trigger

	// selectTriggers selects the name, the table and the text of each trigger of ours.
	selectTriggers() string

	// drop returns the statement that drops a trigger.
	drop(trigger) string

	// start returns the statement that adds a first row to an empty log.
	start() string

	// everything returns the statement that says that any row of any table may have changed.
	everything() string

	// selectLog selects a row if there is a log.
	selectLog() string

	// sameText reports whether the database keeps the text of a trigger, so that it can be compared.
	sameText() bool
}

func dialectOf(d sqlgen.Dialect) dialect {
	if d == sqlgen.Postgres {
		return postgresLog{}
	}
	return sqliteLog{}
}

// A Setup says which tables are watched.
type Setup struct {
	Tables  []string
	Shared  bool // other servers may watch further tables: their triggers stay
	Altered bool // rows may have changed without a trigger, by a migration
}

// Install makes the log and brings the triggers to the watched tables. It runs at each start, after the migration. A start
// that finds nothing to do changes nothing, and without watched tables there is no log.
//
// Nobody can say what changed while a table had no triggers. So a new trigger tells all watchers, also if they resume, to
// read their whole lists.
func Install(ctx context.Context, db store.DB, setup Setup) (err error) {
	defer errs.Wrap(&err, "feed.Install")
	return db.Alter(ctx, func(session store.Session) error {
		return session.Transaction(func() error { return install(session, dialectOf(session.Dialect()), setup) })
	})
}

func install(session store.Session, d dialect, setup Setup) error {
	missing, surplus, err := compare(session.Query, d, setup.Tables)
	if err != nil {
		return err
	}
	var statements []string
	if len(setup.Tables) > 0 {
		if statements, err = d.setUp(session); err != nil {
			return err
		}
		statements = append(statements, d.start())
	}
	if !setup.Shared {
		for _, t := range surplus {
			statements = append(statements, d.drop(t))
		}
	}
	for _, t := range missing {
		statements = append(statements, t.sql)
	}
	if len(missing) > 0 || (setup.Altered && len(setup.Tables) > 0) {
		statements = append(statements, d.everything())
	}
	for _, sql := range statements {
		if _, err := session.Exec(sql, nil); err != nil {
			return err
		}
	}
	return nil
}

// query is a function such as store.Reader.Query.
type query func(sql string, args []value.Value, each func(value.Row) error) error

// compare returns the triggers that the tables need and do not have, and the ones that no table needs.
func compare(ask query, d dialect, tables []string) (missing, surplus []trigger, err error) {
	found := map[string]trigger{}
	err = ask(d.selectTriggers(), nil, func(row value.Row) error {
		t := trigger{string(row.Bytes(0)), string(row.Bytes(1)), string(row.Bytes(2))}
		found[t.name+" "+t.table] = t
		return nil
	})
	for _, table := range tables {
		for _, t := range d.triggers(table) {
			key := t.name + " " + t.table
			is, there := found[key]
			if !there || (is.sql != t.sql && d.sameText()) {
				missing = append(missing, t)
			}
			if there && (is.sql == t.sql || !d.sameText()) {
				delete(found, key)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(found)) {
		surplus = append(surplus, found[key])
	}
	return missing, surplus, err
}

// Missing returns the watched tables that Install has not prepared.
func Missing(ctx context.Context, db store.DB, tables []string) (names []string, err error) {
	defer errs.Wrap(&err, "feed.Missing")
	err = db.Read(ctx, func(reader store.Reader) error {
		missing, _, err := compare(reader.Query, dialectOf(reader.Dialect()), tables)
		for _, t := range missing {
			if !slices.Contains(names, t.table) {
				names = append(names, t.table)
			}
		}
		return err
	})
	return names, err
}

// Altered tells all watchers, also if they resume, to read their whole lists. It does nothing without a log.
func Altered(ctx context.Context, db store.DB) (err error) {
	defer errs.Wrap(&err, "feed.Altered")
	return db.Alter(ctx, func(session store.Session) error {
		d, there := dialectOf(session.Dialect()), false
		err := session.Query(d.selectLog(), nil, func(value.Row) error {
			there = true
			return nil
		})
		if err != nil || !there {
			return err
		}
		_, err = session.Exec(d.everything(), nil)
		return err
	})
}
