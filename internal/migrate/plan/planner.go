package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Planner holds what the planners of the engines share.
type Planner struct {
	*diff.Match
	engine   Engine
	backfill func(*model.Field) value.Value // what rows get for a required field: its default, null where that is no constant
	plan     *Plan
}

// Moment is the phase of a step and its rank among the steps of the phase.
type Moment struct {
	Phase Phase
	Rank  int
}

// Add adds a step that loses nothing.
func (p *Planner) Add(at Moment, why Cause, hazards Hazards, lock string, parts ...Part) {
	p.append(at, why, hazards, lock, "", parts)
}

// AddLoss adds a step with a loss, which breaks servers on the former model. drop names the loss, as the user must allow
// it.
func (p *Planner) AddLoss(at Moment, why Cause, drop, lock string, parts ...Part) {
	p.append(at, why, LosesData|Breaks, lock, drop, parts)
}

func (p *Planner) append(at Moment, why Cause, hazards Hazards, lock, drop string, parts []Part) {
	step := Step{
		Title: why.Title(), Pos: why.position(), Causes: why.Changes,
		Phase: at.Phase, rank: at.Rank, Hazards: hazards, Lock: lock, Drop: drop, Parts: parts,
	}
	for _, a := range parts {
		step.SQL = append(step.SQL, a.Text())
	}
	p.plan.Steps = append(p.plan.Steps, step)
}

// sorted sorts the steps by phase and rank.
func (p *Planner) sorted() {
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Phase, b.Phase), cmp.Compare(a.rank, b.rank))
	})
}

// Statements returns statements as parts.
func Statements(all ...string) []Part {
	parts := make([]Part, len(all))
	for i, sql := range all {
		parts[i].SQL = sql
	}
	return parts
}

// Creates returns the parts that create triggers, constraints or indexes.
func Creates[T interface{ Create() string }](all []T) []Part {
	return Statements(sqlgen.Creates(all)...)
}

// AddRenames adds the step that gives everything its name in the new model.
func (p *Planner) AddRenames(at Moment, lock string, sql []string) {
	if sql == nil {
		return
	}
	why, hazards := Cause{other: "what was made beforehand gets its names"}, Hazards(0)
	for _, change := range p.plan.Changes {
		if change.Kind == diff.TableRenamed || change.Kind == diff.FieldRenamed {
			why.Changes, hazards = append(why.Changes, change), Breaks
		}
	}
	p.Add(at, why, hazards, lock, Statements(sql...)...)
}

// newPlanner returns a planner whose plan has its steps.
func newPlanner(engine Engine, old, m *model.Model, backfill func(*model.Field) value.Value) *Planner {
	match := diff.NewMatch(old, m)
	planner := &Planner{Match: match, engine: engine, plan: &Plan{Match: match, Changes: match.Changes()}, backfill: backfill}
	engine.AddSteps(planner)
	planner.sorted()
	return planner
}

// New plans the way from one model to another. It looks at no rows. A required field of an old row gets the value of
// backfill.
func New(engine Engine, old, m *model.Model, backfill func(*model.Field) value.Value) *Plan {
	return newPlanner(engine, old, m, backfill).plan
}

// Between plans the way of a database from its model to another, and looks for rows that contradict the change. Without
// rules, the new model comes from the history.
func Between(reader Querier, engine Engine, old, m *model.Model, rules *rule.Rules, now time.Time) (*Plan, error) {
	planner := newPlanner(engine, old, m, Defaults(rules, now))
	planner.plan.Backfills = planner.allBackfills()
	if err := planner.contradictions(reader); err != nil {
		return nil, err
	}
	planner.plan.faults.Sort()
	if rules == nil || len(planner.plan.faults) > 0 {
		return planner.plan, nil
	}
	return planner.plan, planner.notes(reader, rules)
}
