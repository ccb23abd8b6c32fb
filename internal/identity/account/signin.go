package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
)

// A Step is how far a sign-in has come: it is done, or it waits for a second factor.
type Step struct {
	Grant   *Grant   // nil while a factor is missing
	Flow    string   // to be sent with the factor
	Factors []string // any one of them is enough: totp, passkey, recovery
	Waits   string   // of a sign-up that waits for its mail: the secret of its caller, as Client.Browser for Verify
}

// String prints no secret.
func (s Step) String() string {
	return fmt.Sprintf("account.Step{%v %d %v}", s.Grant, len(s.Flow), s.Factors)
}
func (s Step) GoString() string { return s.String() }

// errSignIn is the answer to every sign-in that fails: an unknown address, a wrong password, an account without one, and an
// account that is suspended answer alike.
func errSignIn() error {
	return errs.New(errs.Unauthenticated, "the address or the password is wrong, or this account may not sign in")
}

// SignIn signs a user in by password.
func (s *Service) SignIn(ctx context.Context, email, secret string, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.SignIn")
	if s.rules.Password == nil {
		return Step{}, errs.New(errs.Forbidden, "this app has no passwords")
	}
	return s.signIn(ctx, KindUser, email, secret, client)
}

// signIn signs in an account of a kind. The kinds share no counter, so nobody keeps an operator out by guesses for a user.
func (s *Service) signIn(ctx context.Context, kind Kind, email, secret string, client Client) (step Step, err error) {
	email, err = address(email, "/email")
	if err != nil {
		return Step{}, err
	}
	counters := s.countersOf(kind, email, client)
	if err := s.write(ctx, func(w *work) error { return w.count(counters...) }); err != nil {
		return Step{}, err
	}
	a, err := s.find(ctx, kind, email)
	if err != nil {
		return Step{}, err
	}
	ok, rehash, err := s.verify(ctx, kind, a, secret, client)
	if err != nil { // nothing was compared, so it was no guess
		return Step{}, errors.Join(err, s.write(context.WithoutCancel(ctx), func(w *work) error { return w.takeBack(counters...) }))
	}
	fresh := ""
	if ok && rehash {
		if fresh, err = s.hasher.Hash(ctx, client.caller(), secret); err != nil {
			return Step{}, err
		}
	}
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			step, err = s.afterPassword(w, kind, a, ok, fresh, counters, client)
			return err
		})
	})
	if err == nil && step.Grant == nil && step.Flow == "" {
		err = errSignIn()
	}
	return step, err
}

