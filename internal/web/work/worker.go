package work

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/input"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// What a worker says of a job that it has leased.
const (
	doneVerb    = ":done"
	failVerb    = ":fail"
	extendVerb  = ":extend"
	releaseVerb = ":release"
)

const (
	maxLeased = 100
	maxWait   = 30 // seconds
	forAnswer = 3 * time.Second
)

// mayWork refuses callers who are no workers for a job. The scopes of a key bound its owner, who must have the right already. A
// user has no right to jobs, and could make a key with any scope. So only service accounts are workers: operators make them.
func mayWork(who caller.Caller, name string) error {
	switch scopes := who.Scopes(); {
	case who.IsSystem():
		return nil
	case who.IsAnonymous():
		return errs.New(errs.Unauthenticated, "authentication required: send the key of a service account")
	case who.Kind() != caller.KindService:
		return errs.New(errs.Forbidden, "only keys of service accounts lease jobs")
	case scopes == nil || !slices.Contains(scopes.Jobs, name):
		return errs.New(errs.Forbidden, "the scopes of this key do not name the job %s: see accounts.keys.scopes", errs.Clip(name, 60))
	}
	return nil
}

// A leaseBody is the body of POST /jobs:lease.
type leaseBody struct {
	Names []string
	Max   int
	Wait  int // seconds
}

// A leased is a job as its worker gets it.
type leased struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Args    json.RawMessage `json:"args"`
	Table   string          `json:"table,omitempty"` // of the row that the job is about
	Row     string          `json:"row,omitempty"`
	Attempt int             `json:"attempt"`
	Tries   int             `json:"tries"`
	Lease   string          `json:"lease"`
	Until   time.Time       `json:"lease_until"`
	Trace   string          `json:"traceparent,omitempty"`
}

