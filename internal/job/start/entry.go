package start

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// MessageQueue is the queue of the messages of webhooks.
const MessageQueue = "webhooks"

// An entry is a job that one kind of write starts.
type entry struct {
	number   int
	op       record.Op
	insert   job.Insert // without what each write or row gives
	start    sqlgen.Start
	kind     job.RowsKind  // of the statement that adds the job
	template *job.Template // adds the job if the entry is plain
	once     bool          // the job has a text of once
	replaced bool          // the condition needs the whole old row
	old      bool          // the condition names the old row, and is asked before the change
}

func newEntry(m *model.Model, own *model.Job, on model.JobEvent, when rule.Node) *entry {
	e := &entry{
		op: opOf(on.Op), kind: job.AddRows,
		insert: job.Insert{
			Name: own.Name, Queue: own.Queue, Priority: own.Priority, Tries: own.Tries, Table: on.Table.Name, Args: []byte(`{"op":"` + string(on.Op) + `"}`),
		},
		start: sqlgen.Start{Table: on.Table, When: when, Key: keyOf(m, own.Queue, on.Table)},
	}
	if own.Once != nil {
		e.kind, e.once = job.AddOnce, true
		e.insert.Once, e.insert.OnceFor = "once:"+own.Name, own.Once.Within
		e.start.Once = []*model.Field{}
		for _, name := range own.Once.By {
			e.start.Once = append(e.start.Once, on.Table.Field(name))
		}
	}
	e.findOld()
	return e
}

func newMessage(own *model.Webhook, on model.JobEvent, when rule.Node) *entry {
	e := &entry{
		op: opOf(on.Op), kind: job.AddRows,
		insert: job.Insert{
			Name: own.Name, Queue: MessageQueue, Priority: model.DefaultPriority, Tries: model.DefaultTries, Table: on.Table.Name,
			Args: []byte(`{"op":"` + string(on.Op) + `"}`),
		},
		start: sqlgen.Start{Table: on.Table, When: when},
	}
	if own.Order != "" {
		e.kind, e.insert.Args = job.AddOrdered, []byte(on.Op)
		e.start.Order = on.Table.Field(own.Order)
	}
	e.findOld()
	return e
}

// findOld decides when the condition is asked. A condition about the old row is asked before the change, with the new values in
// place of columns, unless it may look at the changed row among others.
func (e *entry) findOld() {
	if e.op == record.Update && e.start.When != nil && rule.UsesOld(e.start.When) {
		e.old = sqlgen.StartReadsBefore(e.start.When, e.start.Table)
		e.replaced = !e.old
	}
}

// isPlain reports whether a create always adds the job, and the job takes nothing from its row but the id.
func (e *entry) isPlain() bool {
	return e.op == record.Create && e.kind == job.AddRows && e.start.When == nil && e.start.Key == nil
}

// keyOf returns the field by which a queue is fair, or nil.
func keyOf(m *model.Model, queue string, table *model.Table) *model.Field {
	own := m.Queue(queue)
	if own == nil || own.Each == nil {
		return nil
	}
	return table.Field(own.Each.By)
}

// A timer is a job with a time for each row.
type timer struct {
	*entry
	job    *model.Job
	due    rule.Node // the condition with its own slots, asked at its time; nil: always
	slots  rule.Slots
	fields []*model.Field // that At names
}

func (s *Starter) addTimer(own *model.Job, compiled *rule.Job) {
	t := &timer{job: own, entry: &entry{
		kind: job.AddTimers,
		insert: job.Insert{
			Name: own.Name, Queue: own.Queue, Priority: own.Priority, Tries: own.Tries, Table: own.Table.Name, Once: onceOfTimer(own.Name),
		},
		start: sqlgen.Start{Table: own.Table, At: compiled.At, Key: keyOf(s.rules.Model, own.Queue, own.Table)},
	}}
	for _, column := range rule.Columns(compiled.At) {
		if !slices.Contains(t.fields, column.Field) {
			t.fields = append(t.fields, column.Field)
		}
	}
	if when := compiled.When[own.Table]; when != nil {
		t.slots.Base = len(s.rules.Slots.List)
		t.due = t.slots.Extract(when)
	}
	s.timers = append(s.timers, t)
	for _, op := range []record.Op{record.Create, record.Update, record.Delete} {
		e := *t.entry
		e.op, e.number = op, s.count()
		s.entries[event{own.Table, op}] = append(s.entries[event{own.Table, op}], &e)
	}
	t.number = s.count()
}

// onceOfTimer returns the beginning of the text of once of a timer. The id of the row follows it.
func onceOfTimer(name string) string { return "timer:" + name + ":" }

// moves reports whether an update of fields may move the timers of an entry.
func (e *entry) moves(fields []*model.Field) bool { return rule.Names(e.start.At, fields) }
