package mail

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const (
	maxAttempts  = 12
	firstPause   = 5 * time.Second // before the second attempt; it doubles up to longestPause
	longestPause = time.Hour
	attemptTime  = time.Minute     // bounds one attempt
	lease        = 5 * time.Minute // is longer than an attempt
	stopTime     = 5 * time.Second // for attempts under way when the worker stops
	pollPause    = 5 * time.Second // between two looks for letters of other processes, and for repetitions
	sweepPause   = time.Hour
	keepFinished = 7 * 24 * time.Hour
)

// Run sends letters until ctx ends. It returns when no attempt is under way any more. Any number of processes may run
// workers on one database.
func (o *Outbox) Run(ctx context.Context) error {
	// Attempts under way get stopTime to end, so that fewer letters are sent twice.
	working, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	context.AfterFunc(ctx, func() { time.AfterFunc(o.stopTime, cancel) })
	var attempts sync.WaitGroup
	defer attempts.Wait()
	slots := make(chan struct{}, o.cfg.Workers)
	var swept time.Time
	for {
		if now := o.cfg.Now(); now.Sub(swept) >= sweepPause {
			if err := o.purging.Look(ctx, o.sweep); err != nil {
				return stopped(ctx, err)
			}
			swept = now
		}
		found, err := o.start(ctx, working, slots, &attempts)
		if err != nil {
			return stopped(ctx, err)
		}
		if found == duePage { // there may be more
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wake:
		case <-time.After(jittered(pollPause)):
		}
	}
}

// stopped returns the error of a worker: the end of ctx if that caused it.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// start starts attempts for the letters that are due. It returns how many there were.
func (o *Outbox) start(ctx, working context.Context, slots chan struct{}, attempts *sync.WaitGroup) (found int, err error) {
	var ids []string
	err = o.looking.Look(ctx, func(ctx context.Context) (err error) {
		ids, err = o.due(ctx)
		telemetry.RecordOf(ctx).Found(len(ids))
		return err
	})
	if err != nil {
		return 0, err
	}
	o.tally.due.Store(int64(len(ids)))
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] }) // other processes see the same letters
	for _, id := range ids {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case slots <- struct{}{}:
		}
		r, ok, err := o.claim(ctx, id)
		if err != nil || !ok {
			<-slots
			if err != nil {
				return 0, err
			}
			continue
		}
		attempts.Add(1)
		background.Go("mail", func() error { return o.attempt(working, r) }, func(err error) {
			background.Report(o.cfg.Logger)(err)
			<-slots
			attempts.Done()
		})
	}
	return len(ids), nil
}

// attempt composes and sends a letter, and notes the outcome. The error says why it could not be noted.
func (o *Outbox) attempt(working context.Context, r row) (unnoted error) {
	err := o.sending.Do(working, func(working context.Context) (unsent error) {
		telemetry.RecordOf(working).Does(r.Kind)
		unsent, unnoted = o.try(working, r)
		return errors.Join(unsent, unnoted)
	})
	if _, panicked := errors.AsType[*background.PanicError](err); panicked {
		return err
	}
	return unnoted
}

// try returns why the letter was not sent, without secrets, and why that could not be noted.
func (o *Outbox) try(working context.Context, r row) (unsent, unnoted error) {
	defer o.tally.begin(r.ID)()
	ctx, cancel := context.WithTimeout(working, attemptTime)
	defer cancel()
	var message Message
	err := background.Guard("mail "+r.Kind, func() (err error) {
		message, err = o.deliver(ctx, r)
		return err
	})
	noting, cancelNoting := context.WithTimeout(context.WithoutCancel(working), stopTime)
	defer cancelNoting()
	outcome, unsent := o.outcome(working, r, message, err)
	ok, unnoted := o.update(noting, &r, outcome)
	if unnoted == nil && !ok {
		o.cfg.Logger.Warn("a mail took longer than its lease: it may be sent twice", "mail", r.ID)
	}
	return unsent, unnoted
}

// deliver sends a letter, or finds that there is nothing to send. It returns the message for its secrets.
func (o *Outbox) deliver(ctx context.Context, r row) (Message, error) {
	message, send, err := o.cfg.Compose(ctx, r.letter())
	if err != nil || !send {
		return message, err
	}
	if message.To == "" {
		message.To = r.Address
	}
	m, err := o.cfg.Templates.render(message, r.Lang)
	if err != nil {
		return message, err
	}
	m.id, m.at = r.ID, o.cfg.Now()
	return message, o.cfg.Sender.send(ctx, m)
}

// outcome returns the change of a row after an attempt, and logs it. err is why the letter was not sent, or nil. unsent is the
// same without secrets, and nil if the worker stops.
func (o *Outbox) outcome(working context.Context, r row, message Message, err error) (_ change, unsent error) {
	now := o.cfg.Now()
	if err == nil {
		o.tally.sent.Add(1)
		o.cfg.Logger.Info("mail sent", "mail", r.ID, "kind", r.Kind, "attempts", r.Attempts)
		return change{"state": sent, "sent_at": jsontext.Value(stampOf(now)), "data": nil, "error": nil}, nil
	}
	text := errs.Clip(oneLine(message.Data.redact(err.Error()), maxError), maxError)
	if working.Err() != nil { // the worker stops: another one goes on at once
		return change{"due_at": jsontext.Value(stampOf(now)), "attempts": r.Attempts - 1, "error": text}, nil
	}
	if _, final := errors.AsType[*permanentError](err); final || r.Attempts >= maxAttempts {
		o.tally.failed.Add(1)
		o.cfg.Logger.Error("mail failed", "mail", r.ID, "kind", r.Kind, "attempts", r.Attempts, "error", text)
		return change{"state": failed, "data": nil, "error": text}, errors.New(text)
	}
	wait := pauseAfter(r.Attempts)
	o.tally.repeated.Add(1)
	o.cfg.Logger.Warn("mail not sent yet", "mail", r.ID, "kind", r.Kind, "attempts", r.Attempts, "again_in", wait, "error", text)
	return change{"due_at": jsontext.Value(stampOf(now.Add(wait))), "error": text}, errs.New(errs.Unavailable, "%s", text)
}

// pauseAfter returns the time until the next attempt.
func pauseAfter(attempts int) time.Duration {
	return jittered(min(firstPause<<(attempts-1), longestPause))
}

// jittered returns a random duration between three quarters of wait and five quarters.
func jittered(wait time.Duration) time.Duration { return wait*3/4 + rand.N(wait/2) }

// redact returns text without the secrets of the data. Servers repeat parts of what they refuse.
func (d Data) redact(text string) string {
	secrets := []string{d.Code, d.Path}
	if _, token, ok := strings.Cut(d.Path, "#"); ok {
		secrets = append(secrets, token)
	}
	if _, query, ok := strings.Cut(d.Path, "?"); ok {
		secrets = append(secrets, query)
	}
	for _, secret := range secrets {
		if len(secret) > 3 {
			text = strings.ReplaceAll(text, secret, "REDACTED")
		}
	}
	return text
}
