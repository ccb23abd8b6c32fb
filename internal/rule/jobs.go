package rule

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Job holds the compiled expressions of a job. Its maps are by the tables of model.Job.RowTables.
type Job struct {
	// When decides by the table of the row. A table without a condition has no entry. If a write starts the job, the
	// condition is about the row and the old row of Rules.Table, with its slots extracted: ask it in the write. For a timer
	// it is about the row and now, without slots, like a filter.
	When map[*model.Table]Node

	At      Node // of a timer: a timestamp about the row alone, without slots; it may be missing or fail
	Enqueue Node // about auth, now and arguments: ask Holds. false unless requests start the job

	Change Node   // about a row of the table that changes, and now, without slots; nil unless the job deletes or updates
	Set    []Node // new values, in the order of JobUpdate.Set. They need no row: Eval them

	To map[*model.Table]*Column // address of a mail, by the table of the row; nil unless the mail goes to a path
}

// Webhook holds the compiled expressions of a webhook.
type Webhook struct {
	When map[*model.Table]Node // see Job
}

// Job returns the expressions of a job of the model.
func (r *Rules) Job(job *model.Job) *Job { return r.jobs[job] }

// Webhook returns the expressions of a webhook of the model.
func (r *Rules) Webhook(webhook *model.Webhook) *Webhook { return r.webhooks[webhook] }

// work compiles the expressions of jobs and webhooks.
func (b *builder) work() {
	b.rules.jobs, b.rules.webhooks = map[*model.Job]*Job{}, map[*model.Webhook]*Webhook{}
	for _, job := range b.rules.Model.Jobs {
		b.rules.jobs[job] = b.job(job)
	}
	for _, webhook := range b.rules.Model.Webhooks {
		b.rules.webhooks[webhook] = &Webhook{When: b.whenWritten(webhook.On, webhook.When, "the webhook")}
	}
}

// noRequest says why an expression has no arguments.
const noRequest = "arg holds what a request gives a job, and no request starts this one"

func (b *builder) job(job *model.Job) *Job {
	out := &Job{Enqueue: boolean(false), When: b.whenWritten(job.On, job.When, "the job")}
	if job.At != nil {
		out.At = b.timer(job)
		out.When = b.whenDue(job)
	}
	if job.Enqueue != nil {
		out.Enqueue = b.enqueue(job)
	}
	if change := changeOf(job); change != nil {
		out.Change = b.change(job, change)
	}
	if job.Update != nil {
		for _, set := range job.Update.Set {
			out.Set = append(out.Set, b.newValue(set))
		}
	}
	if job.Mail != nil && job.Mail.To != nil {
		out.To = b.addresses(job)
	}
	return out
}

// whenWritten compiles a condition about the rows of events. It reports the faults of the first table that has any.
func (b *builder) whenWritten(events []model.JobEvent, when *model.Expr, what string) map[*model.Table]Node {
	if when == nil {
		return nil
	}
	out := map[*model.Table]Node{}
	for _, table := range model.EventTables(events) {
		scope := Scope{Row: b.rules.tables[table].Row, Old: b.rules.tables[table].Old, Roles: b.roles, Missing: map[string]string{"arg": noRequest}}
		if other := notUpdate(events, table); other != nil {
			scope.Old = nil
			scope.Missing["old"] = "old is the row before an update, and " + what + " is for " + other.String() + " too: give that event one of its own"
		}
		node, _, problems := Compile(when.Text, scope)
		b.report(when, problems)
		if len(problems) > 0 {
			return nil
		}
		out[table] = b.rules.Slots.Extract(node)
	}
	return out
}

// notUpdate returns the first event of a table that has no old row, or nil.
func notUpdate(events []model.JobEvent, table *model.Table) *model.JobEvent {
	for i, event := range events {
		if event.Table == table && event.Op != model.UpdateOperation {
			return &events[i]
		}
	}
	return nil
}