// find returns the account of an address with what a comparison of its password needs, or an empty one without a password. It
// reads no more, so that an address with an account costs little more than one without.
func (s *Service) find(ctx context.Context, kind Kind, email string) (*accountRow, error) {
	page, err := s.rows.List(ctx, self(), s.accounts.Table, record.Query{
		Filter: "kind == arg.kind && email == arg.email", Args: map[string]string{"kind": string(kind), "email": email},
		Selection: record.Selection{Fields: "id,kind,user_id,email,password"}, Limit: 1,
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("find an account: %w", err)
	}
	found, err := itemsOf[accountRow](page)
	if err == nil && len(found) == 0 {
		_, err = itemsOf[accountRow]([]byte(nobody)) // the work that a row would have made
	}
	if err != nil || len(found) == 0 {
		return &accountRow{Email: email}, err
	}
	return &found[0], nil
}

// nobody is a page that find could read, with an account that nobody has.
const nobody = `{"items":[{"id":"01980000-0000-7000-8000-000000000000","kind":"user","user_id":"01980000-0000-7000-8000-000000000000",` +
	`"email":"nobody@example.com","password":"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`

// noteFailure notes that a password was wrong, or that the address has no account.
func (s *Service) noteFailure(w *work, kind Kind, read *accountRow, client Client) error {
	if read.ID != "" {
		return s.note(w, read, client, event{action: "sign_in.failed"})
	}
	id := stranger(kind, read.Email)
	return s.audit.Append(w.rows, audit.Event{
		Action: "sign_in.failed", ActorKind: caller.KindAnonymous.String(), ActorID: id, Account: id,
		Address: client.Address, Request: client.Request,
	})
}

// stranger stands in the audit log for the account of an address that has none. So attempts about one address are found
// together, and their rows cost what rows about accounts cost: two more entries at other places of two indexes.
func stranger(kind Kind, email string) string {
	sum := sha256.Sum256([]byte(string(kind) + " " + email))
	return "none:" + base64.RawURLEncoding.EncodeToString(sum[:23])
}

// findIn is find in a transaction. It returns nil if there is no such account.
func (s *Service) findIn(w *work, kind Kind, email string) (*accountRow, error) {
	found, err := s.accounts.list(w, "kind == arg.kind && email == arg.email", map[string]string{"kind": string(kind), "email": email})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// lockIn is findIn for an account on which the transaction decides.
func (s *Service) lockIn(w *work, kind Kind, email string) (*accountRow, error) {
	found, err := s.findIn(w, kind, email)
	if err != nil || found == nil {
		return nil, err
	}
	a, _, err := s.lock(w, found.ID)
	if err != nil {
		return nil, lostRace(err)
	}
	return &a, nil
}

// afterPassword continues a sign-in whose password was compared with the one of an account as it was read. It returns an empty
// Step if the sign-in fails.
func (s *Service) afterPassword(w *work, kind Kind, read *accountRow, ok bool, fresh string, counters []counter, client Client) (Step, error) {
	if !ok || read.ID == "" {
		return Step{}, s.noteFailure(w, kind, read, client)
	}
	a, revision, err := s.lock(w, read.ID)
	if err != nil {
		return Step{}, ignoreMissing(err)
	}
	if a.SuspendedAt != nil || a.Password != read.Password { // suspended, or changed while the hash was made
		return Step{}, s.note(w, &a, client, event{action: "sign_in.failed"})
	}
	if fresh != "" {
		if err := s.accounts.update(w, a.ID, revision, map[string]any{"password": fresh}); err != nil {
			return Step{}, err
		}
	}
	return s.proved(w, &a, proof{methods: []string{"password"}}, counters, client)
}

// proved continues after a first factor: with a session, or with a flow if the account has a second one.
func (s *Service) proved(w *work, a *accountRow, how proof, counters []counter, client Client) (Step, error) {
	if a.SuspendedAt != nil {
		return Step{}, s.note(w, a, client, event{action: "sign_in.failed"})
	}
	if err := w.forgive(counters...); err != nil {
		return Step{}, err
	}
	factors, err := s.factorsAfter(w, a, how)
	if err != nil {
		return Step{}, err
	}
	if len(factors) > 0 {
		flow, err := s.newFlow(w, a, how)
		return Step{Flow: flow, Factors: factors}, err
	}
	grant, err := s.open(w, a, how, client)
	return Step{Grant: grant}, err
}

// factorsAfter returns the second factors that a sign-in still waits for. A passkey is one factor, so it is not its own second.
// It needs no recovery code beside it either: those stand in for a factor that somebody lost.
func (s *Service) factorsAfter(w *work, a *accountRow, how proof) ([]string, error) {
	if how.mfa {
		return nil, nil
	}
	factors, err := s.factorsOf(w, a)
	if err != nil || !slices.Contains(how.methods, "passkey") {
		return factors, err
	}
	if a.TOTP == "" {
		return nil, nil
	}
	return slices.DeleteFunc(factors, func(f string) bool { return f == "passkey" }), nil
}

// countersOf returns the counters of a guess for the password or code of an address. A device that signed in before has a
// counter of its own. So strangers who guess from elsewhere do not keep the owner out.
func (s *Service) countersOf(kind Kind, email string, client Client) []counter {
	if s.knows(kind, email, client.Device) {
		return []counter{
			newCounter(deviceBudget, "device", string(kind), email, client.Device), newCounter(devicesBudget, "devices", string(kind), email),
		}
	}
	return []counter{newCounter(accountBudget, "account", string(kind), email), newCounter(addressBudget, "address", network(client.Address))}
}
