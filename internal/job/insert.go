package job

import (
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// MaxArgs is how many bytes the arguments of a job may have.
const MaxArgs = 256 << 10

// MaxPriority is the highest priority.
const MaxPriority = 9

// Insert is a job to add.
type Insert struct {
	Name     string
	Queue    string
	Priority int       // 0 to MaxPriority, higher first
	RunAt    time.Time // zero: at once
	Tries    int       // 0 means 12
	Key      string    // for QueueConfig.Each; dropped if the queue has none

	// Once is a text that no two jobs have at a time. While a job with that text waits or runs, no other is added. With OnceFor,
	// none is added either until so long after the first one was.
	Once    string
	OnceFor time.Duration

	Table, Row string // the row that the job is about
	Args       []byte // JSON
	By         string // who caused the job
	Trace      string
}

// An insertion is an Insert that was checked.
type insertion struct {
	id    string
	steps []store.Step // the last one adds the job
}

// Steps returns the statements that add a job in the transaction of a write, and the tables of that write. The write commits with
// the job or not at all. A script with a job that has Once runs alone: see store.Script.NoGroup.
func (q *Queue) Steps(spec Insert) (steps []store.Step, tables []string, err error) {
	in, err := q.insertion(spec)
	if err != nil {
		return nil, nil, err
	}
	q.expect(spec)
	return in.steps, []string{jobsTable}, nil
}

// Enqueue adds a job in a transaction, and returns its id. Unless added is true there is such a job already: see Insert.Once. The
// transaction is the caller's: it may be undone, and its function may run again.
func (q *Queue) Enqueue(tx store.Tx, spec Insert) (id string, added bool, err error) {
	in, err := q.insertion(spec)
	if err != nil {
		return "", false, err
	}
	tx.MarkChanged(jobsTable)
	for _, step := range in.steps {
		changed, err := tx.Exec(step.SQL, step.Args)
		if err != nil {
			return "", false, err
		}
		added = changed > 0
	}
	q.expect(spec)
	return in.id, added, nil
}

// StateAt returns the state of a new job that runs at a time.
func StateAt(runAt, now time.Time) string {
	if runAt.After(now) {
		return scheduled
	}
	return waiting
}

func (q *Queue) insertion(spec Insert) (insertion, error) {
	if err := spec.check(); err != nil {
		return insertion{}, err
	}
	now := q.now()
	id := newID(now)
	state, runAt, turnAt := StateAt(spec.RunAt, now), now, value.Value{}
	if state == scheduled {
		runAt, turnAt = spec.RunAt, stamp(spec.RunAt)
	}
	key := ""
	if c := q.queues[spec.Queue]; c != nil && c.Each != nil {
		key = spec.Key
	}
	tries := spec.Tries
	if tries == 0 {
		tries = defaultTries
	}
	onceUntil, args := value.Value{}, value.Value{}
	if spec.OnceFor > 0 {
		onceUntil = stamp(now.Add(spec.OnceFor))
	}
	if len(spec.Args) > 0 {
		args = value.OfJSON(string(spec.Args))
	}
	values := []value.Value{
		value.OfUUID(id), value.OfText(spec.Queue), value.OfText(spec.Name), value.OfText(state), value.OfText(key),
		value.OfInt(int64(MaxPriority - spec.Priority)), stamp(runAt), turnAt, value.OfInt(int64(tries)), optional(spec.Once), onceUntil,
		optional(spec.Table), optional(spec.Row), args, optional(spec.By), optional(spec.Trace), stamp(now),
	}
	in := insertion{id: id}
	sql := q.sql.insert
	if spec.Once != "" {
		sql = q.sql.insertOnce
		in.steps = append(in.steps, store.Step{Statement: store.Statement{SQL: q.sql.forgetOnce, Args: []value.Value{value.OfText(spec.Once), stamp(now)}}})
	}
	in.steps = append(in.steps, store.Step{Statement: store.Statement{SQL: sql, Args: values}})
	return in, nil
}

// check returns what is wrong with a job.
func (s *Insert) check() error {
	switch {
	case s.Name == "" || s.Queue == "":
		return errs.New(errs.Invalid, "a job needs a name and a queue")
	case s.Priority < 0 || s.Priority > MaxPriority:
		return errs.New(errs.Invalid, "the priority of a job is a number from 0 to %d", MaxPriority)
	case s.Tries < 0:
		return errs.New(errs.Invalid, "the tries of a job are a positive number")
	case len(s.Args) > MaxArgs:
		return errs.New(errs.TooLarge, "the arguments of a job have %d bytes, and at most %d are accepted: store the data in a row, and pass its id", len(s.Args), MaxArgs)
	case len(s.Args) > 0 && !jsontext.Value(s.Args).IsValid():
		return errs.New(errs.Invalid, "the arguments of a job are no JSON")
	case tooLong(s.Name, maxName) || tooLong(s.Queue, maxName) || tooLong(s.Key, maxKey) || tooLong(s.Once, model.MaxIndexedText):
		return errs.New(errs.Invalid, "a job has a name or a queue of more than %d characters, a key of more than %d, or a text for once of more than %d",
			maxName, maxKey, model.MaxIndexedText)
	}
	return nil
}

func tooLong(text string, most int) bool {
	return len(text) > most && utf8.RuneCountInString(text) > most
}
