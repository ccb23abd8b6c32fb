package app

import (
	"context"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// openFleet shares the numbers of this server with the others on its database. An embedded database has one server.
func (a *App) openFleet() {
	if a.Store.Dialect() != sqlgen.Postgres || a.cfg.Telemetry == NoTelemetry {
		return
	}
	process := a.process()
	process.Node = a.instance()
	cfg := fleet.Config{
		Process: process, Store: a.Store, Points: a.readPoints,
		Objectives: objective.Of(a.Operate), Counts: a.Objectives.Drain, Alerts: a.tellSharedAlert,
		Logger: a.cfg.Logger, Now: a.cfg.Now,
	}
	if a.Archive != nil {
		cfg.Archive = a.Archive
	}
	a.Fleet = fleet.New(cfg)
	// The first service stops last, so that it shares what the others count while they stop.
	a.services = append([]service{{"other nodes", a.Fleet}}, a.services...)
}

// The evaluators that tell of alerts.
const (
	ownRequests = 1 << iota // judges the requests of this server
	allRequests             // judges the requests of all nodes
)

// tellOwnAlert tells of an alert about the requests of this server. A ticket leaves time to judge all nodes together, so it is
// left to the other evaluator if there is more than one node. That one counts requests, so it knows no restorable moment.
func (a *App) tellOwnAlert(found objective.Alert) {
	if found.Firing && found.Severity == objective.Ticket && found.Kind != objective.RestorePoint && a.Fleet != nil && a.Fleet.Several() {
		return
	}
	a.tellOnce(ownRequests, found)
}

func (a *App) tellSharedAlert(found objective.Alert) { a.tellOnce(allRequests, found) }

// tellOnce tells of an alert unless the other evaluator has done so.
func (a *App) tellOnce(evaluator int, found objective.Alert) {
	if a.firing.change(evaluator, &found) {
		a.tellAlert(found)
	}
}

// firing knows which evaluators an alert fires for.
type firing struct {
	mu         sync.Mutex
	evaluators map[string]int // by the key of the alert
}

// change notes that an alert fires for an evaluator, or is over. It reports whether the alert began or ended with that.
func (f *firing) change(evaluator int, found *objective.Alert) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.evaluators == nil {
		f.evaluators = map[string]int{}
	}
	key := found.Key()
	before := f.evaluators[key]
	after := before &^ evaluator
	if found.Firing {
		after = before | evaluator
	}
	f.evaluators[key] = after
	return (before == 0) != (after == 0)
}

// objectives are the objectives of this server, or of all nodes.
type objectives interface {
	Statuses() []objective.Status
	Firing() []objective.Alert
	Points() []objective.PointStatus
	Losses(from, to time.Time) []objective.Loss
}

func (a *App) objectivesOfAll() objectives {
	if a.Fleet == nil {
		return a.Objectives
	}
	return nodesObjectives{a.Objectives, a.Fleet}
}

// nodesHistory is what happened on all nodes. The charts have their own choice of nodes.
type nodesHistory struct {
	*archive.Archive
	all *fleet.Fleet
}

func (h nodesHistory) Errors(ctx context.Context, from time.Time) ([]archive.ErrorGroup, error) {
	return h.all.Errors(ctx, from)
}

func (h nodesHistory) Events(ctx context.Context, from, to time.Time, limit int, kinds ...string) ([]archive.Event, error) {
	return h.all.Events(ctx, from, to, limit, kinds...)
}

// nodesObjectives are the objectives of all nodes, if there are several.
type nodesObjectives struct {
	own *objective.Service
	all *fleet.Fleet
}

// Statuses returns how the objectives are doing. An alert fires if it does on this node or for all of them together.
func (o nodesObjectives) Statuses() []objective.Status {
	own := o.own.Statuses()
	if !o.all.Several() {
		return own
	}
	all := o.all.Statuses()
	for i := range all {
		if len(own[i].Firing) > len(all[i].Firing) {
			all[i].Firing = own[i].Firing
		}
	}
	return all
}

// Firing returns the alerts that fire. What all nodes together miss is known from their sums.
func (o nodesObjectives) Firing() []objective.Alert {
	list := o.all.Firing()
	known := map[string]bool{}
	for i := range list {
		known[list[i].Key()] = true
	}
	for _, found := range o.own.Firing() {
		if !known[found.Key()] {
			list = append(list, found)
		}
	}
	return list
}

// Points returns how the objectives for the newest restorable moment are doing. All nodes read it from the database.
func (o nodesObjectives) Points() []objective.PointStatus { return o.own.Points() }

// Losses returns what a span of time took of the budgets. What all nodes lost is known some minutes later.
func (o nodesObjectives) Losses(from, to time.Time) []objective.Loss {
	if o.all.Several() {
		return o.all.Losses(from, to)
	}
	return o.own.Losses(from, to)
}
