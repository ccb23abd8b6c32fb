package account

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
)

// BeginPasskeySignIn begins a sign-in by passkey. The passkey says who it is.
func (s *Service) BeginPasskeySignIn(ctx context.Context, client Client) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginPasskeySignIn")
	return s.beginPasskeySignIn(ctx, KindUser, client)
}

func (s *Service) beginPasskeySignIn(ctx context.Context, kind Kind, client Client) (c Challenge, err error) {
	ceremonies, err := s.ceremoniesOf(kind, client)
	if err != nil {
		return Challenge{}, err
	}
	options, state, err := ceremonies.BeginSignIn()
	if err != nil {
		return Challenge{}, err
	}
	c.Options = options
	err = s.write(ctx, func(w *work) (err error) {
		if err := w.count(newCounter(passkeyBudget, "passkeys from", network(client.Address))); err != nil {
			return err
		}
		c.Flow, err = s.keepCeremony(w, forSignInBy, "", string(kind), state)
		return err
	})
	return c, err
}

// FinishPasskeySignIn signs in by passkey. An authenticator that verified its user gives a session with a second factor.
func (s *Service) FinishPasskeySignIn(ctx context.Context, flow string, answer []byte, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.FinishPasskeySignIn")
	return s.finishPasskeySignIn(ctx, KindUser, flow, answer, client)
}

// finishPasskeySignIn signs in an account of a kind. The flow of another kind is unknown, and so are the passkeys.
func (s *Service) finishPasskeySignIn(ctx context.Context, kind Kind, flow string, answer []byte, client Client) (step Step, err error) {
	ceremonies, err := s.ceremoniesOf(kind, client)
	if err != nil {
		return Step{}, err
	}
	given, err := passkey.ParseAnswer(answer)
	if errs.KindOf(err) == errs.Invalid {
		return Step{}, errPasskey()
	}
	if err != nil {
		return Step{}, err
	}
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			step, err = s.signInByPasskey(w, kind, ceremonies, flow, given, client)
			return err
		})
	})
	if err == nil && step.Grant == nil && step.Flow == "" {
		err = errPasskeySignIn()
	}
	return step, err
}

// signInByPasskey returns an empty Step if the sign-in fails. The flow is used up then too.
func (s *Service) signInByPasskey(w *work, kind Kind, ceremonies *passkey.Ceremonies, flow string, given passkey.Answer, client Client) (Step, error) {
	state, err := s.takeCeremony(w, forSignInBy, string(kind), flow)
	if err != nil || state == nil {
		return Step{}, err
	}
	rows, err := s.passkeys.list(w, "credential == arg.credential", map[string]string{"credential": given.Passkey})
	if err != nil || len(rows) == 0 || given.Handle != rows[0].Account {
		return Step{}, err
	}
	a, _, err := s.lock(w, rows[0].Account)
	if err != nil {
		return Step{}, ignoreMissing(err)
	}
	if a.Kind != kind {
		return Step{}, nil
	}
	shown, err := ceremonies.FinishSignIn(ownerOf(&a, rows), state, given)
	if errs.KindOf(err) == errs.Invalid {
		return Step{}, s.note(w, &a, client, event{action: "sign_in.failed", detail: map[string]any{"passkey": rows[0].ID}})
	}
	if err != nil {
		return Step{}, err
	}
	if err := s.touchPasskey(w, rows[0].ID, shown.Passkey); err != nil {
		return Step{}, err
	}
	return s.proved(w, &a, proof{methods: []string{"passkey"}, mfa: shown.UserVerified}, nil, client)
}

// touchPasskey keeps what a use has changed of a passkey.
func (s *Service) touchPasskey(w *work, id string, now passkey.Passkey) error {
	return lostRace(s.passkeys.update(w, id, 0, map[string]any{"sign_count": now.Count, "data": now.Traits, "used_at": micros(w.now)}))
}

// BeginFactor begins the proof of a passkey for a sign-in that waits for its second factor. A new challenge ends the one before.
func (s *Service) BeginFactor(ctx context.Context, flow string, client Client) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginFactor")
	return s.beginFactorAs(ctx, KindUser, flow, client)
}

