package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// What operators take from the accounts of others, mostly for people who lost it. The mails to the owner do not say where the
// operator sits.

// PasskeysOf returns the passkeys of an account, the oldest first.
func (s *Service) PasskeysOf(ctx context.Context, id string) (all []Passkey, err error) {
	defer errs.Wrap(&err, "account.PasskeysOf")
	rows, err := s.passkeys.read(ctx, s, "account_id == arg.account", map[string]string{"account": id})
	for _, row := range rows {
		all = append(all, row.public())
	}
	return all, err
}

// RemoveFactorOf removes the second factors of an account, passkeys too, for somebody who lost it. The sessions keep nothing of the factor,
// and the owner gets a mail. It does not say where the operator sits.
func (s *Service) RemoveFactorOf(ctx context.Context, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemoveFactorOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		passkeys, err := s.dropPasskeys(w, a)
		if err != nil {
			return err
		}
		if a.TOTP == "" && passkeys == 0 {
			return errs.New(errs.Conflict, "the account has no second factor")
		}
		if err := s.accounts.update(w, a.ID, 0, map[string]any{"totp": nil, "totp_step": nil}); err != nil {
			return err
		}
		if err := s.dropRecovery(w, a.ID); err != nil {
			return err
		}
		if err := s.lower(w, a.ID); err != nil {
			return err
		}
		if a.Kind == KindUser {
			if err := s.tell(w, a, "factor", Client{}); err != nil {
				return err
			}
		}
		action := "totp.removed"
		if a.TOTP == "" {
			action = "passkey.removed"
		}
		return s.note(w, a, client, event{action: action, detail: map[string]any{"passkeys": passkeys}})
	})
}

// RemoveTOTPOf removes the authenticator app of an account.
func (s *Service) RemoveTOTPOf(ctx context.Context, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemoveTOTPOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if a.TOTP == "" {
			return errs.New(errs.Conflict, "the account has no authenticator app")
		}
		if err := s.accounts.update(w, a.ID, 0, map[string]any{"totp": nil, "totp_step": nil}); err != nil {
			return err
		}
		a.TOTP = ""
		return s.afterHelp(w, a, "factor", event{action: "totp.removed"}, client)
	})
}

// RemovePasskeyOf removes a passkey of an account.
func (s *Service) RemovePasskeyOf(ctx context.Context, id, passkey string, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemovePasskeyOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		row, revision, err := s.ownPasskey(w, &member{account: a}, passkey)
		if err != nil {
			return err
		}
		if err := lostRace(s.passkeys.remove(w, row.ID, revision)); err != nil {
			return err
		}
		e := event{action: "passkey.removed", target: row.ID, detail: map[string]any{"name": row.Name}}
		return s.afterHelp(w, a, "factor", e, client)
	})
}

// afterHelp ends what an account has no longer after the removal of its last factor, tells the owner, and notes the event.
func (s *Service) afterHelp(w *work, a *accountRow, change string, e event, client Client) error {
	if err := s.afterRemoval(w, a); err != nil {
		return err
	}
	if err := s.tell(w, a, change, Client{}); err != nil {
		return err
	}
	return s.note(w, a, client, e)
}
