package migrate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// loop is work on rows in batches. Outside of a transaction each batch commits by itself. An interrupted loop may run
// again.
type loop interface {
	run(s store.Session, note func(rows int64)) error
	table() string // table whose rows the loop reads; "" if they are few or cannot be counted beforehand
}

// batch is the number of rows that one statement of a loop reads.
const batch = 1000

// conversion fills a new column of a field, which no server knows yet, with the converted values of the old column. In
// SQLite the new column is in a table of its own.
type conversion struct {
	dialect  sqlgen.Dialect
	key      *model.Field // key of the table, with its present type
	from     *model.Field // the old field, with its names in the database
	to       *model.Field // the new field
	into     string       // the new column; in SQLite the table that has it
	fill     value.Value  // value for rows without one
	restOnly bool         // skips rows that have a value in the new column
}

// table returns "" for the rest of the rows: counting them would take longer than converting them, under the lock of
// the switch too.
func (c *conversion) table() string {
	if c.restOnly {
		return ""
	}
	return c.tableName()
}

func (c *conversion) tableName() string { return c.from.Table.Name }

func (c *conversion) run(session store.Session, note func(int64)) error {
	last := value.Value{}
	for {
		rows, err := c.read(session, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		last = rows[len(rows)-1].id
		if err := c.write(session, rows); err != nil {
			return err
		}
		note(int64(len(rows)))
		if len(rows) < batch {
			return nil
		}
	}
}

// converted is a row with its converted value.
type converted struct {
	id, to   value.Value
	revision int64
}

func (c *conversion) read(session store.Session, after value.Value) (rows []converted, err error) {
	sql, args := c.query(after)
	err = session.Query(sql, args, func(row value.Row) error {
		r := converted{id: value.Scan(c.key, row, 0), revision: row.Int(1)}
		val := value.Scan(c.from, row, 2)
		var err error
		if r.to, err = value.Convert(c.from, c.to, val); err != nil {
			return fmt.Errorf("the row %s of %s: %s: %w", sqlgen.PostgresText(r.id), c.tableName(), c.from.Name, err)
		}
		if r.to.IsNull() {
			r.to = c.fill
		}
		if r.to.IsNull() && !c.to.Optional {
			return fmt.Errorf("the row %s of %s: %s is missing, and is required now; give it a value first", sqlgen.PostgresText(r.id), c.tableName(), c.from.Name)
		}
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

// query returns the query for the batch of rows after an id.
func (c *conversion) query(after value.Value) (sql string, args []value.Value) {
	sql = "SELECT " + sqlgen.Quote("id") + ", " + sqlgen.Quote(sqlgen.Revision) + ", " + sqlgen.Quote(c.from.Name) + " FROM " + sqlgen.Quote(c.tableName())
	cond := " WHERE "
	if !after.IsNull() {
		sql += cond + sqlgen.Quote("id") + " > $1"
		args, cond = append(args, after), " AND "
	}
	if c.restOnly {
		sql += cond + c.unconverted()
	}
	sql += fmt.Sprintf(" ORDER BY %s LIMIT %d", sqlgen.Quote("id"), batch)
	return sql, args
}

// unconverted returns the condition of the rows that are not converted. If the field is optional, a row without an old
// value needs no conversion.
func (c *conversion) unconverted() string {
	sql := sqlgen.Quote(c.into) + " IS NULL"
	if c.to.Optional {
		sql += " AND " + sqlgen.Quote(c.from.Name) + " IS NOT NULL"
	}
	return sql
}

func (c *conversion) write(session store.Session, rows []converted) error {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r converted) bool { return r.to.IsNull() })
	if c.dialect == sqlgen.Postgres {
		return c.writeBatch(session, rows)
	}
	sql := "INSERT INTO " + sqlgen.Quote(c.into) + " (" + sqlgen.Quote("id") + ", " + sqlgen.Quote(convertedColumn) + ") VALUES ($1, $2)"
	for _, row := range rows {
		if _, err := session.Exec(sql, []value.Value{row.id, row.to}); err != nil {
			return err
		}
	}
	return nil
}

// writeBatch skips rows that somebody has changed since they were read: the condition of unconverted finds them again.
// A key never changes, so it needs no such condition.
func (c *conversion) writeBatch(session store.Session, rows []converted) error {
	unchanged := " AND t." + sqlgen.Quote(sqlgen.Revision) + " = v.rev::bigint"
	if c.from.Name == c.key.Name {
		unchanged = ""
	}
	sql := "UPDATE " + sqlgen.Quote(c.tableName()) + " AS t SET " + sqlgen.Quote(c.into) + " = v.x::" + sqlgen.PostgresType(c.to) +
		" FROM unnest($1::text[], $2::text[], $3::text[]) AS v(id, x, rev) WHERE t." + sqlgen.Quote("id") + " = v.id::" + sqlgen.PostgresType(c.key) +
		unchanged
	ids, values, revisions := make([]string, len(rows)), make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		ids[i], values[i], revisions[i] = sqlgen.PostgresText(r.id), sqlgen.PostgresText(r.to), fmt.Sprint(r.revision)
	}
	_, err := session.Exec(sql, []value.Value{value.OfList(ids), value.OfList(values), value.OfList(revisions)})
	return err
}

// repeatStatement runs a statement that changes a batch of rows until it finds none.
type repeatStatement struct{ tableName, sql string }

func (r *repeatStatement) table() string { return r.tableName }

func (r *repeatStatement) run(session store.Session, note func(int64)) error {
	for {
		changed, err := session.Exec(r.sql, nil)
		if err != nil || changed == 0 {
			return err
		}
		note(changed)
	}
}

// fillMissing returns an UPDATE that fills one batch. It sets all newly required columns together, because each
// already has a NOT NULL check. The condition is repeated outside the subquery because PostgreSQL re-evaluates only
// the outer WHERE after a concurrent update.
func fillMissing(fields []*model.Field, value func(*model.Field) value.Value) string {
	var set, missing []string
	for _, field := range fields {
		column := sqlgen.Quote(field.Name)
		set = append(set, column+" = coalesce("+column+", "+sqlgen.Postgres.Literal(field, value(field))+")")
		missing = append(missing, column+" IS NULL")
	}
	table, id, lacks := sqlgen.Quote(fields[0].Table.Name), sqlgen.Quote("id"), strings.Join(missing, " OR ")
	return fmt.Sprintf("UPDATE %s SET %s WHERE %s IN (SELECT %s FROM %s WHERE %s LIMIT %d) AND (%s)",
		table, strings.Join(set, ", "), id, id, table, lacks, batch, lacks)
}

// refuseFound fails if its query finds rows.
type refuseFound struct {
	inTable *model.Table // under its name at that time
	sql     string
	fault   func(found) model.Fault
}

func (a *refuseFound) table() string { return "" }

func (a *refuseFound) run(session store.Session, _ func(int64)) error {
	found, err := search(session, a.inTable, a.sql)
	if err == nil && found.count > 0 {
		return model.Faults{a.fault(found)}
	}
	return err
}