// timer compiles the time of a row. It is about the row alone: no write of another row moves a timer.
func (b *builder) timer(job *model.Job) Node {
	node, problems := CompileValue(job.At.Text, Scope{Row: b.rules.tables[job.Table].Row, Missing: map[string]string{
		"auth": "a timer is the same for everybody, so there is no auth",
		"now":  "a timer with now would move on for ever: name a time of the row, such as created_at",
		"old":  "a timer is about the row as it is, so there is no old",
		"arg":  noRequest,
	}})
	b.report(job.At, problems)
	switch {
	case node == nil:
		return nil
	case node.Kind() != value.Timestamp:
		b.faultAt(job.At, "at must be a timestamp such as due_at - duration('24h'), not "+kindName(node.Kind()))
	case Relates(node):
		b.faultAt(job.At, "a timer follows its own row alone, and at names another row: copy the time into a field of "+job.Table.Name)
	case rowIndependent(node):
		b.faultAt(job.At, "at names no field of "+job.Table.Name+", so all rows have one time: write a cron job, or name a field")
	default:
		return foldConstants(node)
	}
	return nil
}

// foldConstants computes the parts of a node that need neither a row nor a request.
func foldConstants(node Node) Node {
	if rowIndependent(node) && constant(node) {
		return folded(node)
	}
	return rebuild(node, foldConstants)
}

// whenDue compiles the condition of a timer. It is asked when the time has come.
func (b *builder) whenDue(job *model.Job) map[*model.Table]Node {
	if job.When == nil {
		return nil
	}
	node := b.later(job.When, job.Table)
	if node == nil {
		return nil
	}
	return map[*model.Table]Node{job.Table: node}
}

// later compiles a condition about a row that is asked when nobody asks.
func (b *builder) later(expr *model.Expr, table *model.Table) Node {
	node, _, problems := Compile(expr.Text, Scope{Row: b.rules.tables[table].Row, Roles: b.roles, Missing: map[string]string{
		"auth": "nobody asks when the job runs, so there is no auth: the condition is about the row and now",
		"old":  "the condition is asked when the job runs, not in a write, so there is no old",
		"arg":  noRequest,
	}})
	b.report(expr, problems)
	return node
}

// enqueue compiles who may start a job.
func (b *builder) enqueue(job *model.Job) Node {
	node, _, problems := Compile(job.Enqueue.Text, Scope{Roles: b.roles, Typed: append([]*model.Field{}, job.Args...)})
	b.report(job.Enqueue, problems)
	if node == nil {
		return boolean(false)
	}
	return node
}

// changeOf returns which rows a job deletes or updates, or nil.
func changeOf(job *model.Job) *model.Expr {
	if job.Update != nil {
		return job.Update.Where
	}
	return job.Delete
}

// change compiles which rows a job changes. A job about a row changes that row.
func (b *builder) change(job *model.Job, change *model.Expr) Node {
	if job.Table == nil {
		return nil // the loader has reported it
	}
	return b.later(change, job.Table)
}

// newValue compiles the new value of a field.
func (b *builder) newValue(set model.JobSet) Node {
	if set.Value == nil {
		return &Const{}
	}
	return b.valueOf(set.Value, Scope{Roles: b.roles, Default: set.Field, Missing: map[string]string{
		"auth": "nobody asks when the job runs, so there is no auth",
		"old":  "a new value needs no row, so there is no old",
		"arg":  noRequest,
	}}, "the new value")
}

// addresses compiles the path from a row to the address of a mail.
func (b *builder) addresses(job *model.Job) map[*model.Table]*Column {
	to := job.Mail.To
	const aPath = "to is the path of a field such as customer.email"
	out := map[*model.Table]*Column{}
	for _, table := range job.RowTables() {
		node, problems := CompileValue(to.Text, Scope{Row: b.rules.tables[table].Row, Missing: map[string]string{
			"auth": aPath + ", and auth is no row", "now": aPath, "old": aPath + " of the row as it is", "arg": noRequest,
		}})
		b.report(to, problems)
		if len(problems) > 0 {
			return nil
		}
		column, ok := node.(*Column)
		switch {
		case !ok:
			b.faultAt(to, aPath)
			return nil
		case column.Field.Secret:
			b.faultAt(to, column.Field.Name+" is secret: "+aPath)
			return nil
		case column.Field.Type != model.Text || column.Field.Format != "email":
			b.faultAt(to, column.Field.Table.Name+"."+column.Field.Name+" may hold what is no address: give it type: text and format: email")
			return nil
		}
		out[table] = column
	}
	return out
}
