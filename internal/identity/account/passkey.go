package account

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
	"github.com/ashlar-dev/ashlar/internal/identity/session"
)

// A Passkey is a passkey as its owner sees it.
type Passkey struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	BackedUp bool       `json:"backed_up"` // other devices of the owner have it too
	Created  time.Time  `json:"created_at"`
	Used     *time.Time `json:"used_at"`
}

// A Challenge is what a browser needs for a ceremony of WebAuthn.
type Challenge struct {
	Flow    string          // to be sent with the answer; "" for a second factor, whose sign-in has one
	Options passkey.Options // for navigator.credentials
}

// Format prints no secret.
func (Challenge) String() string   { return "account.Challenge{REDACTED}" }
func (Challenge) GoString() string { return "account.Challenge{REDACTED}" }

const (
	maxPasskeys    = 50  // of one account
	maxPasskeyName = 100 // characters
)

// passkeyBudget bounds the ceremonies that one network begins. People of one office share it.
var passkeyBudget = departBudget

func errNoPasskeys() error { return errs.New(errs.Forbidden, "this app has no passkeys") }

// errPasskey is the answer to a registration that is not acceptable, expired, used, or of another session.
func errPasskey() error {
	return invalid("/passkey", "passkey_invalid", "the passkey or the flow is not valid, or no longer: begin again")
}

// errPasskeySignIn is the answer to every sign-in by passkey that fails.
func errPasskeySignIn() error {
	return errs.New(errs.Unauthenticated, "the passkey is not known or the flow is over, or this account may not sign in")
}

// passkeysOf returns the passkeys of an account, the oldest first. Service accounts have none.
func (s *Service) passkeysOf(w *work, a *accountRow) ([]passkeyRow, error) {
	if a.Kind == KindService {
		return nil, nil
	}
	return s.passkeys.list(w, "account_id == arg.account", map[string]string{"account": a.ID})
}

// ownerOf returns an account as authenticators know it.
func ownerOf(a *accountRow, rows []passkeyRow) passkey.Owner {
	owner := passkey.Owner{Handle: a.ID, Name: a.Email, Title: a.Name}
	if owner.Title == "" {
		owner.Title = a.Email
	}
	for _, row := range rows {
		owner.Passkeys = append(owner.Passkeys, passkey.Passkey{ID: row.Credential, Key: row.Key, Count: row.Count, Traits: row.Traits})
	}
	return owner
}

// keepCeremony keeps the state of a ceremony and returns its flow. subject is who must end it.
func (s *Service) keepCeremony(w *work, why purpose, account, subject string, state passkey.State) (flow string, err error) {
	secret := newSecret()
	id, err := s.oneTime.create(w, secretRow{
		Account: account, Purpose: why, Hash: s.hashSecret(why, subject, secret), Data: state, ExpiresAt: micros(w.now.Add(s.rules.Codes.Valid)),
	})
	return id + "." + secret, err
}

// takeCeremony consumes the state of a ceremony. It returns nil for a flow that is wrong, over or somebody else's. Of parallel
// attempts one wins.
func (s *Service) takeCeremony(w *work, why purpose, subject, flow string) (passkey.State, error) {
	id, secret, ok := cutFlow(flow)
	if !ok {
		return nil, nil
	}
	row, revision, err := s.oneTime.get(w, id)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	if row.Purpose != why || !w.now.Before(row.ExpiresAt) || !sameHash(s.hashSecret(why, subject, secret), row.Hash) {
		return nil, nil
	}
	return row.Data, lostRace(s.oneTime.remove(w, id, revision))
}

// BeginPasskey begins to register a passkey for the caller's account.
func (s *Service) BeginPasskey(ctx context.Context, who caller.Caller) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginPasskey")
	return s.beginPasskey(ctx, who, Client{})
}