// lease serves POST /jobs:lease.
func (h *Handler) lease(w http.ResponseWriter, r *http.Request) error {
	members, err := readMembers(w, r)
	if err != nil {
		return err
	}
	body := leaseBody{Max: 1}
	if err := body.read(members); err != nil {
		return err
	}
	want := job.LeaseOrder{Names: body.Names, Most: body.Max, Wait: time.Duration(body.Wait) * time.Second}
	who := web.Caller(r)
	for _, name := range body.Names {
		if err := mayWork(who, name); err != nil {
			return err
		}
		j := h.model.Job(name)
		if j == nil || !j.Pull {
			return memberFault("names", "no worker leases a job "+errs.Clip(name, 60))
		}
		if !slices.Contains(want.Queues, j.Queue) {
			want.Queues = append(want.Queues, j.Queue)
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)()
	if deadline, ok := ctx.Deadline(); ok { // time to answer must be left
		want.Wait = max(0, min(want.Wait, time.Until(deadline)-forAnswer))
	}
	if want.Wait > 0 {
		web.Leave(r)
	}
	jobs, err := h.leaseDue(ctx, want)
	if err != nil && !(errors.Is(err, context.Canceled) && h.stopping.Err() != nil && r.Context().Err() == nil) {
		return err
	}
	items := make([]leased, 0, len(jobs))
	for _, j := range jobs {
		items = append(items, leased{
			ID: j.ID, Name: j.Name, Args: j.Args, Table: j.Table, Row: j.Row, Attempt: j.Attempt, Tries: j.Tries, Lease: j.Lease, Until: j.Until.UTC(), Trace: j.Trace,
		})
	}
	return answer(w, http.StatusOK, map[string]any{"items": items})
}

// leaseDue leases jobs, and ends the timers among them that no longer hold. It goes on until a job is left or none waits.
func (h *Handler) leaseDue(ctx context.Context, want job.LeaseOrder) ([]*job.Job, error) {
	deadline := time.Now().Add(want.Wait)
	for {
		jobs, err := h.queue.Lease(ctx, want)
		if err != nil || len(jobs) == 0 {
			return nil, err
		}
		if jobs, err = h.endUndue(ctx, jobs); err != nil || len(jobs) > 0 {
			return jobs, err
		}
		want.Wait = max(0, time.Until(deadline))
	}
}

// endUndue ends the timers that no longer hold, and returns the other jobs. After an error it gives all of them back.
func (h *Handler) endUndue(ctx context.Context, jobs []*job.Job) (due []*job.Job, err error) {
	for i, j := range jobs {
		holds := true
		if own := h.model.Job(j.Name); own != nil && own.At != nil {
			holds, err = h.due(ctx, j)
		}
		if err == nil && !holds {
			err = h.queue.Done(ctx, j, nil)
		}
		switch {
		case err != nil:
			for _, left := range append(due, jobs[i:]...) {
				err = errors.Join(err, h.queue.Release(context.WithoutCancel(ctx), left))
			}
			return nil, err
		case holds:
			due = append(due, j)
		}
	}
	return due, nil
}

// read reads the members of a body.
func (b *leaseBody) read(members []value.Member) error {
	for _, m := range members {
		switch m.Name {
		case "names":
			if err := json.Unmarshal(m.Raw, &b.Names); err != nil || slices.Contains(b.Names, "") { // null is read as ""
				return memberFault("names", "it must be a list of names of jobs")
			}
		case "max":
			if err := json.Unmarshal(m.Raw, &b.Max); err != nil || b.Max < 1 || b.Max > maxLeased {
				return memberFault("max", "it must be a number from 1 to 100")
			}
		case "wait":
			if err := json.Unmarshal(m.Raw, &b.Wait); err != nil || b.Wait < 0 || b.Wait > maxWait {
				return memberFault("wait", "it must be a number of seconds from 0 to 30")
			}
		default:
			return unknownMember(m.Name, "names, max and wait")
		}
	}
	if len(b.Names) == 0 || len(b.Names) > maxLeased {
		return memberFault("names", "it must name the jobs that the worker can do, from 1 to 100")
	}
	slices.Sort(b.Names)
	b.Names = slices.Compact(b.Names)
	return nil
}

func unknownMember(name, known string) error {
	e := errs.New(errs.Invalid, "the body has a fault")
	e.Faults = []errs.Fault{{Pointer: input.Pointer(errs.Clip(name, 60)), Code: "unknown", Detail: "there is no such member; there are " + known}}
	return e
}

// A settleBody is the body of a request about a leased job. Which members it may have depends on the verb.
type settleBody struct {
	lease      string
	result     []byte
	failure    string
	retryAfter time.Duration
	permanent  bool
}

// settle serves POST /jobs/{id}:done, :fail, :extend and :release.
func (h *Handler) settle(w http.ResponseWriter, r *http.Request) error {
	id, verb, ok := strings.Cut(r.PathValue("idAndVerb"), ":")
	verb = ":" + verb
	members, known := settleMembers(verb)
	if !ok || !known {
		return errs.New(errs.NotFound, "no such path")
	}
	if who := web.Caller(r); !who.IsSystem() && who.Kind() != caller.KindService {
		return mayWork(who, "")
	}
	sent, err := readMembers(w, r)
	if err != nil {
		return err
	}
	var body settleBody
	if err := body.read(sent, members); err != nil {
		return err
	}
	j, err := h.queue.Leased(r.Context(), id, body.lease)
	if err != nil {
		return err
	}
	own := h.model.Job(j.Name)
	if own == nil || !own.Pull {
		return job.NoJob(id) // a node does it
	}
	if err := mayWork(web.Caller(r), j.Name); err != nil {
		return err
	}
	return h.settleAs(w, r, verb, j, own, body)
}

func (h *Handler) settleAs(w http.ResponseWriter, r *http.Request, verb string, j *job.Job, own *model.Job, body settleBody) (err error) {
	switch verb {
	case doneVerb:
		err = h.queue.Done(r.Context(), j, body.result)
	case failVerb:
		err = h.queue.Fail(r.Context(), j, body.cause())
	case releaseVerb:
		err = h.queue.Release(r.Context(), j)
	case extendVerb:
		until, err := h.queue.Extend(r.Context(), j, own.AtMost)
		if err != nil {
			return err
		}
		return answer(w, http.StatusOK, map[string]any{"lease_until": until.UTC()})
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// settleMembers returns the members that the body of a verb may have.
func settleMembers(verb string) (names []string, known bool) {
	switch verb {
	case doneVerb:
		return []string{"lease", "result"}, true
	case failVerb:
		return []string{"lease", "error", "retry_after", "permanent"}, true
	case extendVerb, releaseVerb:
		return []string{"lease"}, true
	}
	return nil, false
}

func (b *settleBody) read(members []value.Member, names []string) error {
	for _, m := range members {
		if !slices.Contains(names, m.Name) {
			return unknownMember(m.Name, strings.Join(names, ", "))
		}
		switch m.Name {
		case "lease":
			if err := json.Unmarshal(m.Raw, &b.lease); err != nil {
				return memberFault("lease", "it must be the text that came with the job")
			}
		case "result":
			if b.result = m.Raw; len(b.result) > job.MaxResult {
				return errs.New(errs.TooLarge, "the result of a job has %d bytes, and at most %d are accepted: store it in a row, and send its id", len(b.result), job.MaxResult)
			}
		case "error":
			if err := json.Unmarshal(m.Raw, &b.failure); err != nil {
				return memberFault("error", "it must be a text")
			}
		case "retry_after":
			var seconds float64
			if err := json.Unmarshal(m.Raw, &seconds); err != nil || seconds < 0 || seconds > maxRetryAfter {
				return memberFault("retry_after", "it must be a number of seconds from 0 to 43200")
			}
			b.retryAfter = time.Duration(seconds * float64(time.Second))
		case "permanent":
			if err := json.Unmarshal(m.Raw, &b.permanent); err != nil {
				return memberFault("permanent", "it must be true or false")
			}
		}
	}
	switch {
	case b.lease == "":
		return memberFault("lease", "it must be the text that came with the job")
	case slices.Contains(names, "error") && b.failure == "":
		return memberFault("error", "it must say what went wrong")
	}
	return nil
}

// maxRetryAfter is the longest pause of a job, in seconds.
const maxRetryAfter = 12 * 60 * 60

// cause returns the error of a failed attempt.
func (b *settleBody) cause() error {
	err := errors.New(b.failure)
	switch {
	case b.permanent:
		return job.Permanent(err)
	case b.retryAfter > 0:
		return &job.RetryError{Err: err, After: b.retryAfter}
	}
	return err
}
