package account

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/totp"
)

// factorsOf returns the second factors of an account.
func (s *Service) factorsOf(a *accountRow) []string {
	if a.TOTP == "" {
		return nil
	}
	return []string{"totp", "recovery"}
}

// waiting is a sign-in that waits for its second factor.
type waiting struct {
	Methods []string `json:"methods"`
}

// newFlow keeps a sign-in until its second factor arrives, and returns the flow: the id of its row and a secret.
func (s *Service) newFlow(w *work, a *accountRow, how proof) (string, error) {
	data, err := json.Marshal(waiting{how.methods})
	if err != nil {
		return "", err
	}
	secret := newSecret()
	id, err := s.oneTime.create(w, secretRow{
		Account: a.ID, Purpose: forFactor, Hash: s.hashSecret(forFactor, a.ID, secret), Data: data, ExpiresAt: micros(w.now.Add(s.rules.Codes.Valid)),
	})
	return id + "." + secret, err
}

// A Factor is a proof of a second factor. One member is given.
type Factor struct {
	TOTP     string
	Recovery string
}

// errFactor is the answer to a wrong, expired or used factor or flow.
func errFactor() error {
	return invalid("", "code_invalid", "the factor or the flow is not valid, or no longer: sign in again")
}

// Confirm ends a user's sign-in that waited for a second factor.
func (s *Service) Confirm(ctx context.Context, flow string, given Factor, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.Confirm")
	return s.confirmAs(ctx, KindUser, flow, given, client)
}

// confirmAs ends the sign-in of an account of a kind. A flow of another kind is unknown: an operator gets no tokens of users.
func (s *Service) confirmAs(ctx context.Context, kind Kind, flow string, given Factor, client Client) (step Step, err error) {
	if (given.TOTP == "") == (given.Recovery == "") {
		return Step{}, invalid("", "one", "give one of totp and recovery")
	}
	counter := newCounter(addressBudget, "factors from", network(client.Address))
	if err := s.write(ctx, func(w *work) error { return w.count(counter) }); err != nil {
		return Step{}, err
	}
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			step, err = s.confirmFactor(w, kind, flow, given, client)
			return err
		})
	})
	if err == nil && step.Grant == nil {
		err = errFactor()
	}
	return step, err
}

// confirmFactor checks a factor once. A wrong one takes a try of the flow, and counts for the account.
func (s *Service) confirmFactor(w *work, kind Kind, flow string, given Factor, client Client) (Step, error) {
	row, revision, err := s.flowRow(w, flow)
	if err != nil || row == nil {
		return Step{}, err
	}
	a, _, err := s.accounts.get(w, row.Account)
	if err != nil || a.SuspendedAt != nil || a.Kind != kind {
		return Step{}, ignoreMissing(err)
	}
	budget := newCounter(accountBudget, "factor", a.ID)
	if err := w.count(budget); err != nil {
		return Step{}, err
	}
	method, ok, err := s.checkFactor(w, &a, given)
	if err != nil {
		return Step{}, err
	}
	if !ok {
		if err := s.note(w, &a, client, event{action: "factor.failed"}); err != nil {
			return Step{}, err
		}
		return Step{}, lostRace(s.oneTime.update(w, row.ID, revision, map[string]any{"tries": row.Tries + 1}))
	}
	if err := lostRace(s.oneTime.remove(w, row.ID, revision)); err != nil {
		return Step{}, err
	}
	var before waiting
	if err := json.Unmarshal(row.Data, &before); err != nil {
		return Step{}, err
	}
	if err := w.forgive(budget); err != nil {
		return Step{}, err
	}
	grant, err := s.open(w, &a, proof{methods: append(before.Methods, method), mfa: true}, client)
	return Step{Grant: grant}, err
}

