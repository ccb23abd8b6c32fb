package work

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// queuesPage lists the queues.
type queuesPage struct {
	Queues  []queueRow
	Node    string
	Span    time.Duration // that counts are about
	May     bool
	Most    int // workers
	Problem *problem
}

// A queueRow is a queue.
type queueRow struct {
	Name, Path  string
	Known       bool // the model has the queue
	Settings    job.Settings
	Workers     int // of each node
	OfModel     int
	Pull        bool
	Limits      []string
	Counts      []stateCount
	Oldest      time.Duration // for which a job has waited longest; 0: none waits
	Done        int64         // in Span, by this node
	Failed      int64
	Spark       *spark
	ActionsName string // for screen readers
}

// A stateCount is how many jobs of a queue have a state.
type stateCount struct {
	State string
	Jobs  int64
	More  bool // there are more
	Path  string
}

func (p *pages) queues(q *console.Request) error { return p.showQueues(q, http.StatusOK, nil) }

func (p *pages) showQueues(q *console.Request, status int, wrong *problem) error {
	ctx := q.HTTP().Context()
	depths, err := p.Queue.Depths(ctx)
	if err != nil {
		return err
	}
	settings, err := p.Queue.Settings(ctx)
	if err != nil {
		return err
	}
	names, err := p.Queue.QueueNames(ctx)
	if err != nil {
		return err
	}
	page := queuesPage{Node: p.Node, May: mayChange(q), Most: job.MostWorkers, Problem: wrong}
	samples, now := p.History.Samples(), p.Now()
	if len(samples) > 0 {
		page.Span = max(0, now.Sub(samples[0].At))
	}
	for _, name := range names {
		page.Queues = append(page.Queues, p.queueRow(name, settings[name], depths, samples, now))
	}
	return show(q, status, "Queues", "queues.html", page)
}

func (p *pages) queueRow(name string, settings job.Settings, depths []job.Depth, samples []job.Sample, now time.Time) queueRow {
	cfg, known := p.Queue.Configured()[name]
	row := queueRow{Name: name, Path: queuesPath + "/" + url.PathEscape(name), Known: known, Settings: settings, Workers: cfg.Workers, OfModel: cfg.Workers, Pull: cfg.Pull}
	if settings.Workers > 0 {
		row.Workers = settings.Workers
	}
	if cfg.Rate != nil {
		row.Limits = append(row.Limits, rateWords(cfg.Rate))
	}
	if cfg.Each != nil && cfg.Each.AtOnce > 0 {
		row.Limits = append(row.Limits, strconv.Itoa(cfg.Each.AtOnce)+" at once of one key")
	}
	if cfg.Each != nil && cfg.Each.Rate != nil {
		row.Limits = append(row.Limits, rateWords(cfg.Each.Rate)+" of one key")
	}
	waiting := int64(0)
	for _, state := range []string{"waiting", "running", "scheduled", "dead"} {
		count := stateCount{State: state, Path: jobsPath + "?" + url.Values{"queue": {name}, "state": {state}}.Encode()}
		for _, d := range depths {
			if d.Queue != name || d.State != state {
				continue
			}
			count.Jobs, count.More = d.Jobs, d.Jobs >= job.MostCounted
			if state == "waiting" {
				waiting, row.Oldest = d.Jobs, max(time.Millisecond, now.Sub(d.Since))
			}
		}
		row.Counts = append(row.Counts, count)
	}
	if len(samples) > 0 {
		first, last := samples[0].Stats[name], p.Queue.StatsOf(name)
		if known {
			row.Done, row.Failed = last.Done-first.Done, last.Dead+last.Repeated-first.Dead-first.Repeated
		}
	}
	row.Spark = sparkOf(name, samples, job.Sample{At: now, Waiting: map[string]int64{name: waiting}})
	return row
}

// changeQueue pauses, resumes or scales a queue.
func (p *pages) changeQueue(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	name := q.HTTP().PathValue("queue")
	action, detail := "", map[string]any{}
	var change func(s *job.Settings)
	switch form.Get("do") {
	case "pause":
		action, change = "queue.paused", func(s *job.Settings) { s.Paused = true }
	case "resume":
		action, change = "queue.resumed", func(s *job.Settings) { s.Paused = false }
	case "scale":
		workers := 0
		if text := strings.TrimSpace(form.Get("workers")); text != "" {
			if workers, err = strconv.Atoi(text); err != nil || workers < 1 || workers > job.MostWorkers {
				return p.showQueues(q, http.StatusUnprocessableEntity, &problem{
					Message: "The workers of a queue are a number from 1 to " + strconv.Itoa(job.MostWorkers) + ". Without a number the model decides.",
				})
			}
		}
		action, change = "queue.scaled", func(s *job.Settings) {
			detail["before"], detail["after"] = s.Workers, workers
			s.Workers = workers
		}
	default:
		return errs.New(errs.Malformed, "a queue is paused, resumed or scaled")
	}
	err = p.Queue.Adjust(q.HTTP().Context(), name, nameOf(q), change, func(tx store.Tx) error { return p.note(q, tx, action, name, detail) })
	if err != nil {
		return err
	}
	return q.Redirect(queuesPath + "?done=queue-changed")
}

func rateWords(r *job.Rate) string {
	return console.Plural(int64(r.Count), "start") + " in " + console.Took(r.Window)
}
