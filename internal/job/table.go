package job

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/system"
)

const (
	jobsTable   = "ashlar_jobs"
	queuesTable = "ashlar_queues"
	keysTable   = "ashlar_queue_keys"
)

// The states of a job. A job that waits for its time is scheduled, so the rows of a queue that are waiting are all due.
const (
	scheduled = "scheduled"
	waiting   = "waiting"
	running   = "running"
	done      = "done"
	dead      = "dead"      // its last attempt has failed
	cancelled = "cancelled" // by a person
)

// The bounds of texts in characters.
const (
	maxName  = 100
	maxKey   = 200
	maxShort = 300
)

// Tables is the fragment of system tables of this package.
//
// turn_at is when something happens to a job by itself. A scheduled job becomes waiting, the lease of a running one ends, and a
// finished one is deleted. So one index serves all three. The index on queue, state and lane has only due rows where the state
// is waiting: neither finished rows nor scheduled ones make a look for the next job slower.
//
// A new job that waits has neither turn_at nor, as a rule, once. Their indexes have only rows with a value, so such a job goes into
// three B-trees and not five.
//
// lane is the key while a job waits or is scheduled, else "". So running and finished jobs of all keys stand together in the
// index, and a transaction changes few of its pages.
func Tables(*model.Model) []*model.Table {
	queue, lane := text("queue", maxName), text("lane", maxKey)
	state := system.Enum("state", scheduled, waiting, running, done, dead, cancelled)
	rank := system.Int("rank") // 9 minus the priority: indexes are in ascending order
	runAt, turnAt := system.Timestamp("run_at"), system.Sparse(system.Optional(system.Timestamp("turn_at")))
	jobs := system.NewTable(jobsTable, model.UUID,
		queue, text("name", maxName), state, text("key", maxKey), lane, rank, runAt, turnAt,
		system.Int("attempt"), system.Int("tries"),
		system.Optional(text("lease", maxName)), system.Optional(text("node", maxName)),
		system.Sparse(system.Optional(system.Unique(text("once", model.MaxIndexedText)))), system.Optional(system.Timestamp("once_until")),
		system.Optional(text("row_table", maxName)), system.Optional(text("row_id", maxShort)),
		system.Optional(system.JSON("args")), system.Optional(system.JSON("errors")), system.Optional(system.JSON("result")),
		system.Optional(text("enqueued_by", maxShort)), system.Optional(text("trace", maxName)),
		system.Optional(system.Timestamp("finished_at")),
	)
	jobs.Indexes = [][]*model.Field{{queue, state, lane, rank, runAt}, {state, turnAt}}
	queues := system.NewTable(queuesTable, model.Text, // the id is the name of the queue
		system.Bool("paused"), system.Optional(system.Int("workers")), system.Optional(text("changed_by", maxShort)),
		system.Int("next_start"), // of the rate: see Rate
	)
	keys := system.NewTable(keysTable, model.Text, // the id is the queue and the key
		text("queue", maxName), text("key", maxKey), system.Int("next_start"), // of the rate of the key: see Rate
	)
	keys.Indexes = [][]*model.Field{{keys.Field("queue"), keys.Field("key")}, {keys.Field("next_start")}}
	return []*model.Table{jobs, queues, keys}
}

func text(name string, most int64) *model.Field {
	return &model.Field{Name: name, Type: model.Text, Max: &most}
}
