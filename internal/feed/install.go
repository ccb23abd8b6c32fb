package feed

import (
	"context"

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

	// sameText reports whether the database keeps the text of a trigger, so that it can be compared.
	sameText() bool
}

func dialectOf(d sqlgen.Dialect) dialect {
	if d == sqlgen.Postgres {
		return postgresLog{}
	}
	return sqliteLog{}
}

// Install makes the log and brings the triggers to the watched tables, and to no others. It runs at each start, after the
// migration. A start that finds nothing to do changes nothing.
func Install(ctx context.Context, db store.DB, tables []string) (err error) {
	defer errs.Wrap(&err, "feed.Install")
	return db.Alter(ctx, func(session store.Session) error {
		return session.Transaction(func() error { return install(session, dialectOf(session.Dialect()), tables) })
	})
}

func install(session store.Session, d dialect, tables []string) error {
	statements, err := d.setUp(session)
	if err != nil {
		return err
	}
	found := map[string]trigger{}
	err = session.Query(d.selectTriggers(), nil, func(row value.Row) error {
		t := trigger{string(row.Bytes(0)), string(row.Bytes(1)), string(row.Bytes(2))}
		found[t.name+" "+t.table] = t
		return nil
	})
	if err != nil {
		return err
	}
	var missing []string
	for _, table := range tables {
		for _, t := range d.triggers(table) {
			key := t.name + " " + t.table
			is, there := found[key]
			if there && (is.sql == t.sql || !d.sameText()) {
				delete(found, key)
				continue
			}
			missing = append(missing, t.sql)
		}
	}
	for _, t := range found {
		statements = append(statements, d.drop(t))
	}
	for _, sql := range append(append(statements, missing...), d.start()) {
		if _, err := session.Exec(sql, nil); err != nil {
			return err
		}
	}
	return nil
}
