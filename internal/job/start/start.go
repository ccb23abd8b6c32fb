// Package start adds the jobs, timers and webhook messages that the writes of rows start.
//
// The statements of a Starter are part of the write: they are in its transaction, and go to the database together with it. The
// database itself evaluates conditions, so that a job is added for the row as it is in that transaction.
//
//   - effects.go makes the effects of a write: which statements, in which order.
//   - entry.go works out what a job takes from its row.
//   - due.go asks about the row of a timer when its time has come.
//   - fill.go gives timers to rows that were there before their job was.
package start

import (
	"cmp"
	"log/slog"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Config tunes a Starter. Its zero value works.
type Config struct {
	Logger *slog.Logger // nil means slog.Default()
}

// A Starter adds jobs to writes. It is safe for concurrent use.
type Starter struct {
	db         store.DB
	rules      *rule.Rules
	queue      *job.Queue
	log        *slog.Logger
	statements *statement.Cache

	entries  map[event][]*entry
	needsOld map[*model.Table]bool
	timers   []*timer
}

// An event is a kind of write.
type event struct {
	table *model.Table
	op    record.Op
}

// maxStatementBytes bounds the statements of a Starter, in bytes of text.
const maxStatementBytes = 8 << 20

// New returns what adds the jobs of a model to a queue. The database must have the tables of job.Tables and of Tables.
func New(db store.DB, rules *rule.Rules, queue *job.Queue, cfg Config) *Starter {
	s := &Starter{
		db: db, rules: rules, queue: queue, log: cmp.Or(cfg.Logger, slog.Default()), statements: statement.NewCache(maxStatementBytes),
		entries: map[event][]*entry{}, needsOld: map[*model.Table]bool{},
	}
	for _, own := range rules.Model.Jobs {
		compiled := rules.Job(own)
		for _, on := range own.On {
			s.add(on, newEntry(rules.Model, own, on, compiled.When[on.Table]))
		}
		if own.At != nil {
			s.addTimer(own, compiled)
		}
	}
	for _, own := range rules.Model.Webhooks {
		compiled := rules.Webhook(own)
		for _, on := range own.On {
			s.add(on, newMessage(own, on, compiled.When[on.Table]))
		}
	}
	return s
}

// Empty reports whether no write starts a job.
func (s *Starter) Empty() bool { return len(s.entries) == 0 }

func (s *Starter) add(on model.JobEvent, e *entry) {
	at := event{on.Table, opOf(on.Op)}
	e.number = s.count()
	if e.isPlain() {
		var err error
		if e.template, err = s.queue.Template(e.insert); err != nil {
			panic("start: " + err.Error()) // the loader accepts no such job
		}
	}
	s.entries[at] = append(s.entries[at], e)
	if e.replaced {
		s.needsOld[on.Table] = true
	}
}

// count numbers entries for the names of their statements.
func (s *Starter) count() (n int) {
	for _, entries := range s.entries {
		n += len(entries)
	}
	return n
}

func opOf(op model.Operation) record.Op {
	switch op {
	case model.CreateOperation:
		return record.Create
	case model.UpdateOperation:
		return record.Update
	}
	return record.Delete
}

// NeedsOld implements record.Effector.
func (s *Starter) NeedsOld(table *model.Table) bool { return s.needsOld[table] }

// maxCascade bounds the rows of a deletion that may start a job each.
const maxCascade = 10_000

// MaxCascade implements record.Effector.
func (s *Starter) MaxCascade(reach *sqlgen.Reach) int {
	for _, table := range reach.Tables[1:] {
		if len(s.entries[event{table, record.Delete}]) > 0 {
			return maxCascade
		}
	}
	return 0
}
