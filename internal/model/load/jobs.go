package load

import (
	"cmp"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const (
	maxJobs     = 500
	maxTries    = 100
	maxPriority = 9
	minEvery    = 10 * time.Second
	maxEvery    = 365 * day
	maxAtMost   = day
	maxWithin   = 30 * day // finished jobs are kept so long
)

// A jobDecl is the declaration of a job.
type jobDecl struct {
	job   *model.Job
	value *node
	args  *model.Table // table of no model with the arguments, or nil

	needsZone bool // cron depends on the zone

	// unreadable is true if the start has a fault. Faults about what the job is about would only follow from it.
	unreadable bool
}

// queuePos returns the position of the name of the job's queue.
func (d *jobDecl) queuePos() model.Pos {
	if queue := d.value.get("queue"); queue != nil {
		return queue.pos
	}
	return d.job.Pos
}

// tables returns the tables of what a job is about: of rows, or the one of its arguments.
func (d *jobDecl) tables() []*model.Table {
	if d.args != nil {
		return []*model.Table{d.args}
	}
	return d.job.RowTables()
}

// keyProblem returns why the jobs of a declaration cannot be told apart by a field or argument, or "".
func (d *jobDecl) keyProblem(name string) string { return keyProblem(d.tables(), name) }

func jobKeys() []string {
	return []string{"on", "when", "cron", "zone", "missed", "every", "table", "at", "args", "access", "once", "as", "queue", "at_most", "tries", "priority",
		"mail", "post", "delete", "update", "work"}
}

func jobAccessKeys() []string { return []string{"enqueue"} }
func onceKeys() []string      { return []string{"by", "within"} }

// readWork reads queues, jobs and webhooks. It needs the finished tables, the roles and the accounts.
func (l *loader) readWork() {
	if l.queues == nil && l.jobs == nil && l.webhooks == nil {
		return
	}
	l.model.Queues = []*model.Queue{model.UsualQueue(model.DefaultQueue)}
	if l.queues != nil {
		l.readQueues(l.queues.value)
	}
	if l.jobs != nil {
		l.readJobs(l.jobs.value)
		l.checkWorkers()
		l.checkEach()
		l.checkScopeJobs()
	}
	if l.webhooks != nil {
		l.readWebhooks(l.webhooks.value)
	}
}

func (l *loader) readJobs(value *node) {
	if value.kind == null || !l.isObject(value, "jobs") {
		return
	}
	if len(value.members) > maxJobs {
		l.fault(value.members[maxJobs].pos, "there are %d jobs, but at most %d are allowed", len(value.members), maxJobs)
		return
	}
	for _, declared := range value.members {
		if !l.checkName(declared.pos, "job", declared.name) {
			continue
		}
		if kind := declared.value.kind; kind != object {
			if kind != invalid {
				l.fault(declared.value.pos, "the job %s must be a group of keys such as {on: %s, work: pull}, not %s", declared.name, l.anEvent(), kind)
			}
			continue
		}
		l.readJob(declared)
	}
}

// readJob reads a job: first its start, which says what the job is about, then its action, then the rest.
func (l *loader) readJob(declared member) {
	job := &model.Job{Name: declared.name, AtMost: model.DefaultAtMost, Tries: model.DefaultTries, Priority: model.DefaultPriority, Pos: declared.pos}
	decl := &jobDecl{job: job, value: declared.value}
	l.jobDecls = append(l.jobDecls, decl)
	l.model.Jobs = append(l.model.Jobs, job)
	keys := l.known(declared.value, "the job "+job.Name, jobKeys())
	l.readStart(decl, keys)
	l.readAction(decl, keys)
	job.Queue = job.UsualQueue()
	for _, key := range keys {
		switch key.name {
		case "once":
			job.Once = l.readOnce(decl, key)
		case "queue":
			job.Queue = cmp.Or(l.readQueueName(key.value), job.Queue)
		case "at_most":
			l.setDuration(&job.AtMost, key, time.Second, maxAtMost)
		case "tries":
			l.setInt(&job.Tries, key, 1, maxTries)
		case "priority":
			l.setInt(&job.Priority, key, 0, maxPriority)
		}
	}
}

// readOnce reads true, or what makes two jobs the same.
func (l *loader) readOnce(decl *jobDecl, key member) *model.JobOnce {
	value := key.value
	if decl.job.At != nil {
		l.fault(key.pos, "a row has one timer, so the job is unique already: remove once")
		return nil
	}
	if value.kind == boolean {
		if l.readBool(value, "once") {
			return &model.JobOnce{}
		}
		l.fault(value.pos, "once: false has no effect: remove it")
		return nil
	}
	if value.kind != object {
		if value.kind != invalid {
			l.fault(value.pos, "once must be true, or a group of keys such as {by: [id], within: 1h}, not %s", value.kind)
		}
		return nil
	}
	once := &model.JobOnce{}
	for _, key := range l.known(value, "once", onceKeys()) {
		if key.name == "within" {
			l.setDuration(&once.Within, key, time.Second, maxWithin)
			continue
		}
		for _, item := range l.readSome(key.value, "by", maxTraced) {
			name, ok := l.readText(item, "a field")
			if !ok || decl.unreadable {
				continue
			}
			if problem := decl.keyProblem(name); problem != "" {
				l.fault(item.pos, "jobs cannot be told apart by %s: %s", quote(name), problem)
				continue
			}
			once.By = l.appendOnce(once.By, name, item, "the field")
		}
	}
	return once
}

// checkScopeJobs reports jobs of key scopes that no key can lease.
func (l *loader) checkScopeJobs() {
	var names []string
	for _, job := range l.model.Jobs {
		if job.Pull {
			names = append(names, job.Name)
		}
	}
	for _, scoped := range l.scopeJobs {
		switch job := l.model.Job(scoped.text); {
		case job == nil:
			l.fault(scoped.pos, "there is no job %s%s", quote(scoped.text), suggest.DidYouMean(scoped.text, names))
		case !job.Pull:
			l.fault(scoped.pos, "no worker leases the job %s: a scope names jobs with work: pull", job.Name)
		}
	}
}
