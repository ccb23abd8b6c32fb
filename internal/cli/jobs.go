package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// writeJobs writes what the server does besides answering requests, and how much of it at once.
func writeJobs(out io.Writer, m *model.Model) error {
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(m.Queues) > 0 {
		fmt.Fprintln(columns, "queues:")
	}
	for _, queue := range m.Queues {
		fmt.Fprintf(columns, "  %s\t%s\n", queue.Name, queue)
	}
	if len(m.Jobs) > 0 {
		fmt.Fprintln(columns, "jobs:")
	}
	for _, job := range m.Jobs {
		fmt.Fprintf(columns, "  %s\t%s\n", job.Name, job)
	}
	if len(m.Webhooks) > 0 {
		fmt.Fprintln(columns, "webhooks:")
	}
	for _, webhook := range m.Webhooks {
		fmt.Fprintf(columns, "  %s\t%s\n", webhook.Name, webhook)
	}
	return columns.Flush()
}

// callers returns the names of the jobs that call a Go function.
func callers(m *model.Model) (names []string) {
	for _, job := range m.Jobs {
		if job.Func {
			names = append(names, job.Name)
		}
	}
	return names
}

// unstarted returns warnings about jobs that nothing starts, and queues without jobs.
func unstarted(m *model.Model) (found model.Faults) {
	used := map[string]bool{model.DefaultQueue: true, model.PullQueue: true}
	for _, job := range m.Jobs {
		used[job.Queue] = true
		if len(job.Args) > 0 && job.Enqueue == nil {
			found = append(found, m.Fault(job.Pos, "nobody may start the job %s: give it `access: {enqueue: …}`", job.Name))
		}
	}
	used[model.WebhookQueue] = used[model.WebhookQueue] || len(m.Webhooks) > 0
	found = append(found, unleased(m)...)
	for _, queue := range m.Queues {
		if queue.Leased && queue.Workers != model.UsualQueue("").Workers {
			found = append(found, m.Fault(queue.Pos, "workers of the queue %s has no effect, because no node does its jobs: workers lease them", queue.Name))
		}
		if !used[queue.Name] {
			found = append(found, m.Fault(queue.Pos, "no job is in the queue %s: name it as `queue:` of a job, or remove it", queue.Name))
		}
	}
	return found
}

// unleased returns warnings about jobs that no key can lease.
func unleased(m *model.Model) (found model.Faults) {
	named := map[string]bool{}
	if m.Accounts != nil {
		for _, scope := range m.Accounts.Keys.Scopes {
			for _, job := range scope.Scopes.Jobs {
				named[job] = true
			}
		}
	}
	for _, job := range m.Jobs {
		if job.Pull && !named[job.Name] {
			found = append(found, m.Fault(job.Pos, "no key can lease the job %s: name it in a scope, such as accounts: {keys: {scopes: {worker: {jobs: [%s]}}}}", job.Name, job.Name))
		}
	}
	return found
}
