package app

import (
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	"github.com/ashlar-dev/ashlar/internal/job/request"
	"github.com/ashlar-dev/ashlar/internal/mail/outbox"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/work"
	"github.com/ashlar-dev/ashlar/internal/webhook/delivery"
)

// openJobs opens the queues of the app. It comes before the rows, whose writes add jobs. Whoever does jobs of a name calls
// Handle before the services start.
func (a *App) openJobs() (err error) {
	cfg := job.Config{Queues: []job.QueueConfig{outbox.QueueConfig()}, Records: a.jobs, Logger: a.cfg.Logger, Now: a.cfg.Now, Dead: a.tellDeath}
	for _, queue := range a.Rules.Model.Queues {
		cfg.Queues = append(cfg.Queues, queueConfig(queue))
	}
	a.work = job.Open(a.Store, cfg)
	a.depths = job.NewHistory(a.work)
	a.clock, err = clock.New(clock.Config{Model: a.Rules.Model, Store: a.Store, Queue: a.work, Logger: a.cfg.Logger, Now: a.cfg.Now})
	a.services = append(a.services, service{"jobs", a.work}, service{"depths of queues", a.depths})
	if len(a.Rules.Model.Queues) > 0 {
		a.services = append(a.services, service{"crons", a.clock})
	}
	return err
}

func queueConfig(queue *model.Queue) job.QueueConfig {
	cfg := job.QueueConfig{Name: queue.Name, Workers: queue.Workers, Rate: rateOf(queue.Rate), Pull: queue.Leased}
	if queue.Name == model.WebhookQueue {
		cfg.Each = &job.Each{AtOnce: delivery.AtOnce} // of an endpoint
	}
	if queue.Each != nil {
		cfg.Each = &job.Each{AtOnce: queue.Each.AtOnce, Rate: rateOf(queue.Each.Rate)}
	}
	return cfg
}

func rateOf(rate *model.Rate) *job.Rate {
	if rate == nil {
		return nil
	}
	return &job.Rate{Count: rate.Count, Window: rate.Window}
}

// jobRoutes returns the routes of jobs, none for a model without jobs.
func (a *App) jobRoutes() []web.Route {
	starter := request.New(request.Config{Rules: a.Rules, Store: a.Store, Rows: a.Rows, Queue: a.work, Now: a.cfg.Now})
	a.workers = work.New(a.Rules.Model, starter, a.work, a.starts.Due)
	return a.workers.Routes()
}
