package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// Replays of an endpoint cost time: one delivery a second, many ten seconds. Who owes more than a minute waits.
const (
	replayCost  = time.Second
	replaysCost = 10 * time.Second
	mostOwed    = time.Minute

	// MostReplayed is how many deliveries one call replays at most.
	MostReplayed = 1000
)

// Replay sends a delivery again that was delivered or given up, with the same id and body. Its schedule begins anew. also runs in
// the same transaction.
func (s *Service) Replay(ctx context.Context, who caller.Caller, name, id string, also ...func(tx store.Tx) error) error {
	d, at, err := s.find(ctx, name, id)
	if err != nil {
		return err
	}
	if err := s.mayUpdate(ctx, who, at); err != nil {
		return hidden(err, id)
	}
	return s.write(ctx, func(tx store.Tx) error {
		if err := s.beginReplay(tx, who, at, replayCost); err != nil {
			return err
		}
		changed, err := tx.Exec(s.sql.of(replayOne), []value.Value{value.OfUUID(d.ID), stamp(s.now())})
		if err != nil {
			return err
		}
		if changed == 0 {
			return errs.New(errs.Conflict, "the delivery is on its way: it is %s", d.State)
		}
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		return s.summon(tx, at.key, time.Time{}, "")
	})
}

// Which says what ReplayEndpoint sends again.
type Which struct {
	Since  time.Time // deliveries since then; zero: of any time
	Failed bool      // the ones that were given up; false: also the delivered ones
	Most   int       // 0 means MostReplayed
}

// ReplayEndpoint sends deliveries of an endpoint again, the oldest first. more says that there are others. also runs in the same
// transaction, if there are any.
func (s *Service) ReplayEndpoint(ctx context.Context, who caller.Caller, name, endpoint string, which Which, also ...func(tx store.Tx) error) (replayed int, more bool, err error) {
	hook := s.cfg.Model.Webhook(name)
	if hook == nil {
		return 0, false, errs.New(errs.NotFound, "there is no webhook %s", errs.Clip(name, 60))
	}
	at, err := s.endpointOf(hook, endpoint)
	if err != nil {
		return 0, false, err
	}
	if which.Since.IsZero() && !which.Failed {
		return 0, false, errs.New(errs.Invalid, "say what to replay: since, failed, or both")
	}
	if which.Most < 1 || which.Most > MostReplayed {
		which.Most = MostReplayed
	}
	if err := s.mayUpdate(ctx, who, at); err != nil {
		return 0, false, err
	}
	condition := ofEnded
	if which.Failed {
		condition = ofFailed
	}
	err = s.write(ctx, func(tx store.Tx) error {
		replayed = 0
		if err := s.beginReplay(tx, who, at, replaysCost); err != nil {
			return err
		}
		changed, err := tx.Exec(s.sql.of(replayPart+condition+replayOrder), []value.Value{
			value.OfText(hook.Name), value.OfText(at.key), stamp(s.now()), value.OfUUID(firstID(which.Since)), value.OfInt(int64(which.Most)),
		})
		if err != nil || changed == 0 {
			return err
		}
		replayed = int(changed)
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		for range min(AtOnce, replayed) {
			if err := s.summon(tx, at.key, time.Time{}, ""); err != nil {
				return err
			}
		}
		return nil
	})
	return replayed, replayed == which.Most, err
}

// firstID returns the least id that a delivery of a time can have.
func firstID(at time.Time) string {
	var id uuid.UUID
	if !at.IsZero() {
		for i, millis := 0, at.UnixMilli(); i < 6; i++ {
			id[i] = byte(millis >> (8 * (5 - i)))
		}
		id[6] = 0x70
	}
	return id.String()
}

