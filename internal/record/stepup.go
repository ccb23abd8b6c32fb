package record

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A rule may demand a second factor or a recent proof. A user whom it refuses only for want of them learns what to prove
// (RFC 9470). So a refused request asks the rules again, about the same user after another proof.

// deniedFor is denied for an operation that the rules allow on no row.
func (r *request) deniedFor(t *model.Table, op Op) error {
	denied := r.denied()
	r.addStepUp(denied, t, op, func(stronger *request) bool { return stronger.mayAllow(t, op) })
	return denied
}

// errTried undoes a write that was only tried.
var errTried = errors.New("this write was only tried")

// orStepUp returns the error of a write. If a rule refused the row, orStepUp tries the write as the same user after another
// proof, and undoes it.
func (r *request) orStepUp(ctx context.Context, t *model.Table, op Op, err error, try func(*request, store.Tx) error) error {
	denied, ok := errors.AsType[*errs.Error](err)
	if !ok || denied.Kind != errs.Forbidden {
		return err
	}
	changed := *denied
	r.addStepUp(&changed, t, op, func(stronger *request) bool {
		var outcome error
		err := r.db.store.Write(withOrigin(ctx, r.Caller()), stronger.guardedFunction(func(tx store.Tx) error {
			outcome = try(stronger, tx)
			return errTried
		}))
		return errors.Is(err, errTried) && passesRules(outcome)
	})
	if changed.StepUp == nil {
		return err
	}
	return &changed
}

// passesRules reports whether the access rules let a write pass, whatever else was wrong with it.
func passesRules(err error) bool {
	switch errs.KindOf(err) {
	case "", errs.Conflict, errs.Stale, errs.Invalid:
		return true
	}
	return false
}

// addStepUp turns a denial into a challenge if the rules would allow the operation to the same user after another proof.
// allows asks them. It asks for as little as is enough: for one of the two demands if that will do, and for the oldest proof.
func (r *request) addStepUp(denied *errs.Error, t *model.Table, op Op, allows func(*request) bool) {
	who, table := r.Caller(), r.db.tables[t]
	if who.Kind() != caller.KindUser || !table.asksProof[op] {
		return
	}
	now := time.UnixMicro(r.Now())
	holds := func(mfa bool, since time.Time) bool {
		stronger := r.db.requestAt(who.Proven(mfa, since), r.Now())
		defer stronger.end()
		return allows(stronger)
	}
	if !holds(true, now) {
		return
	}
	last, _ := who.Since()
	mfa := who.MFA()
	needs := errs.StepUp{MFA: !mfa && !holds(mfa, now)}
	mfa = mfa || needs.MFA
	message := "a second factor is required: sign in again with one"
	if !needs.MFA || !holds(mfa, last) {
		message = "this needs a recent proof of who you are: sign in again"
		if needs.MFA {
			message += ", with a second factor"
		}
		for _, age := range rule.ProofAges(table.rulesAbout(op)...) {
			if holds(mfa, now.Add(time.Microsecond-age)) {
				needs.MaxAge = age
				break
			}
		}
	}
	denied.Kind, denied.Message, denied.StepUp = errs.Unauthenticated, message, &needs
}
