package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// conversion returns the conversion of a field into its column before the switch.
func (p *planner) conversion(was, field *model.Field) *plan.Conversion {
	into := field.Name
	if before := p.OldTable(field.Table); slices.ContainsFunc(before.Fields, func(o *model.Field) bool { return o.Name == field.Name }) {
		into = plan.TempName(field.Name)
	}
	c := p.NewConversion(was, field, into)
	c.Text = sqlgen.Quote(c.TableName()) + "." + sqlgen.Quote(into) + " = " + sqlgen.Quote(was.Name) + " as " + field.Type.String()
	c.Write = func(session store.Session, rows []plan.Converted) error { return writeConverted(session, c, rows) }
	return c
}

// writeConverted skips rows that somebody has changed since they were read: the condition of Unconverted finds them
// again. A key never changes, so it needs no such condition.
func writeConverted(session store.Session, c *plan.Conversion, rows []plan.Converted) error {
	unchanged := " AND t." + sqlgen.Quote(sqlgen.Revision) + " = v.rev::bigint"
	if c.From.Name == c.Key.Name {
		unchanged = ""
	}
	sql := "UPDATE " + sqlgen.Quote(c.TableName()) + " AS t SET " + sqlgen.Quote(c.Into) + " = v.x::" + sqlgen.PostgresType(c.To) +
		" FROM unnest($1::text[], $2::text[], $3::text[]) AS v(id, x, rev) WHERE t." + sqlgen.Quote("id") + " = v.id::" + sqlgen.PostgresType(c.Key) +
		unchanged
	ids, values, revisions := make([]string, len(rows)), make([]string, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		ids[i], values[i], revisions[i] = sqlgen.PostgresText(r.ID), sqlgen.PostgresText(r.To), fmt.Sprint(r.Revision)
	}
	_, err := session.Exec(sql, []value.Value{value.OfList(ids), value.OfList(values), value.OfList(revisions)})
	return err
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
		table, strings.Join(set, ", "), id, id, table, lacks, plan.Batch, lacks)
}

// refuseFound fails if its query finds rows.
type refuseFound struct {
	inTable *model.Table // under its name at that time
	sql     string
	fault   func(plan.Found) model.Fault
}

func (a *refuseFound) Table() string { return "" }

func (a *refuseFound) Run(session store.Session, _ func(int64)) error {
	found, err := plan.Search(session, a.inTable, a.sql)
	if err == nil && found.Count > 0 {
		return model.Faults{a.fault(found)}
	}
	return err
}