// beginReplay charges a replay, and refuses one to an endpoint that gets nothing. The endpoint of a webhook with one URL has
// no row in which an owner could enable it, so a replay does.
func (s *Service) beginReplay(tx store.Tx, who caller.Caller, at address, cost time.Duration) error {
	e, err := s.lock(tx, at)
	if err != nil {
		return err
	}
	changed := e.follow()
	if e.table == nil && e.State == webhook.Disabled {
		e.Breaker, e.shown, changed = webhook.Breaker{State: webhook.Active}, webhook.Active, true
	}
	switch {
	case e.gone:
		return noEndpoint(textOfID(at.id))
	case e.State == webhook.Disabled:
		return errs.New(errs.Conflict, "the endpoint is disabled: set its state to active first")
	case changed:
		if err := errors.Join(s.saveBreaker(tx, e), s.saveShown(tx, e)); err != nil {
			return err
		}
	}
	if who.IsSystem() {
		return nil
	}
	now := s.now()
	next := e.replay
	if next.Before(now) {
		next = now
	}
	if next = next.Add(cost); next.Sub(now) > mostOwed {
		refused := errs.New(errs.Limited, "there were many replays of this endpoint")
		refused.RetryAfter = next.Sub(now) - mostOwed
		return refused
	}
	_, err = tx.Exec(s.sql.of(saveReplay), []value.Value{value.OfText(at.key), stamp(next)})
	return err
}

var errProbe = errors.New("the probe of a right is undone")

// mayUpdate asks the rules whether a caller may change the row of an endpoint. It changes the state to what it is, and undoes
// that.
func (s *Service) mayUpdate(ctx context.Context, who caller.Caller, at address) error {
	if who.IsSystem() {
		return nil
	}
	if at.table == nil {
		return errs.New(errs.Forbidden, "the webhook has one address: its operators replay in the console")
	}
	err := s.cfg.Store.Write(ctx, func(tx store.Tx) error {
		state := ""
		err := tx.Query(s.sql.endpointRow(at.table), []value.Value{at.id}, func(row value.Row) error {
			state = string(stateOf(textOf(row, 2)))
			return nil
		})
		if err != nil {
			return err
		}
		if state == "" {
			return noEndpoint(textOfID(at.id))
		}
		rows := s.cfg.Rows.In(tx, who)
		defer rows.Done()
		if _, err := rows.Update(at.table, at.id, []value.Member{{Name: "state", Raw: []byte(`"` + state + `"`)}}, nil); err != nil {
			return err
		}
		return errProbe
	})
	if errors.Is(err, errProbe) {
		return nil
	}
	return err
}

// formerTime is for how long a former secret signs too.
const formerTime = 24 * time.Hour

// NewSecret gives an endpoint a new secret, and returns it: nobody can read it later. For a day the former one signs too.
func (s *Service) NewSecret(ctx context.Context, who caller.Caller, name, endpoint string) (secret string, err error) {
	hook := s.cfg.Model.Webhook(name)
	if hook == nil {
		return "", errs.New(errs.NotFound, "there is no webhook %s", errs.Clip(name, 60))
	}
	at, err := s.endpointOf(hook, endpoint)
	if err != nil {
		return "", err
	}
	if at.table == nil {
		return "", errs.New(errs.Forbidden, "the secret of the webhook %s is a setting of the server", hook.Name)
	}
	text := string(webhook.NewSecret().Text())
	err = s.cfg.Store.Write(ctx, func(tx store.Tx) error {
		e, err := s.lock(tx, at)
		if err != nil {
			return err
		}
		rows := s.cfg.Rows.In(tx, who)
		defer rows.Done()
		if _, err := rows.Update(at.table, at.id, []value.Member{{Name: "secret", Raw: []byte(`"` + text + `"`)}}, nil); err != nil {
			return err
		}
		if e.secret == "" {
			return nil
		}
		_, err = tx.Exec(s.sql.of(saveFormer), []value.Value{value.OfText(at.key), value.OfText(e.secret), stamp(s.now().Add(formerTime))})
		return err
	})
	return text, err
}

// Webhooks returns the webhooks of the model.
func (s *Service) Webhooks() []*model.Webhook { return s.cfg.Model.Webhooks }
