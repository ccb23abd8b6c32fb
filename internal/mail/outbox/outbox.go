// Package outbox queues letters as jobs, and sends them when the jobs run.
//
// A request only adds a job, in its own transaction: the work is the same for every address. The message is composed when
// the job runs. So a request tells nothing about an account, and no code or link waits in the database.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Queue is the name of the queue of letters, and of its jobs. No queue and no job of a model has a name with a dot.
const Queue = "ashlar.mail"

// attemptTime bounds one attempt.
const attemptTime = time.Minute

// QueueConfig returns the queue that job.Open needs for letters.
func QueueConfig() job.QueueConfig { return job.QueueConfig{Name: Queue, Workers: 4, Fixed: true} }

// A Composer says what a letter says when its turn comes. It returns false if there is nothing to send. The letter then
// counts as sent.
type Composer func(ctx context.Context, letter mail.Letter) (message mail.Message, send bool, err error)

// Config tunes an Outbox. Jobs, Compose and Mailer are required.
type Config struct {
	Jobs    *job.Queue // with the queue of QueueConfig
	Compose Composer
	Mailer  *mail.Mailer
	Logger  *slog.Logger // nil: no log
}

// An Outbox holds letters until they are sent. It is safe for concurrent use.
type Outbox struct {
	cfg     Config
	working working
}

// New returns an outbox, and makes the jobs of this node send its letters.
func New(cfg Config) *Outbox {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	o := &Outbox{cfg: cfg}
	cfg.Jobs.Handle(Queue, attemptTime, o.attempt)
	return o
}

// The bounds of a letter: its kind in characters, its data in bytes of JSON.
const (
	maxKind = 40
	maxData = 4096
)

// Queue adds a letter in a transaction.
func (o *Outbox) Queue(tx *record.Tx, letter mail.Letter) (err error) {
	defer errs.Wrap(&err, "outbox.Queue(%s)", letter.Kind)
	if letter.Kind == "" || len(letter.Kind) > maxKind {
		return fmt.Errorf("invalid kind of letter %q", letter.Kind)
	}
	if err := mail.CheckAddress(letter.To); err != nil {
		return err
	}
	letter.Lang = mail.OneLine(letter.Lang, mail.MaxLang)
	data, err := json.Marshal(letter.Data)
	if err == nil && len(data) > maxData {
		err = errors.New("the data of a letter is too large")
	}
	if err != nil {
		return err
	}
	args, err := json.Marshal(letter)
	if err != nil {
		return err
	}
	_, _, err = o.cfg.Jobs.Enqueue(tx.Store(), job.Insert{Name: Queue, Queue: Queue, Priority: priority, Args: args})
	return err
}

// priority is the one that jobs have by default.
const priority = 5

// SendNow sends a letter at once, past the queue. It is for letters about a database that cannot be written.
func (o *Outbox) SendNow(ctx context.Context, id string, letter mail.Letter) error {
	_, err := o.send(ctx, id, letter)
	return err
}

// attempt is the work on the job of a letter.
func (o *Outbox) attempt(ctx context.Context, j *job.Job) error {
	defer o.working.begin(j.ID)()
	var letter mail.Letter
	if err := json.Unmarshal(j.Args, &letter); err != nil {
		return job.Permanent(err)
	}
	telemetry.RecordOf(ctx).Does(letter.Kind)
	sent, err := o.send(ctx, j.ID, letter)
	switch {
	case mail.IsPermanent(err):
		return job.Permanent(err)
	case err != nil:
		return errs.New(errs.Unavailable, "%v", err)
	case !sent:
		j.SetResult([]byte(`{"sent":false,"why":"there is nothing to say any more"}`))
		return nil
	}
	o.cfg.Logger.Info("mail sent", "mail", j.ID, "kind", letter.Kind, "attempts", j.Attempt)
	return nil
}

// send composes and sends a letter. It returns false if there is nothing to send. No error holds a secret of the message.
func (o *Outbox) send(ctx context.Context, id string, letter mail.Letter) (sent bool, err error) {
	defer errs.Wrap(&err, "mail %s", letter.Kind)
	message, wanted, err := o.cfg.Compose(ctx, letter)
	if err != nil || !wanted {
		return false, message.Data.Redact(err)
	}
	if message.To == "" {
		message.To = letter.To
	}
	return true, o.cfg.Mailer.SendMessage(ctx, id, letter.Lang, message)
}
