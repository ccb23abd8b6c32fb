package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// A parcel is a delivery that this process sends.
type parcel struct {
	id, message, hook, event string
	sender                   string // proves that the delivery is still ours
	order                    string
	attempts                 int
	tries                    []Try
	body                     []byte
	ticket                   webhook.Ticket
	to                       *endpoint
}

// A pump is one job for an endpoint.
type pump struct {
	*Service
	at     address
	sender string
	until  time.Time // then another job goes on
}

// pump sends what is due at an endpoint, until nothing is, the endpoint may get nothing now, or its slice of time is over.
//
// Every delivery that may be sent has a job to come that will look for it. A delivery is added with a job. A failed one gets a
// job for its next attempt, a held one when it is released, and the endpoint one for the end of each pause.
func (s *Service) pump(ctx context.Context, j *job.Job) error {
	var args struct {
		Endpoint string `json:"endpoint"`
	}
	if err := json.Unmarshal(j.Args, &args); err != nil {
		return job.Permanent(err)
	}
	at, ok := s.locate(args.Endpoint)
	if !ok {
		return s.abandon(ctx, args.Endpoint)
	}
	p := &pump{Service: s, at: at, sender: senderOf(j.ID, j.Attempt), until: s.now().Add(s.cfg.slice)}
	if j.Attempt > 1 {
		if err := p.takeBack(ctx, j); err != nil {
			return err
		}
	}
	for done := (*outcome)(nil); ; {
		next, changed, err := p.turn(ctx, done)
		if err != nil {
			return err
		}
		if changed {
			if err := s.show(ctx, at); err != nil {
				s.cfg.Logger.Warn("the state of an endpoint could not be written into its row", "endpoint", at.key, "error", err)
			}
		}
		if next == nil {
			return nil
		}
		done = s.send(ctx, next)
		if ctx.Err() != nil { // the node stops, or the lease is over: this was no attempt
			return errors.Join(ctx.Err(), p.giveBack(ctx))
		}
	}
}

func senderOf(id string, attempt int) string { return id + ":" + strconv.Itoa(attempt) }

// giveBack lets others send what this pump has taken.
func (p *pump) giveBack(ctx context.Context) error {
	return p.write(context.WithoutCancel(ctx), func(tx store.Tx) error { return p.back(tx, p.sender) })
}

// takeBack takes what former attempts of the same job were sending: their workers are gone.
func (p *pump) takeBack(ctx context.Context, j *job.Job) error {
	return p.write(ctx, func(tx store.Tx) error {
		for attempt := 1; attempt < j.Attempt; attempt++ {
			if err := p.back(tx, senderOf(j.ID, attempt)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *pump) back(tx store.Tx, sender string) error {
	_, err := tx.Exec(p.sql.of(backOfSender), []value.Value{value.OfText(p.at.key), stamp(p.now()), value.OfText(sender)})
	return err
}

// turn records the outcome of the last delivery, and takes the next one, in one transaction. changed says that the breaker is
// in a state that the row of the endpoint does not show.
func (p *pump) turn(ctx context.Context, done *outcome) (next *parcel, changed bool, err error) {
	var after func()
	err = p.write(ctx, func(tx store.Tx) error {
		next, changed, after = nil, false, func() {}
		e, err := p.lock(tx, p.at)
		if err != nil {
			return err
		}
		if done != nil {
			if after, err = p.record(tx, e, done); err != nil {
				return err
			}
		}
		if e.follow() {
			if err := errors.Join(p.saveBreaker(tx, e), p.saveShown(tx, e)); err != nil {
				return err
			}
		}
		changed = stateOf(string(e.State)) != e.shown && !e.gone
		if e.gone || e.State == webhook.Disabled {
			_, err := p.giveUpAll(tx, e.key)
			return err
		}
		next, err = p.take(tx, e)
		return err
	})
	if err == nil && after != nil {
		after()
	}
	return next, changed, err
}

// take chooses the next delivery of an endpoint, if it may get one now.
func (p *pump) take(tx store.Tx, e *endpoint) (*parcel, error) {
	now := p.now()
	after, ticket, ok := e.Allow(now)
	if !ok {
		return nil, nil // a job for the end of the pause is there
	}
	if now.After(p.until) {
		return nil, p.summon(tx, e.key, time.Time{}, "")
	}
	if room, err := p.hasRoom(tx, e); err != nil || !room {
		return nil, err
	}
	next, err := p.first(tx, e, now)
	if err != nil || next == nil {
		return nil, err
	}
	next.ticket = ticket
	if after != e.Breaker { // a trial has begun
		e.Breaker = after
		if err := p.saveBreaker(tx, e); err != nil {
			return nil, err
		}
		if err := p.wake(tx, e); err != nil {
			return nil, err
		}
	}
	until := now.Add(2*p.cfg.timeout + callTime)
	taken, err := tx.Exec(p.sql.of(beginSending), []value.Value{value.OfUUID(next.id), value.OfText(p.sender), stamp(until), stamp(now)})
	if err != nil || taken == 0 {
		return nil, err
	}
	return next, nil
}

// hasRoom reports whether another message may go to an endpoint. One that failed lately gets one at a time: a dead endpoint
// would otherwise occupy several workers. Whoever sends to it goes on with the next message.
func (p *pump) hasRoom(tx store.Tx, e *endpoint) (room bool, err error) {
	if e.Failures == 0 {
		return true, nil
	}
	err = tx.Query(p.sql.of(countSending), []value.Value{value.OfText(e.key)}, func(row value.Row) error {
		room = row.Int(0) == 0
		return nil
	})
	return room, err
}

// wake adds a job for the end of the pause of an endpoint. Its text for once has the time, so another pause has another job.
func (s *Service) wake(tx store.Tx, e *endpoint) error {
	if !e.NotBefore.After(s.now()) || e.State == webhook.Disabled {
		return nil
	}
	return s.summon(tx, e.key, e.NotBefore, "wake:"+e.key+":"+strconv.FormatInt(e.NotBefore.UnixMicro(), 10))
}

// first reads the delivery that has been due for the longest time.
func (p *pump) first(tx store.Tx, e *endpoint, now time.Time) (next *parcel, err error) {
	err = tx.Query(p.sql.of(nextDelivery), []value.Value{value.OfText(e.key), stamp(now)}, func(row value.Row) error {
		next = &parcel{
			id: textOf(row, 0), message: textOf(row, 1), hook: textOf(row, 2), attempts: int(row.Int(3)), tries: triesOf(bytesOf(row, 4)),
			order: textOf(row, 5), event: textOf(row, 7), body: bytesOf(row, 8), sender: p.sender, to: e,
		}
		return nil
	})
	return next, err
}

// giveUpAll ends deliveries that nobody will send. ended is false if there may be more.
func (s *Service) giveUpAll(tx store.Tx, key string) (ended bool, err error) {
	changed, err := tx.Exec(s.sql.of(giveUpWaiting), []value.Value{value.OfText(key), stamp(s.now())})
	if err != nil || changed < giveUpBatch {
		return true, err
	}
	return false, s.summon(tx, key, time.Time{}, "")
}

const giveUpBatch = 500

// abandon ends the deliveries to an endpoint that the model does not have any more.
func (s *Service) abandon(ctx context.Context, key string) error {
	return s.write(ctx, func(tx store.Tx) error {
		_, err := s.giveUpAll(tx, key)
		return err
	})
}
