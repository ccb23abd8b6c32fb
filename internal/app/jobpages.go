package app

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
	"github.com/ashlar-dev/ashlar/internal/web/console/work"
)

// workSections returns the pages of the console about jobs.
func (a *App) workSections() []console.Section {
	cfg := work.Config{
		Model: a.Rules.Model, Queue: a.work, History: a.depths, Clock: a.clock, Note: a.noteInAudit, Traces: a.Traces != nil, Logs: a.Archive != nil,
		Styles: operation.Styles(), Now: a.cfg.Now,
	}
	if a.webhooks != nil {
		cfg.Webhooks = a.webhooks
	}
	if a.Fleet != nil {
		cfg.Node = a.instance()
	}
	return work.Sections(cfg)
}

// noteInAudit appends an event to the audit log in a transaction.
func (a *App) noteInAudit(tx store.Tx, e audit.Event) error {
	rows := a.Rows.In(tx, caller.System("console"))
	defer rows.Done()
	return a.Audit.Append(rows, e)
}

// jobFamilies returns the metrics of queues. work and depths are nil when only their number counts.
func jobFamilies(m *model.Model, work *job.Queue, depths *job.History) []metric.Family {
	queues := len(m.Queues)
	return []metric.Family{
		{
			Name: "ashlar_queue_jobs", Help: "Jobs in the database that have not ended or are dead, at the last count of this process, up to a million.",
			Labels: []string{"queue", "state"}, Most: queues * len(depthStates()), Values: func() []metric.Labelled { return depthsOf(m, depths.Depths()) },
		},
		{
			Name: "ashlar_queue_oldest_seconds", Help: "For how long a job of the queue has been due and waits, in seconds; 0 if none waits.",
			Labels: []string{"queue"}, Most: queues, Values: func() []metric.Labelled { return oldestOf(m, depths.Depths(), time.Now()) },
		},
		{
			Name: "ashlar_queue_attempts_total", Help: "Attempts of this process by what became of them; rescued ones were taken from workers that are gone.",
			Labels: []string{"queue", "event"}, Most: queues * len(eventsOf(job.Stats{})), Values: func() []metric.Labelled { return attemptsOf(m, work) },
		},
	}
}

func depthStates() []string { return []string{"waiting", "running", "scheduled", "dead"} }

func depthsOf(m *model.Model, depths []job.Depth) (all []metric.Labelled) {
	for _, queue := range m.Queues {
		for _, state := range depthStates() {
			n := int64(0)
			for _, d := range depths {
				if d.Queue == queue.Name && d.State == state {
					n = d.Jobs
				}
			}
			all = append(all, metric.Labelled{Labels: []string{queue.Name, state}, Value: float64(n)})
		}
	}
	return all
}

func oldestOf(m *model.Model, depths []job.Depth, now time.Time) (all []metric.Labelled) {
	for _, queue := range m.Queues {
		age := time.Duration(0)
		for _, d := range depths {
			if d.Queue == queue.Name && d.State == "waiting" {
				age = max(0, now.Sub(d.Since))
			}
		}
		all = append(all, metric.Labelled{Labels: []string{queue.Name}, Value: age.Seconds()})
	}
	return all
}

// An event is one count of Stats under its name in metrics.
type event struct {
	name  string
	count int64
}

func eventsOf(s job.Stats) []event {
	return []event{
		{"started", s.Started}, {"done", s.Done}, {"dead", s.Dead}, {"repeated", s.Repeated}, {"given_back", s.GivenBack}, {"lost", s.Lost}, {"rescued", s.Rescued},
	}
}

func attemptsOf(m *model.Model, work *job.Queue) (all []metric.Labelled) {
	for _, queue := range m.Queues {
		for _, e := range eventsOf(work.StatsOf(queue.Name)) {
			all = append(all, metric.Labelled{Labels: []string{queue.Name, e.name}, Value: float64(e.count)})
		}
	}
	return all
}
