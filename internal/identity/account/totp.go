package account

import (
	"context"
	"encoding/json"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/totp"
)

// An Enrolment is a TOTP secret that waits for its first code.
type Enrolment struct {
	Secret string // base32
	URI    string // otpauth:
	QR     string // SVG
}

// BeginTOTP makes a TOTP secret for the caller's account. It counts as a factor after ConfirmTOTP.
func (s *Service) BeginTOTP(ctx context.Context, who caller.Caller) (e Enrolment, err error) {
	defer errs.Wrap(&err, "account.BeginTOTP")
	secret := totp.NewSecret()
	err = s.as(ctx, who, func(w *work, m *member) error {
		if m.account.Kind != KindOperator && !s.rules.TOTP {
			return errs.New(errs.Forbidden, "this app has no one-time passwords")
		}
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		if m.account.TOTP != "" {
			return errs.New(errs.Conflict, "the account has a one-time password already: remove it first")
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		sealed, err := s.keys.Seal("totp", []byte(secret.Text()), m.account.ID)
		if err != nil {
			return err
		}
		if err := s.dropFlows(w, m.account.ID, forTOTP); err != nil {
			return err
		}
		data, err := json.Marshal(sealed)
		if err != nil {
			return err
		}
		e = Enrolment{Secret: secret.Text(), URI: secret.URI(s.model.Name, m.account.Email)}
		_, err = s.oneTime.create(w, secretRow{Account: m.account.ID, Purpose: forTOTP, Data: data, ExpiresAt: micros(w.now.Add(s.rules.Codes.Valid))})
		return err
	})
	if err == nil {
		e.QR, err = totp.QR(e.URI)
	}
	return e, err
}

// ConfirmTOTP makes a TOTP secret a factor of the caller's account and returns the recovery codes. The current session then
// has the factor; the others end.
func (s *Service) ConfirmTOTP(ctx context.Context, who caller.Caller, code string, client Client) (codes []string, err error) {
	defer errs.Wrap(&err, "account.ConfirmTOTP")
	done := false
	err = s.as(ctx, who, func(w *work, m *member) error {
		done = false
		if err := w.count(newCounter(accountBudget, "factor", m.account.ID)); err != nil {
			return err
		}
		rows, err := s.oneTime.list(w, "account_id == arg.account && purpose == arg.purpose", map[string]string{"account": m.account.ID, "purpose": string(forTOTP)})
		if err != nil || len(rows) == 0 || !w.now.Before(rows[0].ExpiresAt) || rows[0].Tries >= s.rules.Codes.Tries {
			return err
		}
		done, codes, err = s.confirmTOTP(w, m, &rows[0], code, client)
		return err
	})
	if err == nil && !done {
		err = errCode()
	}
	s.forget(who.Proof()) // the session has another stamp now
	return codes, err
}

func (s *Service) confirmTOTP(w *work, m *member, row *secretRow, code string, client Client) (bool, []string, error) {
	var sealed string
	if err := json.Unmarshal(row.Data, &sealed); err != nil {
		return false, nil, err
	}
	secret, err := s.openTOTP(sealed, m.account.ID)
	if err != nil {
		return false, nil, err
	}
	step, ok := secret.Verify(code, w.now, 0)
	if !ok {
		return false, nil, s.oneTime.update(w, row.ID, 0, map[string]any{"tries": row.Tries + 1})
	}
	if err := lostRace(s.oneTime.remove(w, row.ID, 0)); err != nil {
		return false, nil, err
	}
	if err := s.accounts.update(w, m.account.ID, m.accRev, map[string]any{"totp": sealed, "totp_step": step}); err != nil {
		return false, nil, err
	}
	codes, err := s.newRecovery(w, m.account.ID)
	if err != nil {
		return false, nil, err
	}
	if err := s.raise(w, m, "totp"); err != nil {
		return false, nil, err
	}
	if err := s.tell(w, m.account, "new factor", client); err != nil {
		return false, nil, err
	}
	return true, codes, s.note(w, m.account, client, event{action: "totp.added", session: m.session.ID})
}

// RemoveTOTP removes the factor. No session of the account keeps a second factor that it proved with it.
func (s *Service) RemoveTOTP(ctx context.Context, who caller.Caller, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemoveTOTP")
	defer s.forget(who.Proof()) // the session has another stamp then
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		if m.account.TOTP == "" {
			return errs.New(errs.NotFound, "the account has no one-time password")
		}
		if !m.session.MFA {
			return &errs.Error{Kind: errs.Unauthenticated, Message: "this needs the second factor: sign in again with it", StepUp: &errs.StepUp{MFA: true}}
		}
		return s.dropTOTP(w, m.account, client)
	})
}

// dropTOTP removes the factor of an account.
func (s *Service) dropTOTP(w *work, a *accountRow, client Client) error {
	if err := s.accounts.update(w, a.ID, 0, map[string]any{"totp": nil, "totp_step": nil}); err != nil {
		return err
	}
	a.TOTP = ""
	if err := s.afterRemoval(w, a); err != nil {
		return err
	}
	if err := s.tell(w, a, "factor", client); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "totp.removed"})
}

// useTOTP checks a code of the authenticator app. A step works once: the row keeps the last one that was used.
func (s *Service) useTOTP(w *work, read *accountRow, code string) (bool, error) {
	a, revision, err := s.accounts.get(w, read.ID)
	if err != nil || a.TOTP == "" {
		return false, err
	}
	secret, err := s.openTOTP(a.TOTP, a.ID)
	if err != nil {
		return false, err
	}
	step, ok := secret.Verify(code, w.now, a.TOTPStep)
	if !ok {
		return false, nil
	}
	return true, s.accounts.update(w, a.ID, revision, map[string]any{"totp_step": step})
}

// openTOTP opens a sealed TOTP secret.
func (s *Service) openTOTP(sealed, account string) (totp.Secret, error) {
	text, err := s.keys.Open("totp", sealed, account)
	if err != nil {
		return totp.Secret{}, err
	}
	return totp.ParseSecret(string(text))
}