func (s *Service) beginPasskey(ctx context.Context, who caller.Caller, client Client) (c Challenge, err error) {
	err = s.as(ctx, who, func(w *work, m *member) error {
		ceremonies, err := s.ceremoniesOf(m.account.Kind, client)
		if err != nil {
			return err
		}
		known, err := s.mayAddPasskey(w, m)
		if err != nil {
			return err
		}
		if err := s.dropFlows(w, m.account.ID, forPasskey); err != nil {
			return err
		}
		var state passkey.State
		if c.Options, state, err = ceremonies.BeginRegistration(ownerOf(m.account, known)); err != nil {
			return err
		}
		c.Flow, err = s.keepCeremony(w, forPasskey, m.account.ID, m.account.ID+" "+m.session.ID, state)
		return err
	})
	return c, err
}

// mayAddPasskey returns the passkeys that a member has, or why it may not have one more.
func (s *Service) mayAddPasskey(w *work, m *member) ([]passkeyRow, error) {
	if err := m.mustBeFresh(w.now); err != nil {
		return nil, err
	}
	if err := s.mustProveFactor(w, m); err != nil {
		return nil, err
	}
	known, err := s.passkeysOf(w, m.account)
	if err == nil && len(known) >= maxPasskeys {
		err = errs.New(errs.Conflict, "an account has at most %d passkeys: delete one first", maxPasskeys)
	}
	return known, err
}

// A NewPasskey is the result of a registration.
type NewPasskey struct {
	Passkey
	Recovery []string // codes, if this is the first second factor of the account
}

// FinishPasskey registers what the authenticator made. The first second factor gives recovery codes; the current session then
// has the factor, and the others end. name is for the owner's list; "" takes the browser's.
func (s *Service) FinishPasskey(ctx context.Context, who caller.Caller, flow, name string, answer []byte, client Client) (made NewPasskey, err error) {
	defer errs.Wrap(&err, "account.FinishPasskey")
	if err := checkPasskeyName(name); err != nil {
		return NewPasskey{}, err
	}
	if name == "" {
		name = session.Label(client.Agent)
	}
	done := false
	err = s.as(ctx, who, func(w *work, m *member) (err error) {
		done = false
		ceremonies, err := s.ceremoniesOf(m.account.Kind, client)
		if err != nil {
			return err
		}
		known, err := s.mayAddPasskey(w, m)
		if err != nil {
			return err
		}
		state, err := s.takeCeremony(w, forPasskey, m.account.ID+" "+m.session.ID, flow)
		if err != nil || state == nil {
			return err
		}
		fresh, err := ceremonies.FinishRegistration(ownerOf(m.account, known), state, answer)
		if errs.KindOf(err) == errs.Invalid {
			return nil // the flow is used up
		}
		if err != nil {
			return err
		}
		done = true
		made, err = s.addPasskey(w, m, known, fresh, name, client)
		return err
	})
	if err == nil && !done {
		err = errPasskey()
	}
	s.forget(who.Proof()) // the session may have another stamp now
	return made, err
}

func (s *Service) addPasskey(w *work, m *member, known []passkeyRow, fresh passkey.Passkey, name string, client Client) (made NewPasskey, err error) {
	row := passkeyRow{Account: m.account.ID, Credential: fresh.ID, Key: fresh.Key, Count: fresh.Count, Traits: fresh.Traits, Name: name}
	row.ID, err = s.passkeys.create(w, row)
	if errs.KindOf(err) == errs.Conflict {
		return made, errs.Wrapf(err, errs.Conflict, "this passkey is registered already")
	}
	if err != nil {
		return made, err
	}
	if m.account.TOTP == "" && len(known) == 0 {
		if made.Recovery, err = s.newRecovery(w, m.account.ID); err != nil {
			return made, err
		}
		if err := s.raise(w, m, "passkey"); err != nil {
			return made, err
		}
	}
	at := micros(w.now)
	row.CreatedAt = &at
	made.Passkey = row.public()
	if err := s.tell(w, m.account, "new factor", client); err != nil {
		return made, err
	}
	return made, s.note(w, m.account, client, event{action: "passkey.added", session: m.session.ID, target: row.ID, detail: map[string]any{"name": name}})
}

