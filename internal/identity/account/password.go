package account

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// ChangePassword sets a new password for the caller's account. Every other session ends. An account without a password sets
// its first one with a recent proof instead of the old one.
func (s *Service) ChangePassword(ctx context.Context, who caller.Caller, old, secret string, client Client) (err error) {
	defer errs.Wrap(&err, "account.ChangePassword")
	var read accountRow
	err = s.as(ctx, who, func(w *work, m *member) error {
		read = *m.account
		if m.account.Password == "" {
			return m.mustBeFresh(w.now)
		}
		return w.count(newCounter(accountBudget, "old password", m.account.ID))
	})
	if err != nil {
		return err
	}
	if faults := s.faultsOfNew(&read, secret); len(faults) > 0 {
		return &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	if read.Password != "" {
		ok, _, err := s.hasher.Verify(ctx, client.caller(), read.Password, old)
		if err != nil {
			return err
		}
		if !ok {
			return invalid("/old", "wrong", "this is not the password of the account")
		}
	}
	hash, err := s.hasher.Hash(ctx, client.caller(), secret)
	if err != nil {
		return err
	}
	return s.as(ctx, who, func(w *work, m *member) error {
		if m.account.Password != read.Password { // changed meanwhile
			return errs.New(errs.Conflict, "the password has just been changed: try again")
		}
		if err := w.forgive(newCounter(accountBudget, "old password", m.account.ID)); err != nil {
			return err
		}
		if err := s.endAll(w, m.account.ID, m.session.ID); err != nil {
			return err
		}
		return s.setPassword(w, m.account, hash, client)
	})
}

// faultsOfNew returns what is wrong with a new password of an account. The model does not rule the passwords of operators.
func (s *Service) faultsOfNew(a *accountRow, secret string) []errs.Fault {
	if a.Kind == KindOperator {
		return operatorFaults("/new", secret, a.Email, a.Name)
	}
	return s.passwordFaults("/new", secret, a.Email, a.Name)
}

// setPassword stores the hash of a password, ends the codes that could set another, and tells the owner.
func (s *Service) setPassword(w *work, a *accountRow, hash string, client Client) error {
	if err := s.accounts.update(w, a.ID, 0, map[string]any{"password": hash, "password_at": micros(w.now)}); err != nil {
		return err
	}
	if a.Kind == KindUser { // operators have none, and a user may have the same address
		if err := s.dropCodes(w, a.Email, forReset); err != nil {
			return err
		}
	}
	if err := s.tell(w, a, "password", client); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "password.changed"})
}

// dropCodes deletes the codes of an address for a purpose.
func (s *Service) dropCodes(w *work, email string, why purpose) error {
	rows, err := s.oneTime.list(w, "email == arg.email && purpose == arg.purpose", map[string]string{"email": email, "purpose": string(why)})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.oneTime.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// AskReset mails a code to set a new password, if the address has an account. The answer does not say so.
func (s *Service) AskReset(ctx context.Context, email string, client Client) (err error) {
	defer errs.Wrap(&err, "account.AskReset")
	email, err = address(email, "/email")
	if err != nil {
		return err
	}
	return s.ask(ctx, letter{Kind: string(forReset), Email: email}, client)
}

// Reset sets a new password with a mailed code. Every session ends. The new one still needs the second factor of the account.
func (s *Service) Reset(ctx context.Context, email, code, secret string, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.Reset")
	email, err = address(email, "/email")
	if err != nil {
		return Step{}, err
	}
	if faults := s.passwordFaults("/password", secret, email); len(faults) > 0 {
		return Step{}, &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	hash, err := s.hasher.Hash(ctx, client.caller(), secret)
	if err != nil {
		return Step{}, err
	}
	return s.byCode(ctx, email, code, client, func(w *work, row *secretRow) (Step, error) {
		a, err := s.lockIn(w, KindUser, email)
		if err != nil || a == nil || a.SuspendedAt != nil {
			return Step{}, err
		}
		if !a.Verified {
			if err := s.confirm(w, a, client); err != nil {
				return Step{}, err
			}
		}
		if err := s.endAll(w, a.ID, ""); err != nil {
			return Step{}, err
		}
		if err := s.setPassword(w, a, hash, client); err != nil {
			return Step{}, err
		}
		return s.proved(w, a, proof{methods: []string{"code"}}, nil, client)
	}, forReset)
}
