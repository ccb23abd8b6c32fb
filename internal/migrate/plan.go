package migrate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Hazards are what a step does besides its purpose. The zero value prints as "safe".
type Hazards uint8

const (
	BlocksWrites Hazards = 1 << iota // writers wait until the step is done; readers go on
	Rewrites                         // writes every row of the table anew
	LosesData                        // drops data; must be allowed by name
	Breaks                           // servers on the former model fail from then on: stop them first
)

var hazardNames = [...]string{"blocks writes", "rewrites the table", "loses data", "breaks servers on the former model"}

// String names the hazards, as "safe" or "rewrites the table, loses data".
func (h Hazards) String() string {
	var names []string
	for i, name := range hazardNames {
		if h&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "safe"
	}
	return strings.Join(names, ", ")
}

// Phase is when a step runs. On SQLite everything is one transaction. On PostgreSQL one short transaction, the switch,
// makes the new model the stored one. Whatever can be done while servers work comes before or after it. Until the
// switch commits, dropping what was made undoes the change.
type Phase uint8

const (
	Before Phase = iota // new tables, columns and indexes, which nobody sees yet
	Switch              // the one transaction
	After               // existing rows are checked against what already binds new ones
)

func (p Phase) String() string { return [...]string{"before", "switch", "after"}[p] }

// Step is one part of a plan.
type Step struct {
	Title   string        // the causes in a few words, separated by "; "
	Pos     model.Pos     // position of the first cause in the new model
	Causes  []diff.Change // changes that ask for the step; none if it follows from what else happens to a table
	Phase   Phase
	Hazards Hazards
	Lock    string // what the step locks and for how long
	Drop    string // the name to allow: posts or posts.body; "" for a step that loses nothing
	SQL     []string

	rank  int // of the steps of one phase, the lower rank runs first
	parts []part
}

// part is a statement or a loop over rows. Exactly one of sql and say is set.
type part struct {
	sql       string
	say       string // describes a loop that has no single statement
	loop      loop   // nil for a statement
	outsideTx bool   // the statement runs outside of a transaction and takes no lock that others queue for
	undo      string // takes the part back, whether it ran or not; only in the phase Before
}

// text returns the part as plans and the history show it.
func (a part) text() string {
	if a.say != "" {
		return "-- " + a.say
	}
	return a.sql
}

// label returns the part as a progress bar shows it.
func (a part) label() string { return cmp.Or(a.say, a.sql) }

// Plan is the way of a database to a model.
type Plan struct {
	Steps   []Step
	Changes []diff.Change
	Notes   []Note // rows that new limits would not let pass; they stay as they are
	Layout  int    // layout of the database, if Apply first brings it to store.Layout; else 0

	isNew     bool
	own       *model.Model // system tables that the plan leads to
	match     *diff.Match
	backfills map[string]string
	faults    model.Faults // changes that rows contradict or that have no way
}

// PlanForNewDatabase returns the plan for a database that does not exist yet.
func PlanForNewDatabase() *Plan { return &Plan{isNew: true} }

// IsNew reports whether the database has no tables yet.
func (p *Plan) IsNew() bool { return p.isNew }

// Hazards returns the hazards of all steps together.
func (p *Plan) Hazards() (all Hazards) {
	for _, s := range p.Steps {
		all |= s.Hazards
	}
	return all
}

// Safe reports whether a server makes the change by itself: the plan loses and rewrites nothing, and servers on the former
// model go on. Writers may have to wait (BlocksWrites).
func (p *Plan) Safe() bool { return p.Hazards()&^BlocksWrites == 0 }

// Drops returns the names of what the plan loses. Each must be allowed.
func (p *Plan) Drops() []string {
	var all []string
	for _, step := range p.Steps {
		if step.Drop != "" && !slices.Contains(all, step.Drop) {
			all = append(all, step.Drop)
		}
	}
	return all
}

// Faults returns the changes that rows contradict or that have no way. With any, Apply does nothing.
func (p *Plan) Faults() model.Faults { return p.faults }

// planner holds what the planners of both engines share.
type planner struct {
	*diff.Match
	dialect  sqlgen.Dialect
	backfill func(*model.Field) value.Value // what rows get for a required field: its default, null where that is no constant
	plan     *Plan
}

// moment is the phase of a step and its rank among the steps of the phase.
type moment struct {
	phase Phase
	rank  int
}

// add adds a step that loses nothing.
func (p *planner) add(at moment, why cause, hazards Hazards, lock string, parts ...part) {
	p.append(at, why, hazards, lock, "", parts)
}

// addLoss adds a step with a loss, which breaks servers on the former model. drop names the loss, as the user must allow
// it.
func (p *planner) addLoss(at moment, why cause, drop, lock string, parts ...part) {
	p.append(at, why, LosesData|Breaks, lock, drop, parts)
}

