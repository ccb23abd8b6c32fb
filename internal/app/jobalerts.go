package app

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// deathAlerts tell operators of jobs that die: once for each name, and again after an hour without a death. An outage of a
// service that ten thousand jobs call is one mail.
type deathAlerts struct {
	send func(a alert.Alert)
	now  func() time.Time

	mu     sync.Mutex
	firing map[string]*deaths // by name of the job
}

// deaths are the jobs of one name that have died since the alert began.
type deaths struct {
	first       job.Death
	jobs        int
	since, last time.Time
}

const (
	deathsQuiet = time.Hour        // without a death, the alert is over
	deathsLook  = 15 * time.Second // between two looks for alerts that are over
	mostFiring  = 1000             // names of jobs are from the model, so there are no more
)

func newDeathAlerts(send func(a alert.Alert), now func() time.Time) *deathAlerts {
	return &deathAlerts{send: send, now: now, firing: map[string]*deaths{}}
}

// tellDeath tells of a job that is dead. Before the app is open nobody can be told. A mail that could not be sent is told by other
// means: a mail about it may die too, and so on.
func (a *App) tellDeath(d job.Death) {
	if a.deaths != nil && d.Queue != outbox.Queue {
		a.deaths.add(d)
	}
}

// openDeaths begins to tell of jobs that die. It comes after the sender of alerts.
func (a *App) openDeaths() {
	a.deaths = newDeathAlerts(func(found alert.Alert) {
		a.alerts.Send(found)
		if a.Archive != nil {
			kind := archive.EventAlertOver
			if found.Firing {
				kind = archive.EventAlert
			}
			a.Archive.PutEvent(archive.Event{At: found.At, Kind: kind, Text: found.Summary, Details: found.Key})
		}
	}, a.cfg.Now)
	if len(a.Rules.Model.Queues) > 0 {
		a.services = append(a.services, service{"alerts of jobs", a.deaths})
	}
}

func (s *deathAlerts) add(d job.Death) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if known := s.firing[d.Name]; known != nil {
		known.jobs++
		known.last = now
		return
	}
	if len(s.firing) == mostFiring {
		return
	}
	begun := &deaths{first: d, jobs: 1, since: now, last: now}
	s.firing[d.Name] = begun
	s.send(begun.alert(now, true))
}

// Run ends alerts until ctx ends.
func (s *deathAlerts) Run(ctx context.Context) error {
	ticks := time.NewTicker(deathsLook)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
			s.endQuiet()
		}
	}
}

// endQuiet ends the alerts of names without a death for an hour.
func (s *deathAlerts) endQuiet() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for name, known := range s.firing {
		if now.Sub(known.last) >= deathsQuiet {
			delete(s.firing, name)
			s.send(known.alert(now, false))
		}
	}
}

// alert returns the alert that people get. It has no error text: what a job says may hold what rows hold, and mails and chats are
// read by more people than the console.
func (d *deaths) alert(now time.Time, firing bool) alert.Alert {
	name := errs.Clip(d.first.Name, 80)
	summary := "A job of " + name + " is dead after " + strconv.Itoa(d.first.Attempts) + " attempts. Further ones are counted, not told, until there is none for an hour."
	if d.first.Attempts == 1 {
		summary = "A job of " + name + " is dead after its only attempt. Further ones are counted, not told, until there is none for an hour."
	}
	if !firing {
		summary = "No job of " + name + " has died for an hour. " + strconv.Itoa(d.jobs) + " died on this node before."
	}
	return alert.Alert{
		Key: "job/" + name + "/dead", Severity: "ticket", Summary: summary, Firing: firing, Since: d.since, At: now,
		Labels: map[string]string{"job": name, "queue": d.first.Queue},
		Details: []alert.Detail{
			{Name: "job", Value: d.first.ID}, {Name: "queue", Value: d.first.Queue}, {Name: "attempts", Value: strconv.Itoa(d.first.Attempts)},
			{Name: "dead", Value: strconv.Itoa(d.jobs)}, {Name: "look", Value: "/console/jobs/" + d.first.ID},
		},
	}
}
