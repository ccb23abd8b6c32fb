// Package request starts the jobs that requests ask for.
package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Config holds what a Starter needs. Only Now may be missing.
type Config struct {
	Rules *rule.Rules
	Store store.DB
	Rows  *record.DB
	Queue *job.Queue
	Now   func() time.Time // nil: time.Now
}

// A Starter starts jobs. It is safe for concurrent use.
type Starter struct{ cfg Config }

// New returns a Starter.
func New(cfg Config) *Starter {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Starter{cfg}
}

// A Request asks for a job.
type Request struct {
	Job   *model.Job
	Args  []value.Member
	RunAt time.Time // zero: at once
	Trace string    // traceparent of the request
}

// A Started is the job of a request.
type Started struct {
	ID    string
	State string
	Added bool // false: there was the same job already, see model.JobOnce
}

// Start adds a job for a caller. It checks, in this order, the scopes of the caller's key, the arguments, the rule of the job,
// and that the caller may read the rows to which arguments refer. Its errors have the kinds of a refused new row.
func (s *Starter) Start(ctx context.Context, who caller.Caller, want Request) (started Started, err error) {
	defer errs.Wrap(&err, "request.Start(%s)", want.Job.Name)
	if scopes := who.Scopes(); scopes != nil && !slices.Contains(scopes.Jobs, want.Job.Name) {
		return Started{}, errs.New(errs.Forbidden, "the scopes of this key do not name the job %s", want.Job.Name)
	}
	body := readArgs(want.Job, want.Args)
	if err := body.err(); err != nil && !who.IsAnonymous() { // the rule may be about arguments that are missing
		return Started{}, err
	}
	if !s.mayStart(who, want.Job, body.values) {
		return Started{}, denied(who)
	}
	if err := body.err(); err != nil {
		return Started{}, err
	}
	spec := s.insertOf(who, want, body)
	err = s.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
		rows := s.cfg.Rows.In(tx, who)
		defer rows.Done()
		if err := checkReferences(rows, want.Job, body.values); err != nil {
			return err
		}
		started = Started{}
		started.ID, started.Added, err = s.cfg.Queue.Enqueue(tx, spec)
		switch {
		case err != nil:
			return err
		case started.Added:
			started.State = job.StateAt(spec.RunAt, s.cfg.Now())
			return nil
		}
		same, err := s.cfg.Queue.Same(tx, spec.Once)
		started.ID, started.State = same.ID, same.State
		return err
	})
	return started, err
}

// mayStart asks the rule of a job. Arguments with faults are missing.
func (s *Starter) mayStart(who caller.Caller, j *model.Job, args map[string]value.Value) bool {
	if who.IsSystem() {
		return true
	}
	return rule.Holds(s.cfg.Rules.Job(j).Enqueue, &rule.Env{Caller: who, Now: s.cfg.Now().UnixMicro(), Args: args})
}

func denied(who caller.Caller) error {
	if who.IsAnonymous() {
		return errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	return errs.New(errs.Forbidden, "the access rules do not allow this")
}

// insertOf returns the job to add.
func (s *Starter) insertOf(who caller.Caller, want Request, body *args) job.Insert {
	j := want.Job
	spec := job.Insert{
		Name: j.Name, Queue: j.Queue, Priority: j.Priority, Tries: j.Tries, RunAt: want.RunAt, Args: body.json(), By: who.String(), Trace: want.Trace,
	}
	if queue := s.cfg.Rules.Model.Queue(j.Queue); queue != nil && queue.Each != nil {
		spec.Key = text(body.values, []string{queue.Each.By}, maxKey)
	}
	if j.Once != nil {
		spec.Once = "once:" + j.Name + ":" + text(body.values, j.Once.By, maxOnce)
		spec.OnceFor = j.Once.Within
	}
	return spec
}

const (
	maxKey  = 200
	maxOnce = 300
)

// text returns a text of at most so many bytes that no other values have.
func text(values map[string]value.Value, names []string, most int) string {
	var out []byte
	for i, name := range names {
		if i > 0 {
			out = append(out, ',')
		}
		out = value.AppendValue(out, values[name])
	}
	if len(out) <= most {
		return string(out)
	}
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:])
}

// checkReferences refuses arguments that refer to rows which the caller may not read.
func checkReferences(rows *record.Tx, j *model.Job, values map[string]value.Value) error {
	var missing []errs.Fault
	for _, field := range j.Args {
		id := values[field.Name]
		if field.Ref == nil || id.IsNull() {
			continue
		}
		_, err := rows.Get(field.Ref, id, record.Selection{Fields: "id"})
		switch errs.KindOf(err) {
		case "":
		case errs.NotFound, errs.Forbidden, errs.Unauthenticated:
			missing = append(missing, errs.Fault{Pointer: "/" + field.Name, Code: "reference", Detail: "there is no such row in " + field.Ref.Name})
		default:
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	e := errs.New(errs.Conflict, "a referenced row does not exist")
	e.Faults = missing
	return e
}

// State returns how far a job has come that the caller has started. Others learn nothing of it.
func (s *Starter) State(ctx context.Context, who caller.Caller, id string) (job.State, error) {
	state, err := s.cfg.Queue.State(ctx, id)
	if err != nil {
		return job.State{}, err
	}
	if !who.IsSystem() && (who.IsAnonymous() || owner(state.By) != owner(who.String())) {
		return job.State{}, job.NoJob(id)
	}
	return state, nil
}

// owner returns whose a caller's jobs are: a user's keys see what the user has started, and the other way round.
func owner(by string) string {
	if id, ok := strings.CutPrefix(by, caller.KindKey.String()+":"); ok {
		return caller.KindUser.String() + ":" + id
	}
	return by
}
