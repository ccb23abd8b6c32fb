package postgres

import (
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// replaceKey is replaceField for a key. It makes all of the primary key before the switch: a unique index, and a check
// that no row lacks the new key. Otherwise PostgreSQL would read all rows under the lock of the switch. A trigger
// gives each row its new key, even if a server on the former model makes the row. A key is text, a number or a UUID,
// and PostgreSQL converts these as value.Convert does.
func (p *planner) replaceKey(was, field *model.Field) {
	why, now := p.CauseOfField(field), p.fieldBefore(field)
	follow := p.newShadowColumn(was, field, "INSERT OR UPDATE", keyValue(was, field))
	p.add(atColumns, why, 0, lockPending, follow.make...)
	conv := p.conversion(was, field)
	p.add(atConvert, why, 0, lockWhileRow, plan.Part{Say: "in batches: " + conv.Text, Loop: conv})

	table := sqlgen.Quote(now.Table.Name)
	index := sqlgen.Index{Name: sqlgen.KeyName(now), Table: now.Table.Name, Columns: []string{now.Name}, Unique: true, Concurrently: true}
	p.add(atIndexes, why, 0, lockNothing, plan.Part{SQL: index.Create(), OutsideTx: true, Undo: index.Drop()})
	check := sqlgen.NotNullCheck(now)
	check.Name = sqlgen.NotNullName(field)
	p.add(atBindKey, why, 0, lockMoment, plan.Statements(check.ForNewRows().Create())...)
	rest := *conv
	rest.RestOnly = true
	p.add(atRestOfKey, why, 0, lockWhileRow, plan.Part{Say: "of keys that the trigger left to this: " + rest.Text, Loop: &rest})
	p.add(atValidKey, why, 0, lockNothing, plan.Part{SQL: check.Validate(), OutsideTx: true})

	p.add(atRest, why, plan.Breaks, lockMoment, plan.Part{SQL: "LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"}, follow.drop)
	// CASCADE drops the primary key and the foreign keys to it.
	p.add(atDropColumn, why, plan.Breaks, lockMoment, plan.Statements(sqlgen.DropColumn(now.Table.Name, was.Name)+" CASCADE")...)
	check.Table = field.Table.Name
	key := sqlgen.Constraint{Table: field.Table.Name, Name: sqlgen.KeyName(field), Rule: "PRIMARY KEY USING INDEX " + sqlgen.Quote(index.Name)}
	p.add(atKeys, why, plan.Breaks, lockMoment, plan.Statements(sqlgen.AlterColumn(field.Table.Name, field.Name, "SET NOT NULL"), check.Drop(), key.Create())...)
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
