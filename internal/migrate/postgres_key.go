package migrate

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// replaceKey is replaceField for a key. It makes all of the primary key before the switch: a unique index, and a check
// that no row lacks the new key. Otherwise PostgreSQL would read all rows under the lock of the switch. A trigger
// gives each row its new key, even if a server on the former model makes the row. A key is text, a number or a UUID,
// and PostgreSQL converts these as value.Convert does.
func (p *pgPlanner) replaceKey(was, field *model.Field) {
	why, now := p.ofField(field), p.fieldBefore(field)
	follow := p.newShadowColumn(was, field, "INSERT OR UPDATE", keyValue(was, field))
	p.add(pgColumns, why, 0, lockPending, follow.make...)
	conv := p.conversion(was, field)
	p.add(pgConvert, why, 0, lockWhileRow, part{say: "in batches: " + conv.describe(), loop: conv})

	table := sqlgen.Quote(now.Table.Name)
	index := sqlgen.Index{Name: sqlgen.KeyName(now), Table: now.Table.Name, Columns: []string{now.Name}, Unique: true, Concurrently: true}
	p.add(pgIndexes, why, 0, lockNothing, part{sql: index.Create(), outsideTx: true, undo: index.Drop()})
	check := sqlgen.NotNullCheck(now)
	check.Name = sqlgen.NotNullName(field)
	p.add(pgBindKey, why, 0, lockMoment, statements(check.ForNewRows().Create())...)
	rest := *conv
	rest.restOnly = true
	p.add(pgRestOfKey, why, 0, lockWhileRow, part{say: "of keys that the trigger left to this: " + rest.describe(), loop: &rest})
	p.add(pgValidKey, why, 0, lockNothing, part{sql: check.Validate(), outsideTx: true})

	p.add(pgRest, why, Breaks, lockMoment, part{sql: "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"}, follow.drop)
	// CASCADE drops the primary key and the foreign keys to it.
	p.add(pgDropColumn, why, Breaks, lockMoment, statements(sqlgen.DropColumn(now.Table.Name, was.Name)+" CASCADE")...)
	check.Table = field.Table.Name
	key := sqlgen.Constraint{Table: field.Table.Name, Name: sqlgen.KeyName(field), Rule: "PRIMARY KEY USING INDEX " + sqlgen.Quote(index.Name)}
	p.add(pgKeys, why, Breaks, lockMoment, statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"), check.Drop(), key.Create())...)
}

// keyValue returns the expression by which the trigger converts a key. It is NULL unless the old key is written as
// PostgreSQL would write it, since it may be no key of the new type.
func keyValue(was, field *model.Field) string {
	id, form := "NEW."+sqlgen.Quote(was.Name), ""
	switch field.Type {
	case model.Int:
		form = "^(0|-?[1-9][0-9]{0,17})$"
	case model.UUID:
		form = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
	default:
		return id + "::text"
	}
	return "CASE WHEN " + id + "::text ~ '" + form + "' THEN " + id + "::text::" + sqlgen.PostgresType(field) + " END"
}