func (s *Service) beginFactorAs(ctx context.Context, kind Kind, flow string, client Client) (c Challenge, err error) {
	ceremonies, err := s.ceremoniesOf(kind, client)
	if err != nil {
		return Challenge{}, err
	}
	counter := newCounter(networkBudget, "factors from", network(client.Address))
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			if err := w.count(counter); err != nil {
				return err
			}
			c, err = s.beginFactor(w, kind, ceremonies, flow)
			return err
		})
	})
	if err == nil && c.Options == nil {
		err = errFactor()
	}
	return c, err
}

// beginFactor returns an empty Challenge if the flow is not valid, is of another kind of account, or takes no passkey.
func (s *Service) beginFactor(w *work, kind Kind, ceremonies *passkey.Ceremonies, flow string) (c Challenge, err error) {
	row, _, err := s.flowRow(w, flow)
	if err != nil || row == nil {
		return c, err
	}
	var before waiting
	if err := json.Unmarshal(row.Data, &before); err != nil || slices.Contains(before.Methods, "passkey") {
		return c, err
	}
	a, _, err := s.accounts.get(w, row.Account)
	if err != nil || a.SuspendedAt != nil || a.Kind != kind {
		return c, ignoreMissing(err)
	}
	held, err := s.passkeysOf(w, &a)
	if err != nil || len(held) == 0 {
		return c, err
	}
	if _, err := s.takeProof(w, &a, row.ID); err != nil {
		return c, err
	}
	options, state, err := ceremonies.BeginProof(ownerOf(&a, held))
	if err != nil {
		return c, err
	}
	_, err = s.oneTime.create(w, secretRow{
		Account: a.ID, Purpose: forProofBy, Hash: s.hashSecret(forProofBy, a.ID, row.ID), Data: state, ExpiresAt: row.ExpiresAt,
	})
	return Challenge{Options: options}, err
}

// takeProof consumes the challenge of a flow. It returns nil if there is none.
func (s *Service) takeProof(w *work, a *accountRow, flow string) (state passkey.State, err error) {
	rows, err := s.oneTime.list(w, "account_id == arg.account && purpose == arg.purpose", map[string]string{"account": a.ID, "purpose": string(forProofBy)})
	if err != nil {
		return nil, err
	}
	hash := s.hashSecret(forProofBy, a.ID, flow)
	for _, row := range rows {
		if !sameHash(hash, row.Hash) {
			continue
		}
		if err := lostRace(s.oneTime.remove(w, row.ID, 0)); err != nil {
			return nil, err
		}
		if w.now.Before(row.ExpiresAt) {
			state = row.Data
		}
	}
	return state, nil
}

// usePasskey checks the answer to the challenge of a flow. The challenge works once.
func (s *Service) usePasskey(w *work, a *accountRow, flow string, answer []byte, client Client) (bool, error) {
	ceremonies, err := s.ceremoniesOf(a.Kind, client)
	if err != nil { // no passkeys here
		return false, nil
	}
	state, err := s.takeProof(w, a, flow)
	if err != nil || state == nil {
		return false, err
	}
	held, err := s.passkeysOf(w, a)
	if err != nil {
		return false, err
	}
	given, err := passkey.ParseAnswer(answer)
	if err != nil {
		return false, ignoreInvalid(err)
	}
	shown, err := ceremonies.FinishProof(ownerOf(a, held), state, given)
	if err != nil {
		return false, ignoreInvalid(err)
	}
	at := slices.IndexFunc(held, func(row passkeyRow) bool { return row.Credential == shown.Passkey.ID })
	if at < 0 {
		return false, nil
	}
	return true, s.touchPasskey(w, held[at].ID, shown.Passkey)
}

func ignoreInvalid(err error) error {
	if errs.KindOf(err) == errs.Invalid {
		return nil
	}
	return err
}

// Origins returns the pages that may ask for passkeys, or nil without passkeys.
func (s *Service) Origins() []string {
	if s.ceremonies == nil {
		return nil
	}
	return s.rules.Passkeys.Origins
}
