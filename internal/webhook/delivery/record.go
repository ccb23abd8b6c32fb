package delivery

import (
	"encoding/json"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A Try is one attempt to send a message.
type Try struct {
	At     time.Time `json:"at"`
	Status int       `json:"status,omitempty"` // 0: no answer
	Millis int64     `json:"ms"`
	Error  string    `json:"error,omitempty"`
	Trial  bool      `json:"trial,omitempty"` // of a failing endpoint
}

// keptTries is how many attempts a delivery keeps. Replays may add some.
const keptTries = 20

func triesOf(text []byte) (tries []Try) {
	_ = json.Unmarshal(text, &tries) // what cannot be read is dropped
	return tries
}

// An outcome is what came of an attempt.
type outcome struct {
	*parcel
	Try
	result webhook.Outcome
	wanted time.Duration // by Retry-After
	ended  time.Time
}

// record stores the outcome of an attempt in the delivery and in the breaker of the endpoint, and adds the jobs that follow
// from it. after counts the outcome, once it is committed.
func (p *pump) record(tx store.Tx, e *endpoint, done *outcome) (after func(), err error) {
	now := p.now()
	state, nextAt, attempts := Delivered, now, done.attempts+1
	if done.result != webhook.Delivered {
		state = Failed
		if pause, ok := webhook.Pause(attempts+1, done.wanted, p.cfg.random()); ok && done.result != webhook.Gone {
			state, nextAt = Waiting, now.Add(pause)
		}
	}
	tries := append(done.tries, done.Try)
	text, err := json.Marshal(tries[max(0, len(tries)-keptTries):])
	if err != nil {
		return nil, err
	}
	changed, err := tx.Exec(p.sql.of(endSending), []value.Value{
		value.OfUUID(done.id), value.OfText(done.sender), value.OfText(state), value.OfInt(int64(attempts)), value.OfJSON(string(text)), stamp(nextAt), stamp(now),
	})
	if err != nil || changed == 0 { // somebody else has taken it back
		return func() {}, err
	}
	status := value.Value{}
	if done.Status > 0 {
		status = value.OfInt(int64(done.Status))
	}
	if _, err := tx.Exec(p.sql.of(saveAttempt), []value.Value{value.OfText(e.key), stamp(done.At), status}); err != nil {
		return nil, err
	}
	if state == Waiting {
		if err := p.summon(tx, e.key, nextAt, ""); err != nil {
			return nil, err
		}
	}
	if err := p.follow(tx, e, done, state); err != nil {
		return nil, err
	}
	return func() { p.count(state, done) }, nil
}

// follow takes the outcome into the breaker, and lets go what waited for it.
func (p *pump) follow(tx store.Tx, e *endpoint, done *outcome, state string) error {
	former := e.Breaker
	e.Breaker = former.Record(done.ticket, done.result, done.wanted, p.now())
	if e.Breaker != former {
		if err := p.saveBreaker(tx, e); err != nil {
			return err
		}
	}
	if e.NotBefore != former.NotBefore {
		if err := p.wake(tx, e); err != nil {
			return err
		}
	}
	if former.State == webhook.Failing && e.State == webhook.Active {
		for range AtOnce - 1 { // this job sends what has gathered, and these help
			if err := p.summon(tx, e.key, time.Time{}, ""); err != nil {
				return err
			}
		}
	}
	if done.order == "" || state == Waiting {
		return nil
	}
	released, err := tx.Exec(p.sql.of(releaseHeld), []value.Value{value.OfText(e.key), value.OfText(done.order), stamp(p.now())})
	if err != nil || released == 0 {
		return err
	}
	return p.summon(tx, e.key, time.Time{}, "")
}

func (p *pump) count(state string, done *outcome) {
	switch {
	case state == Delivered:
		p.tally.delivered.Add(1)
		return
	case state == Failed:
		p.tally.givenUp.Add(1)
	}
	p.tally.failed.Add(1)
	p.cfg.Logger.Debug("a webhook was not delivered", "webhook", done.hook, "delivery", done.id, "status", done.Status, "error", done.Error)
}
