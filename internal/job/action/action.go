// Package action does what the jobs of a model say: it mails, posts, or calls a function.
//
// What a job reads of rows passes the rules of its caller: see Callers. The model is trusted with the address of a mail, which is
// read as the system.
package action

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A Func does a job. The context ends with the attempt. See job.Permanent, job.RetryError and job.Job.SetResult.
type Func func(ctx context.Context, j *job.Job) error

// Config holds what the actions of a model need.
type Config struct {
	Rules     *rule.Rules
	Rows      *record.DB
	Mailer    *mail.Mailer
	Egress    *outbound.Egress
	Targets   map[string]*model.Target // of model.ResolveTargets
	Key       webhook.SigningKey       // of the server
	Functions map[string]Function      // of the program, by name of the job
	API       API                      // answers the requests of Functions; nil: there is none

	User func(ctx context.Context, id string) (caller.Caller, error) // a user as whom a job acts; nil: users have no roles
	Due  func(ctx context.Context, j *job.Job) (bool, error)         // whether a timer still holds; nil: it does
	Now  func() time.Time                                            // nil: time.Now
}

// An Actor does the jobs of a model. It is safe for concurrent use.
type Actor struct {
	cfg    Config
	client *http.Client
}

// New returns an Actor.
func New(cfg Config) *Actor {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	given := []string{}
	for _, target := range cfg.Targets {
		if address, err := url.Parse(string(target.URL.Value)); err == nil {
			given = append(given, outbound.GivenHost(address))
		}
	}
	return &Actor{cfg, cfg.Egress.Client(outbound.Use{Given: given})}
}

// Handlers returns a function for each job of the model that mails, posts or calls a function, by the name of the job.
func (a *Actor) Handlers() map[string]Func {
	all := map[string]Func{}
	for _, j := range a.cfg.Rules.Model.Jobs {
		var do Func
		switch {
		case j.Mail != nil:
			do = func(ctx context.Context, run *job.Job) error { return a.mail(ctx, j, run) }
		case j.Post != nil:
			do = func(ctx context.Context, run *job.Job) error { return a.post(ctx, j, run) }
		case j.Func:
			do = a.function(j)
		}
		if do != nil {
			all[j.Name] = a.ifDue(j, do)
		}
	}
	return all
}

// ifDue asks a timer again when its time has come.
func (a *Actor) ifDue(j *model.Job, do Func) Func {
	if j.At == nil || a.cfg.Due == nil {
		return do
	}
	return func(ctx context.Context, run *job.Job) error {
		if holds, err := a.cfg.Due(ctx, run); err != nil || !holds {
			return err
		}
		return do(ctx, run)
	}
}

// Caller returns whom the rules see when a job acts.
func (a *Actor) Caller(ctx context.Context, j *model.Job, run *job.Job) (caller.Caller, error) {
	name := "job " + j.Name
	switch as := j.As; {
	case as == nil:
		return caller.Caller{}, nil
	case as.System:
		return caller.System(name), nil
	case as.User == "":
		return caller.Service(caller.Identity{ID: name, Roles: as.Roles}), nil
	}
	id, err := a.userOf(ctx, j, run)
	if err != nil {
		return caller.Caller{}, err
	}
	if a.cfg.User == nil {
		return caller.User(caller.Identity{ID: id}), nil
	}
	return a.cfg.User(ctx, id)
}

// errGone ends a job about a row that is no longer there. It is no failure.
var errGone = errors.New("the row is gone")

// userOf returns the id of the user as whom a job acts: a reference in its row, or in its arguments.
func (a *Actor) userOf(ctx context.Context, j *model.Job, run *job.Job) (string, error) {
	source := run.Args
	if j.AboutRow() {
		var err error
		if source, err = a.read(ctx, caller.System("job "+j.Name), run, j.As.User); err != nil {
			return "", err
		}
	}
	id, err := memberOf(source, j.As.User)
	if err == nil && id == "" {
		err = job.Permanent(fmt.Errorf("%s has no value, so there is no user to act as", j.As.User))
	}
	return id, err
}
