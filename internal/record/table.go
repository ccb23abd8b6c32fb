package record

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// table is what writes to a table need to know, worked out once.
type table struct {
	*model.Table
	index   map[*model.Field]int // of Fields
	plain   *render.Output       // every readable field, no relations
	row     *shape               // of a row without parameters
	list    *shape               // of a list without parameters
	unique  bool                 // a row may have values that another must not have, beside its id
	reach   *sqlgen.Reach        // of a deletion
	touched []string             // the tables of which a deletion may change rows
	insert  variants
	update  variants // by the fields that are set
	change  variants // by the rules that are asked, and the fields that are set
	delete  variants
	count   variants
	look    variants
	locked  variants
	before  variants // by the rules that are asked
	after   variants
	exists  variants
	free    variants
	open    [Delete + 1]bool     // by Op: to everyone, whatever the row
	allowed [Delete + 1]verdicts // by Op
}

func newTable(rules *rule.Rules, t *model.Table) *table {
	out, err := render.NewOutput(t, "", "")
	if err != nil {
		panic(err) // no parameters, nothing to be wrong
	}
	tt := &table{Table: t, index: map[*model.Field]int{}, plain: out}
	for i, f := range t.Fields {
		tt.index[f] = i
	}
	tt.unique = tt.setsUnique(t.Fields[1:])
	tt.reach = sqlgen.ReachOf(rules.Model, t)
	for _, other := range tt.reach.Tables {
		tt.touched = append(tt.touched, other.Name)
	}
	for _, f := range tt.reach.Clears {
		tt.touched = append(tt.touched, f.Table.Name)
	}
	for op := range tt.open {
		tt.open[op] = !slices.ContainsFunc(needed(rules.Table(t), Op(op)), func(n rule.Node) bool { return !rule.AlwaysTrue(n) })
	}
	return tt
}

// fieldSet names a set of fields, to tell statements apart.
func (t *table) fieldSet(fields []*model.Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(strconv.Itoa(t.index[f]))
		b.WriteByte(',')
	}
	return b.String()
}

// insertStatement inserts a row, and may answer what is asked of it.
func (t *table) insertStatement(r *request, a asked) (*sqlgen.Statement, error) {
	return t.insert.get(r, a.name, func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		g.Folder.NoOld = true
		return g.Insert(t.asking(r, a, true))
	})
}

// updateStatement sets fields of a row of which the rules from are known to hold, where the rules to hold as well.
func (t *table) updateStatement(r *request, from, to asked, fields []*model.Field) (*sqlgen.Statement, error) {
	return t.update.get(r, from.name+"/"+to.name+"/"+t.fieldSet(fields), func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		return g.Update(t.asking(r, to, false), from.rules, fields)
	})
}

// changeStatement is updateStatement of a row of which it asks all rules, and answers what is asked of it. Its text is ""
// where one statement cannot do that.
func (t *table) changeStatement(r *request, from, to asked, fields []*model.Field) (*sqlgen.Statement, error) {
	return t.change.get(r, from.name+"/"+to.name+"/"+t.fieldSet(fields), func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		return g.Change(t.asking(r, to, false), from.rules, fields)
	})
}

// lockedStatement asks for the revision of a row.
func (t *table) lockedStatement(r *request) (*sqlgen.Statement, error) {
	return t.locked.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.LockRevision(t.Table) })
}

// setsUnique says whether one of the fields is unique, or part of what is.
func (t *table) setsUnique(fields []*model.Field) bool {
	return slices.ContainsFunc(fields, func(f *model.Field) bool {
		return f.Unique || slices.ContainsFunc(t.Unique, func(all []*model.Field) bool { return slices.Contains(all, f) })
	})
}

func (t *table) deleteStatement(r *request) (*sqlgen.Statement, error) {
	return t.delete.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.Delete(t.Table) })
}

// countStatement counts what the deletion of a row reaches, up to one more than most.
func (t *table) countStatement(r *request, most int) (*sqlgen.Statement, error) {
	return t.count.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.CountReach(t.reach, most+1) })
}

