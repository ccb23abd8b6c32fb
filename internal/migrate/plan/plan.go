package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
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

	Parts []Part

	rank int // of the steps of one phase, the lower rank runs first
}

// Part is a statement or a loop over rows. Exactly one of SQL and Say is set.
type Part struct {
	SQL       string
	Say       string // describes a loop that has no single statement
	Loop      Loop   // nil for a statement
	OutsideTx bool   // the statement runs outside of a transaction and takes no lock that others queue for
	Undo      string // takes the part back, whether it ran or not; only in the phase Before
}

// Text returns the part as plans and the history show it.
func (a Part) Text() string {
	if a.Say != "" {
		return "-- " + a.Say
	}
	return a.SQL
}

// Label returns the part as a progress bar shows it.
func (a Part) Label() string { return cmp.Or(a.Say, a.SQL) }

// Plan is the way of a database to a model.
type Plan struct {
	Steps   []Step
	Changes []diff.Change
	Notes   []Note // rows that new limits would not let pass; they stay as they are
	Layout  int    // layout of the database, if Apply first brings it to store.Layout; else 0

	Match     *diff.Match
	Backfills map[string]string // values that rows get for added fields, as literals, by table and column
	System    *model.Model      // system tables that the plan leads to

	isNew  bool
	faults model.Faults // changes that rows contradict or that have no way
}

// ForNewDatabase returns the plan for a database without tables.
func ForNewDatabase() *Plan { return &Plan{isNew: true} }

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

// DescribeAll returns each change in a few words.
func DescribeAll(changes []diff.Change) []string {
	all := make([]string, len(changes))
	for i, c := range changes {
		all[i] = c.String()
	}
	return all
}