// flowRow returns the row of a flow, or nil if the flow is unknown, over or out of tries.
func (s *Service) flowRow(w *work, flow string) (*secretRow, int64, error) {
	id, secret, ok := cutFlow(flow)
	if !ok {
		return nil, 0, nil
	}
	row, revision, err := s.oneTime.get(w, id)
	if err != nil {
		return nil, 0, ignoreMissing(err)
	}
	isOpen := row.Purpose == forFactor && row.Tries < s.rules.Codes.Tries && w.now.Before(row.ExpiresAt)
	if !isOpen || !sameHash(s.hashSecret(forFactor, row.Account, secret), row.Hash) {
		return nil, 0, nil
	}
	return &row, revision, nil
}

// checkFactor compares a factor with an account and uses it up. It returns the method for the session.
func (s *Service) checkFactor(w *work, a *accountRow, given Factor) (method string, ok bool, err error) {
	if given.Recovery != "" {
		ok, err = s.useRecovery(w, a, given.Recovery)
		return "recovery", ok, err
	}
	ok, err = s.useTOTP(w, a, given.TOTP)
	return "totp", ok, err
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

// useRecovery deletes a recovery code.
func (s *Service) useRecovery(w *work, a *accountRow, code string) (bool, error) {
	hash, ok := s.codes.Hash(a.ID, code)
	if !ok {
		return false, nil
	}
	rows, err := s.recovery.list(w, "account_id == arg.account", map[string]string{"account": a.ID})
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(rows, func(row recoveryRow) bool { return sameHash(row.Hash, hex.EncodeToString(hash[:])) })
	if at < 0 {
		return false, nil
	}
	return true, lostRace(s.recovery.remove(w, rows[at].ID, 0))
}

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

// dropFlows deletes the one-time secrets of an account for a purpose.
func (s *Service) dropFlows(w *work, account string, why purpose) error {
	rows, err := s.oneTime.list(w, "account_id == arg.account && purpose == arg.purpose", map[string]string{"account": account, "purpose": string(why)})
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

// raise gives the current session a second factor and ends the others.
func (s *Service) raise(w *work, m *member, method string) error {
	if err := s.endAll(w, m.account.ID, m.session.ID); err != nil {
		return err
	}
	methods := m.session.Methods
	if !slices.Contains(methods, method) {
		methods = append(slices.Clip(methods), method)
	}
	return s.sessions.update(w, m.session.ID, 0, map[string]any{
		"methods": methods, "mfa": true, "since": micros(w.now), "stamp": m.session.Stamp + 1,
	})
}

// newRecovery replaces the recovery codes of an account.
func (s *Service) newRecovery(w *work, account string) ([]string, error) {
	if err := s.dropRecovery(w, account); err != nil {
		return nil, err
	}
	codes, hashes := s.codes.Make(account)
	for _, hash := range hashes {
		if _, err := s.recovery.create(w, recoveryRow{Account: account, Hash: hex.EncodeToString(hash[:])}); err != nil {
			return nil, err
		}
	}
	return codes[:], nil
}

func (s *Service) dropRecovery(w *work, account string) error {
	rows, err := s.recovery.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.recovery.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
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

// dropTOTP removes the factor of an account and lowers its sessions.
func (s *Service) dropTOTP(w *work, a *accountRow, client Client) error {
	if err := s.accounts.update(w, a.ID, 0, map[string]any{"totp": nil, "totp_step": nil}); err != nil {
		return err
	}
	if err := s.dropRecovery(w, a.ID); err != nil {
		return err
	}
	if err := s.lower(w, a.ID); err != nil {
		return err
	}
	if err := s.tell(w, a, "factor", client); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "totp.removed"})
}

// lower takes the second factor from all sessions of an account.
func (s *Service) lower(w *work, account string) error {
	rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		methods := slices.DeleteFunc(row.Methods, func(m string) bool { return m == "totp" || m == "recovery" })
		if err := s.sessions.update(w, row.ID, 0, map[string]any{"mfa": false, "methods": methods, "stamp": row.Stamp + 1}); err != nil {
			return lostRace(err)
		}
	}
	return nil
}
