package model

import (
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
)

// The queues of jobs that name none. Workers outside of the server lease the jobs of PullQueue. WebhookQueue has the messages
// of webhooks and their deliveries.
const (
	DefaultQueue = "default"
	PullQueue    = "pull"
	WebhookQueue = "webhooks"
)

// A Queue bounds how many of its jobs run. The loader has filled in every default.
type Queue struct {
	Name    string
	Workers int        // jobs at work at once, on each node; without meaning if Leased
	Leased  bool       // workers outside of the server do its jobs
	Rate    *Rate      // starts, on all nodes together; nil: no bound
	Each    *QueueEach // nil: jobs start in the order of their priority and time
	Pos     Pos
}

// A QueueEach makes a queue fair: jobs with one value of By take turns with the jobs of every other value.
type QueueEach struct {
	By     string // field of the row that a job is about, or argument of a job
	AtOnce int    // jobs at work at once with one value, on all nodes together; 0: no bound
	Rate   *Rate  // starts with one value, on all nodes together; nil: no bound
	Pos    Pos    // of By
}

const (
	usualWorkers   = 8
	webhookWorkers = 256 // most of them wait for a receiver
)

// UsualQueue returns a queue without keys.
func UsualQueue(name string) *Queue {
	if name == WebhookQueue {
		return &Queue{Name: name, Workers: webhookWorkers}
	}
	return &Queue{Name: name, Workers: usualWorkers}
}

// A JobEvent is a kind of write: it starts the jobs and webhooks that name it.
type JobEvent struct {
	Table *Table
	Op    Operation // CreateOperation, UpdateOperation or DeleteOperation
	Pos   Pos
}

// String returns the event as a model file names it, such as orders.update.
func (e JobEvent) String() string { return e.Table.Name + "." + string(e.Op) }

// EventOperations returns the operations that start jobs and webhooks.
func EventOperations() []Operation {
	return []Operation{CreateOperation, UpdateOperation, DeleteOperation}
}

// A Job is work that a server does besides answering requests. It has one start and one action.
//
// The start is On, Cron, Every or At. A job with Args, Enqueue or both is started by a request, and so may be a job with
// Cron or Every that has Enqueue. A job is about a row if its start is On or At.
//
// The action is Mail, Post, Delete, Update, Pull or Func.
type Job struct {
	Name  string
	Queue string // name of one of Model.Queues

	On   []JobEvent
	When *Expr // On and At: about the row, and about old if all events of a table are updates; nil: always

	Cron   string        // expression of five fields, or a name such as @daily
	Zone   string        // IANA name; "" without Cron
	Missed cron.Policy   // "" without Cron
	Every  time.Duration // 0: not given

	Table *Table // with At: whose rows have timers; with Delete or Update: whose rows change; else nil
	At    *Expr  // timestamp about one row alone; without a value the row has no timer

	Args    []*Field // what a request gives the job; their Table is a table of no model
	Enqueue *Expr    // about auth, now and arg; nil: no request starts the job

	Once     *JobOnce   // nil: every start makes a job
	As       *JobCaller // nil: the action reads and writes no rows
	AtMost   time.Duration
	Tries    int
	Priority int // from 0 to 9, higher starts first

	Mail   *JobMail
	Post   *JobPost
	Delete *Expr // about a row of Table. A job about a row deletes that row, if Delete holds for it
	Update *JobUpdate
	Pull   bool // workers lease the job over HTTP
	Func   bool // a Go function of the program that embeds Ashlar

	Pos Pos
}

// The values that a job has without its keys.
const (
	DefaultAtMost   = time.Minute
	DefaultTries    = 12
	DefaultPriority = 5
)

// UsualQueue returns the queue that the job has without the key queue.
func (j *Job) UsualQueue() string {
	if j.Pull {
		return PullQueue
	}
	return DefaultQueue
}

// Timed reports whether the job starts at times of a clock.
func (j *Job) Timed() bool { return j.Cron != "" || j.Every > 0 }

// AboutRow reports whether each run of a job is about one row.
func (j *Job) AboutRow() bool { return len(j.On) > 0 || j.At != nil }

// RowTables returns the tables whose rows a job may be about, each once.
func (j *Job) RowTables() []*Table {
	if j.At != nil {
		return []*Table{j.Table}
	}
	return EventTables(j.On)
}

// EventTables returns the tables of events, each once.
func EventTables(events []JobEvent) (tables []*Table) {
	for _, event := range events {
		if !slices.Contains(tables, event.Table) {
			tables = append(tables, event.Table)
		}
	}
	return tables
}

// UsualZone is the zone of an expression whose hours and days depend on none.
const UsualZone = "UTC"

// Schedule returns when a job with Cron is due.
func (j *Job) Schedule() (cron.Schedule, error) {
	expression, err := cron.Parse(j.Cron)
	if err != nil {
		return cron.Schedule{}, err
	}
	zone, err := cron.Zone(j.Zone)
	if err != nil {
		return cron.Schedule{}, err
	}
	return expression.In(zone), nil
}

// A JobOnce makes a job unique: a start adds none while there is one with the same values.
type JobOnce struct {
	By     []string      // fields of the row, or arguments; none: there is one job of the name
	Within time.Duration // how long a job counts after its start; 0: while it waits or runs
}

// A JobCaller is whom the rules see when a job reads or writes rows.
type JobCaller struct {
	System bool     // no rule binds it
	Roles  []string // a service with these roles
	User   string   // a user: the reference to users in the job's row or arguments, such as author_id
}

// A JobMail is a mail about the row of a job.
type JobMail struct {
	To       *Expr  // path from the row to a text of the format email; nil: Address
	Address  string // plain address
	Template string // name of a template in the folder of accounts.mail
	Send     []string
}

// A JobPost is a signed HTTP request.
type JobPost struct {
	URL     Setting
	Secret  Setting // key of the signature; not given: the request is signed with the server's key only
	Send    []string
	Headers []JobHeader
}

// A JobHeader is one more header of a JobPost.
type JobHeader struct {
	Name  string // in its canonical form
	Value Setting
}

// A JobUpdate changes rows of Job.Table.
type JobUpdate struct {
	Where *Expr // about a row
	Set   []JobSet
}

// A JobSet is the new value of a field, in the form of a default.
type JobSet struct {
	Field *Field
	Value *Expr // nil: the field becomes missing
	Pos   Pos
}

// A Webhook tells others about writes. It sends the id of the row, and Send.
type Webhook struct {
	Name string
	On   []JobEvent
	When *Expr // as in Job
	Send []string
	As   *JobCaller // nil without Send

	To     *Table  // whose rows are endpoints; nil: URL
	URL    Setting // one endpoint
	Secret Setting // of URL

	Order string // field of the row: messages with one value arrive in order; "": in any order
	Pos   Pos
}

// Queue returns the queue of that name, or nil.
func (m *Model) Queue(name string) *Queue {
	i := slices.IndexFunc(m.Queues, func(queue *Queue) bool { return queue.Name == name })
	if i < 0 {
		return nil
	}
	return m.Queues[i]
}

// Job returns the job of that name, or nil.
func (m *Model) Job(name string) *Job {
	i := slices.IndexFunc(m.Jobs, func(job *Job) bool { return job.Name == name })
	if i < 0 {
		return nil
	}
	return m.Jobs[i]
}

// Webhook returns the webhook of that name, or nil.
func (m *Model) Webhook(name string) *Webhook {
	i := slices.IndexFunc(m.Webhooks, func(webhook *Webhook) bool { return webhook.Name == name })
	if i < 0 {
		return nil
	}
	return m.Webhooks[i]
}
