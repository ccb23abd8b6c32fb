package objective

import "time"

// An alert is over when no rule has held for so long. So an alert at its limit does not flutter, and failures of each night
// are one ticket.
const (
	pageHold   = 5 * time.Minute
	ticketHold = 24 * time.Hour
)

// An Evaluator holds the history and the alerts of some objectives. One goroutine at a time may use it.
type Evaluator struct {
	all []*watched
}

// watched is an objective with its history.
type watched struct {
	Objective
	*series
	alerts [2]alertState // by the index in severities
}

// severities has Page first: it comes before the ticket about the same failures.
var severities = [...]Severity{Page, Ticket}

// alertState is an alert between two events.
type alertState struct {
	firing bool
	since  time.Time
	held   time.Time // when a rule held last
	last   hit       // that held
	known  bool      // of a ticket: a page told about it within a day, or its rule has held since
}

// NewEvaluator returns an evaluator without history.
func NewEvaluator(objectives []Objective, now time.Time) *Evaluator {
	e := &Evaluator{}
	for _, o := range objectives {
		e.all = append(e.all, &watched{Objective: o, series: newSeries(now)})
	}
	return e
}

// Add counts events of the objective with that index.
func (e *Evaluator) Add(index int, at time.Time, c Counts) {
	if c.Total() > 0 {
		e.all[index].add(at, &c)
	}
}

// AddPast counts events of an earlier time, such as the history of another evaluator.
func (e *Evaluator) AddPast(index int, at time.Time, c Counts) {
	if c.Total() > 0 {
		e.all[index].addPast(at, &c)
	}
}

// Evaluate returns the alerts that began or ended.
func (e *Evaluator) Evaluate(now time.Time) []Alert {
	var events []Alert
	for _, w := range e.all {
		for i, severity := range severities {
			if event, ok := w.evaluate(i, severity, now); ok {
				events = append(events, event)
			}
		}
	}
	return events
}

// evaluate returns the event of one alert, if there is one.
func (w *watched) evaluate(index int, severity Severity, now time.Time) (Alert, bool) {
	state := &w.alerts[index]
	found, holds := w.hits(severity, w.budget(), now)
	hold := ticketHold
	if severity == Page {
		hold = pageHold
		holds = holds && w.burnsStill(w.budget(), now)
	} else {
		page := &w.alerts[0]
		state.known = page.firing || (state.known && (holds || now.Sub(page.held) < ticketHold))
	}
	switch {
	case holds && !state.firing && state.known:
		return Alert{}, false
	case holds:
		began := !state.firing
		if began {
			state.firing, state.since = true, now
		}
		state.held, state.last = now, found
		return w.alert(state, severity, now), began
	case state.firing && now.Sub(state.held) >= hold:
		state.firing = false
		return w.alert(state, severity, now), true
	}
	if state.held.After(now) { // the clock was set back
		state.held = now
	}
	return Alert{}, false
}

func (w *watched) alert(state *alertState, severity Severity, now time.Time) Alert {
	last := &state.last
	return Alert{
		Objective: w.Objective, Severity: severity, Firing: state.firing, Since: state.since, At: now,
		Window: last.window, Burn: last.burn, Bad: last.sum.Bad, Total: last.sum.Total(), OneCaller: !last.sum.Many,
		BudgetLeft: w.budgetLeft(now),
	}
}

// budgetLeft returns the share of the budget of 30 days that is left.
func (w *watched) budgetLeft(now time.Time) float64 {
	expected := w.expected(now)
	if expected == 0 {
		return 1
	}
	sum := w.window(now, month)
	return 1 - float64(sum.Bad)/(expected*w.budget())
}

// Firing returns the alerts that fire, with their present numbers.
func (e *Evaluator) Firing(now time.Time) []Alert {
	var all []Alert
	for _, w := range e.all {
		for i, severity := range severities {
			if w.alerts[i].firing {
				all = append(all, w.alert(&w.alerts[i], severity, now))
			}
		}
	}
	return all
}

// A Status is how an objective is doing.
type Status struct {
	Objective
	Bad, Total uint64  // in 30 days
	BudgetLeft float64 // share of the budget of 30 days; negative when overspent
	Burns      []Burn
	Firing     []Severity
}

// A Burn is how many times faster than allowed a window used the budget.
type Burn struct {
	Window     time.Duration
	Rate       float64
	Bad, Total uint64
}

// Statuses returns how all objectives are doing.
func (e *Evaluator) Statuses(now time.Time) []Status {
	all := make([]Status, len(e.all))
	for i, w := range e.all {
		sum := w.window(now, month)
		status := Status{Objective: w.Objective, Bad: sum.Bad, Total: sum.Total(), BudgetLeft: w.budgetLeft(now)}
		for _, r := range rules {
			sum := w.window(now, r.long)
			status.Burns = append(status.Burns, Burn{r.long, sum.share() / w.budget(), sum.Bad, sum.Total()})
		}
		for j, severity := range severities {
			if w.alerts[j].firing {
				status.Firing = append(status.Firing, severity)
			}
		}
		all[i] = status
	}
	return all
}

// A Loss is what a span of time took of the budget of an objective.
type Loss struct {
	Objective
	Bad, Total float64 // events in the span; older ones are known by the quarter of an hour, or by six hours
	Budget     float64 // bad events that 30 days may have
}

// Share returns the part of the budget that was lost. It is above 1 if more was lost than there was.
func (l *Loss) Share() float64 {
	if l.Budget == 0 {
		return 0
	}
	return l.Bad / l.Budget
}

// Losses returns what a span of time took of the budgets of all objectives.
func (e *Evaluator) Losses(from, to, now time.Time) []Loss {
	all := make([]Loss, len(e.all))
	for i, w := range e.all {
		bad, total := w.between(from, to, now)
		all[i] = Loss{Objective: w.Objective, Bad: bad, Total: total, Budget: w.expected(now) * w.budget()}
	}
	return all
}