func (p *planner) append(at moment, why cause, hazards Hazards, lock, drop string, parts []part) {
	step := Step{
		Title: why.title(), Pos: why.position(), Causes: why.changes,
		Phase: at.phase, rank: at.rank, Hazards: hazards, Lock: lock, Drop: drop, parts: parts,
	}
	for _, a := range parts {
		step.SQL = append(step.SQL, a.text())
	}
	p.plan.Steps = append(p.plan.Steps, step)
}

// sorted sorts the steps by phase and rank.
func (p *planner) sorted() {
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.rank, b.rank))
	})
}

func statements(all ...string) []part {
	parts := make([]part, len(all))
	for i, sql := range all {
		parts[i].sql = sql
	}
	return parts
}

// creates returns the parts that create triggers, constraints or indexes.
func creates[T interface{ Create() string }](all []T) []part {
	return statements(sqlgen.Creates(all)...)
}

// cause is why a step is made.
type cause struct {
	changes []diff.Change // that ask for the step
	other   string        // title of a step that no change asks for
	pos     model.Pos     // position of a step that no change asks for
}

func (c cause) title() string {
	if len(c.changes) == 0 {
		return c.other
	}
	return strings.Join(describeAll(c.changes), "; ")
}

func (c cause) position() model.Pos {
	for _, change := range c.changes {
		if change.Pos.Line != 0 {
			return change.Pos
		}
	}
	return c.pos
}

// causeOf returns the changes that pass the filter. Without any, the step follows from other changes of the table.
func (p *planner) causeOf(table *model.Table, is func(diff.Change) bool) cause {
	why := cause{other: "follows from other changes: " + table.Name}
	for _, change := range p.plan.Changes {
		if is(change) {
			why.changes = append(why.changes, change)
		}
	}
	if len(why.changes) == 0 {
		why.pos = table.Pos
	}
	return why
}

// ofField returns the changes of a field of the new model, and a change of the key of the table that it refers to.
func (p *planner) ofField(field *model.Field) cause {
	return p.causeOf(field.Table, func(c diff.Change) bool {
		ofKey := field.Name == "id" && c.NewTable == field.Table
		ofTarget := field.Ref != nil && c.NewTable == field.Ref
		return c.NewField == field || (c.Kind == diff.KeyChanged && (ofKey || ofTarget))
	})
}

// addRenames adds the step that gives everything its name in the new model.
func (p *planner) addRenames(at moment, lock string, sql []string) {
	if sql == nil {
		return
	}
	why, hazards := cause{other: "what was made beforehand gets its names"}, Hazards(0)
	for _, change := range p.plan.Changes {
		if change.Kind == diff.TableRenamed || change.Kind == diff.FieldRenamed {
			why.changes, hazards = append(why.changes, change), Breaks
		}
	}
	p.add(at, why, hazards, lock, statements(sql...)...)
}

// ofIndex returns the changes of an index of a table, or else of the columns that it is on.
func (p *planner) ofIndex(table *model.Table, index sqlgen.Index) cause {
	columns := index.Columns
	if n := len(columns); !index.Unique && n > 1 && columns[n-1] == "id" {
		columns = columns[:n-1]
	}
	why := p.causeOf(table, func(c diff.Change) bool {
		return c.NewTable == table && (c.Kind == diff.IndexAdded || c.Kind == diff.UniqueAdded) && slices.Equal(c.Columns, columns)
	})
	if len(why.changes) > 0 {
		return why
	}
	return p.causeOf(table, func(c diff.Change) bool {
		isColumn := c.NewField != nil && slices.Contains(columns, c.NewField.Name)
		return c.NewTable == table && (isColumn || c.Kind == diff.KeyChanged)
	})
}

// storageOf returns how the values of a field are stored. Two fields with the same storage need no conversion.
func (p *planner) storageOf(field *model.Field) string {
	switch {
	case field.Type == model.Enum || field.Type == model.Text:
		return "text"
	case field.Type == model.Decimal:
		return field.Type.String() + "." + string(rune('a'+field.Scale))
	}
	return field.Type.String()
}

// converts reports whether the values of a field must be written anew.
func (p *planner) converts(was, is *model.Field) bool {
	if p.storageOf(was) != p.storageOf(is) || (p.dialect == sqlgen.Postgres && was.Type == model.Decimal && is.Precision < was.Precision) {
		return true
	}
	return renamesValues(was, is)
}

// renamesValues reports whether rows may hold a renamed enum value.
func renamesValues(was, is *model.Field) bool {
	if was.Type != model.Enum || is.Type != model.Enum {
		return false
	}
	return slices.ContainsFunc(is.Values, func(v model.EnumValue) bool {
		former := diff.OldValue(was, v)
		return former != "" && former != v.Name
	})
}

// fill returns the value for rows without one if a field becomes required, else null.
func (p *planner) fill(was, is *model.Field) value.Value {
	if !was.Optional || is.Optional {
		return value.Value{}
	}
	return p.backfill(is)
}
