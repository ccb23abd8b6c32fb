package record

import (
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// The kinds of statements of a table.
const (
	kindInsert byte = iota
	kindInsertKnown
	kindUpdate
	kindChange
	kindRevision
	kindOld
	kindNew
	kindCandidate
	kindExists
	kindFreeID
	kindDelete
	kindDeleteAllowed
	kindCountReach
	kindCheckReach
	kindLockDoomed
)

// insertStatement inserts a row. It returns what afterSpec asks if one statement can.
func (t *table) insertStatement(b *statement.Binding, d decision) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindInsert, d.key, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		gen.Folder.NoOld = true
		return gen.Insert(t.afterSpec(d, true))
	})
}

// insertKnownStatement is insertStatement for a row that needs no answer of the database. Its SQL is "" if there is none.
func (t *table) insertKnownStatement(b *statement.Binding, d decision) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindInsertKnown, d.key, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		gen.Folder.NoOld = true
		return gen.InsertKnown(t.afterSpec(d, true))
	})
}

// updateStatement sets fields of a row. The rules in from must be known to hold for the old row.
func (t *table) updateStatement(b *statement.Binding, from, to decision, fields []*model.Field) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindUpdate, from.key+"/"+to.key+"/"+t.fieldSet(fields), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.Update(t.afterSpec(to, false), from.rules, fields)
	})
}

// changeStatement is updateStatement with the rules for the old row inside. Its SQL is "" if one statement cannot decide.
func (t *table) changeStatement(b *statement.Binding, from, to decision, fields []*model.Field) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindChange, from.key+"/"+to.key+"/"+t.fieldSet(fields), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.Change(t.afterSpec(to, false), from.rules, fields)
	})
}

// revisionStatement locks a row and returns its revision.
func (t *table) revisionStatement(b *statement.Binding) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindRevision, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.LockRevision(t.Table) })
}

// oldRowStatement reads the old row of a write, with the outcomes of the rules and masks of a decision.
func (t *table) oldRowStatement(b *statement.Binding, d decision, locks bool) (*sqlgen.Statement, error) {
	key := d.key
	if !locks {
		key += "?"
	}
	return t.statements.Get(b, kindOld, key, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		masks := make([]rule.Node, len(d.masks))
		for i, m := range d.masks {
			masks[i] = m.rule
		}
		return gen.OldRow(t.Table, d.rules, masks, locks)
	})
}

// afterSpec is what a statement returns about the new row of a write.
func (t *table) afterSpec(d decision, created bool) sqlgen.After {
	spec := sqlgen.After{Table: t.Table, Rules: d.rules, Fields: t.plain.Fields, Created: created}
	for _, check := range t.rules.Table(t.Table).Checks {
		spec.Checks = append(spec.Checks, check.Cond)
	}
	spec.Old = !created && usesOld(spec.Checks)
	return spec
}

func usesOld(conds []rule.Node) bool {
	for _, cond := range conds {
		if rule.UsesOld(cond) {
			return true
		}
	}
	return false
}

// newRowStatement asks about a row that was written.
func (t *table) newRowStatement(b *statement.Binding, d decision, created bool) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindNew, createdKey(d.key, created), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		gen.Folder.NoOld = created
		return gen.After(t.afterSpec(d, created))
	})
}

// candidateStatement asks about a row that is not stored. It skips checks that follow a dangling reference, because they
// would blame something else.
func (t *table) candidateStatement(b *statement.Binding, d decision, created bool, dangling []*model.Field) (*sqlgen.Statement, error) {
	key := createdKey(d.key+"?"+t.fieldSet(dangling), created)
	return t.statements.Get(b, kindCandidate, key, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		gen.Folder.NoOld = created
		spec := t.afterSpec(d, created)
		spec.Old = !created && (spec.Old || usesOld(spec.Rules))
		for i, check := range spec.Checks {
			if rule.Follows(check, dangling) {
				spec.Checks[i] = nil
			}
		}
		return gen.Candidate(spec)
	})
}

// createdKey tells apart statements about new and changed rows.
func createdKey(key string, created bool) string {
	if created {
		return key + "+"
	}
	return key
}

// existsStatement asks whether the caller may read a row.
func (t *table) existsStatement(b *statement.Binding) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindExists, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.Readable(t.Table) })
}

// freeIDStatement looks for an id above a given one that no row has.
func (t *table) freeIDStatement(b *statement.Binding) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindFreeID, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.FreeID(t.Table) })
}

// deleteStatement deletes one row.
func (t *table) deleteStatement(b *statement.Binding) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindDelete, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.Delete(t.Table) })
}

// deleteAllowedStatement deletes a row if the rules of a decision hold. Its text is "" if they hold of no row.
func (t *table) deleteAllowedStatement(b *statement.Binding, d decision) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindDeleteAllowed, d.key, func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.DeleteAllowed(t.Table, d.rules)
	})
}

// countReachStatement counts the rows that a deletion reaches, up to one more than most.
func (t *table) countReachStatement(b *statement.Binding, most int) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindCountReach, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.CountReach(t.reach, most+1) })
}

// checkReachStatement counts the rows that a deletion reaches, and says whether a reference restricts it.
func (t *table) checkReachStatement(b *statement.Binding) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindCheckReach, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.CheckReach(t.reach) })
}

// lockDoomedStatement locks the rows of a table that a deletion deletes.
func (t *table) lockDoomedStatement(b *statement.Binding, of int) (*sqlgen.Statement, error) {
	return t.statements.Get(b, kindLockDoomed, strconv.Itoa(of), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.LockDoomed(t.reach, of)
	})
}