// lookStatement says what the deletion of a row reaches, and whether a reference keeps it from being deleted.
func (t *table) lookStatement(r *request) (*sqlgen.Statement, error) {
	return t.look.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.CheckReach(t.reach) })
}

// existsStatement asks whether the caller may read a row.
func (t *table) existsStatement(r *request) (*sqlgen.Statement, error) {
	return t.exists.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.Readable(t.Table) })
}

// freeStatement looks for an id that no row has.
func (t *table) freeStatement(r *request) (*sqlgen.Statement, error) {
	return t.free.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.FreeID(t.Table) })
}

// asked are the rules that decide on a write, and what tells them apart from those of another write to the table.
type asked struct {
	name   string
	rules  []rule.Node    // the table's own, then those of fields
	fields []*model.Field // that the caller sets and that have a write rule
	masks  []mask         // of the fields whose value as it was the answer may depend on
}

// mask is the read rule of a field.
type mask struct {
	field *model.Field
	rule  rule.Node
}

// seeing adds the masks of fields.
func (a *asked) seeing(r *request, t *table, fields []*model.Field) {
	for _, f := range fields {
		if own := r.db.rules.Field(f).Read; own != nil {
			a.masks = append(a.masks, mask{f, own})
			a.name += ":" + t.fieldSet([]*model.Field{f})
		}
	}
}

func (r *request) asked(t *table, op Op, own rule.Node, given []*model.Field) asked {
	a := asked{rules: []rule.Node{own}}
	for _, f := range given {
		if w := r.db.rules.Field(f).Write; w != nil {
			a.rules, a.fields = append(a.rules, w), append(a.fields, f)
		}
	}
	a.name = strconv.Itoa(int(op)) + ":" + t.fieldSet(a.fields)
	return a
}

func (t *table) beforeStatement(r *request, a asked, locks bool) (*sqlgen.Statement, error) {
	name := a.name
	if !locks {
		name += "?"
	}
	return t.before.get(r, name, func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		masks := make([]rule.Node, len(a.masks))
		for i, m := range a.masks {
			masks[i] = m.rule
		}
		return g.OldRow(t.Table, a.rules, masks, locks)
	})
}

// asking is what is asked of a row as it becomes.
func (t *table) asking(r *request, a asked, created bool) sqlgen.After {
	spec := sqlgen.After{Table: t.Table, Rules: a.rules, Fields: t.plain.Fields, Created: created}
	for _, c := range r.db.rules.Table(t.Table).Checks {
		spec.Checks = append(spec.Checks, c.Cond)
	}
	spec.Old = !created && usesOld(spec.Checks)
	return spec
}

// afterStatement asks about a row that was written.
func (t *table) afterStatement(r *request, a asked, created bool) (*sqlgen.Statement, error) {
	name := a.name
	if created {
		name += "+"
	}
	return t.after.get(r, name, func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		g.Folder.NoOld = created
		return g.After(t.asking(r, a, created))
	})
}

// candidateStatement asks about a row that is not stored, some of whose references lead nowhere. A check that steps
// through one of those is not asked: it would blame something else.
func (t *table) candidateStatement(r *request, a asked, created bool, nowhere []*model.Field) (*sqlgen.Statement, error) {
	name := a.name + "?" + t.fieldSet(nowhere)
	if created {
		name += "+"
	}
	return t.after.get(r, name, func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		g.Folder.NoOld = created
		spec := t.asking(r, a, created)
		spec.Old = !created && (spec.Old || usesOld(spec.Rules))
		for i, c := range spec.Checks {
			if rule.Follows(c, nowhere) {
				spec.Checks[i] = nil
			}
		}
		return g.Candidate(spec)
	})
}

func usesOld(conds []rule.Node) bool {
	for _, c := range conds {
		if rule.UsesOld(c) {
			return true
		}
	}
	return false
}

// row is the values of a row, in the order of the table's fields.
type row []value.Value

func (t *table) scan(cols value.Row, first int) row {
	values := make(row, len(t.Fields))
	for i, f := range t.Fields {
		values[i] = value.Scan(f, cols, first+i)
	}
	return values
}