func (r *passkeyRow) public() Passkey {
	return Passkey{ID: r.ID, Name: r.Name, BackedUp: r.Traits.BackedUp, Created: *r.CreatedAt, Used: r.UsedAt}
}

// Passkeys returns the passkeys of the caller's account, the oldest first.
func (s *Service) Passkeys(ctx context.Context, who caller.Caller) (all []Passkey, err error) {
	defer errs.Wrap(&err, "account.Passkeys")
	err = s.as(ctx, who, func(w *work, m *member) error {
		rows, err := s.passkeysOf(w, m.account)
		all = make([]Passkey, len(rows))
		for i := range rows {
			all[i] = rows[i].public()
		}
		return err
	})
	return all, err
}

// checkPasskeyName refuses names that are too long, or that a list cannot show.
func checkPasskeyName(name string) error {
	if len([]rune(name)) > maxPasskeyName {
		return invalid("/name", "max", "a passkey has a name of at most 100 characters")
	}
	if cleanName(name) != name {
		return invalid("/name", "characters", "the name has characters that cannot be shown, or blanks around it")
	}
	return nil
}

// RenamePasskey gives a passkey of the caller's account another name.
func (s *Service) RenamePasskey(ctx context.Context, who caller.Caller, id, name string, client Client) (renamed Passkey, err error) {
	defer errs.Wrap(&err, "account.RenamePasskey")
	if err := checkPasskeyName(name); err != nil {
		return Passkey{}, err
	}
	if name == "" {
		return Passkey{}, invalid("/name", "required", "a passkey has a name")
	}
	err = s.as(ctx, who, func(w *work, m *member) error {
		row, revision, err := s.ownPasskey(w, m, id)
		if err != nil {
			return err
		}
		if err := lostRace(s.passkeys.update(w, row.ID, revision, map[string]any{"name": name})); err != nil {
			return err
		}
		before := row.Name
		row.Name = name
		renamed = row.public()
		return s.note(w, m.account, client, event{
			action: "passkey.renamed", session: m.session.ID, target: row.ID, detail: map[string]any{"before": before, "after": name},
		})
	})
	return renamed, err
}

// ownPasskey returns a passkey of a member, with its revision.
func (s *Service) ownPasskey(w *work, m *member, id string) (row passkeyRow, revision int64, err error) {
	row, revision, err = s.passkeys.get(w, id)
	if errs.KindOf(err) == errs.NotFound || (err == nil && row.Account != m.account.ID) {
		err = errs.New(errs.NotFound, "no such passkey")
	}
	return row, revision, err
}

// RemovePasskey deletes a passkey of the caller's account. Without a second factor that is left, no session keeps one.
func (s *Service) RemovePasskey(ctx context.Context, who caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemovePasskey")
	defer s.forget(who.Proof()) // the session may have another stamp then
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		row, revision, err := s.ownPasskey(w, m, id)
		if err != nil {
			return err
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		if err := lostRace(s.passkeys.remove(w, row.ID, revision)); err != nil {
			return err
		}
		if err := s.afterRemoval(w, m.account); err != nil {
			return err
		}
		if err := s.tell(w, m.account, "factor", client); err != nil {
			return err
		}
		return s.note(w, m.account, client, event{action: "passkey.removed", session: m.session.ID, target: row.ID, detail: map[string]any{"name": row.Name}})
	})
}

// dropPasskeys deletes all passkeys of an account and returns how many there were.
func (s *Service) dropPasskeys(w *work, a *accountRow) (int, error) {
	rows, err := s.passkeysOf(w, a)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.passkeys.remove(w, row.ID, 0)); err != nil {
			return 0, err
		}
	}
	return len(rows), nil
}
