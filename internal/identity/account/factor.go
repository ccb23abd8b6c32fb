package account

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// factorsOf returns the second factors of an account. One whose passkeys work no longer still has its recovery codes.
func (s *Service) factorsOf(w *work, a *accountRow) (factors []string, err error) {
	if a.TOTP != "" {
		factors = append(factors, "totp")
	}
	held, err := s.passkeysOf(w, a)
	if err != nil {
		return nil, err
	}
	if len(held) > 0 && (s.ceremonies != nil || a.Kind == KindOperator) {
		factors = append(factors, "passkey")
	}
	if len(factors)+len(held) > 0 {
		factors = append(factors, "recovery")
	}
	return factors, nil
}

// mustProveFactor returns an error if the account has a second factor and the session came without one.
func (s *Service) mustProveFactor(w *work, m *member) error {
	factors, err := s.factorsOf(w, m.account)
	if err != nil || len(factors) == 0 || m.session.MFA {
		return err
	}
	return &errs.Error{Kind: errs.Unauthenticated, Message: "this needs the second factor: sign in again with it", StepUp: &errs.StepUp{MFA: true}}
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
	Passkey  []byte // what the browser answered to BeginFactor
}

// isOne reports whether exactly one member is given.
func (f Factor) isOne() bool {
	given := 0
	for _, is := range []bool{f.TOTP != "", f.Recovery != "", len(f.Passkey) > 0} {
		if is {
			given++
		}
	}
	return given == 1
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
	if !given.isOne() {
		return Step{}, invalid("", "one", "give one of totp, passkey and recovery")
	}
	counter := newCounter(networkBudget, "factors from", network(client.Address))
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
	a, _, err := s.lock(w, row.Account)
	if err != nil || a.SuspendedAt != nil || a.Kind != kind {
		return Step{}, ignoreMissing(err)
	}
	budget := newCounter(accountBudget, "factor", a.ID)
	if err := w.count(budget); err != nil {
		return Step{}, err
	}
	var before waiting
	if err := json.Unmarshal(row.Data, &before); err != nil {
		return Step{}, err
	}
	method, ok, err := s.checkFactor(w, &a, row.ID, before, given, client)
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

// checkFactor compares a factor with an account and uses it up. It returns the method for the session. A passkey that was the
// first factor is not the second. Recovery codes stand in for a factor that the account still has.
func (s *Service) checkFactor(w *work, a *accountRow, flow string, before waiting, given Factor, client Client) (method string, ok bool, err error) {
	factors, err := s.factorsOf(w, a)
	if err != nil || len(factors) == 0 {
		return "", false, err
	}
	switch {
	case given.Recovery != "":
		ok, err = s.useRecovery(w, a, given.Recovery)
		return "recovery", ok, err
	case len(given.Passkey) > 0:
		if slices.Contains(before.Methods, "passkey") {
			return "passkey", false, nil
		}
		ok, err = s.usePasskey(w, a, flow, given.Passkey, client)
		return "passkey", ok, err
	}
	ok, err = s.useTOTP(w, a, given.TOTP)
	return "totp", ok, err
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

// afterRemoval ends what an account has no longer after the removal of its last factor: recovery codes, and sessions with a
// second factor.
func (s *Service) afterRemoval(w *work, a *accountRow) error {
	held, err := s.passkeysOf(w, a)
	if err != nil || len(held) > 0 || a.TOTP != "" {
		return err
	}
	if err := s.dropRecovery(w, a.ID); err != nil {
		return err
	}
	return s.lower(w, a.ID)
}

// lower takes the second factor from all sessions of an account.
func (s *Service) lower(w *work, account string) error {
	rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		methods := slices.DeleteFunc(row.Methods, func(m string) bool { return m == "totp" || m == "passkey" || m == "recovery" })
		if err := s.sessions.update(w, row.ID, 0, map[string]any{"mfa": false, "methods": methods, "stamp": row.Stamp + 1}); err != nil {
			return lostRace(err)
		}
	}
	return nil
}
