package account

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Session is a session as its owner sees it.
type Session struct {
	ID      string    `json:"id"`
	Current bool      `json:"current"` // the one that the request came with
	Agent   string    `json:"agent"`
	Address string    `json:"address"`
	Methods []string  `json:"methods"`
	MFA     bool      `json:"mfa"`
	Created time.Time `json:"created_at"`
	Seen    time.Time `json:"seen_at"`
	Ends    time.Time `json:"ends_at"`
}

// A member is the account and the session that a request came with, as a transaction sees them.
type member struct {
	account *accountRow
	session *sessionRow
	accRev  int64 // revision of the account
}

// member finds the session of a caller and its account. It returns errs.Unauthenticated if the session has ended, or if the
// caller came without one.
func (s *Service) member(w *work, who caller.Caller) (*member, error) {
	id, ok := who.Session()
	if !ok {
		return nil, errs.New(errs.Unauthenticated, "sign in first: this needs a session")
	}
	row, _, err := s.sessions.get(w, id)
	if err != nil {
		return nil, s.ended(who, err)
	}
	a, accRev, err := s.lock(w, row.Account)
	if err != nil {
		return nil, s.ended(who, err)
	}
	row, _, err = s.sessions.get(w, id) // again: it may have ended before the lock
	if err != nil || row.Stamp != who.Proof().Stamp || row.over(w.now) {
		return nil, s.ended(who, err)
	}
	return &member{account: &a, session: &row, accRev: accRev}, nil
}

// ended returns the error for a caller whose session was not found, or has ended.
func (s *Service) ended(who caller.Caller, err error) error {
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	s.forget(who.Proof())
	return errEnded()
}

// fresh is how old a proof may be for changes of credentials (ASVS 7.5.1).
const fresh = 10 * time.Minute

// mustBeFresh returns an error that asks for a new proof if the last one is too old.
func (m *member) mustBeFresh(now time.Time) error {
	if now.Sub(m.session.Since) <= fresh {
		return nil
	}
	err := errs.New(errs.Unauthenticated, "this needs a recent proof: sign in again")
	err.StepUp = &errs.StepUp{MaxAge: fresh}
	return err
}

// as runs f in a transaction for the owner of a session.
func (s *Service) as(ctx context.Context, who caller.Caller, f func(w *work, m *member) error) error {
	return again(func() error {
		return s.write(ctx, func(w *work) error {
			m, err := s.member(w, who)
			if err != nil {
				return err
			}
			return f(w, m)
		})
	})
}

// SignOut ends the session of a caller, or all sessions of its account. All of them need a recent proof.
func (s *Service) SignOut(ctx context.Context, who caller.Caller, all bool, client Client) (err error) {
	defer errs.Wrap(&err, "account.SignOut")
	return s.as(ctx, who, func(w *work, m *member) error {
		if all {
			if err := m.mustBeFresh(w.now); err != nil {
				return err
			}
			if err := s.endAll(w, m.account.ID, ""); err != nil {
				return err
			}
			return s.note(w, m.account, client, event{action: "session.all_ended", session: m.session.ID})
		}
		return s.end(w, m.account, m.session.ID, client)
	})
}

// Sessions returns the sessions of the caller's account, the oldest first.
func (s *Service) Sessions(ctx context.Context, who caller.Caller) (all []Session, err error) {
	defer errs.Wrap(&err, "account.Sessions")
	err = s.as(ctx, who, func(w *work, m *member) error {
		all = []Session{}
		rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": m.account.ID})
		for _, row := range rows {
			if !row.over(w.now) {
				all = append(all, row.public(m.session.ID))
			}
		}
		return err
	})
	return all, err
}

func (r *sessionRow) public(current string) Session {
	return Session{
		ID: r.ID, Current: r.ID == current, Agent: r.Agent, Address: r.Address, Methods: r.Methods, MFA: r.MFA,
		Created: *r.CreatedAt, Seen: r.SeenAt, Ends: r.EndsAt,
	}
}

// EndSession ends one session of the caller's account. Another one than the caller's needs a recent proof (ASVS 7.5.2).
func (s *Service) EndSession(ctx context.Context, who caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndSession")
	return s.as(ctx, who, func(w *work, m *member) error {
		row, _, err := s.sessions.get(w, id)
		if err == nil && row.Account != m.account.ID {
			err = errs.New(errs.NotFound, "no such session")
		}
		if err != nil {
			return err
		}
		if id != m.session.ID {
			if err := m.mustBeFresh(w.now); err != nil {
				return err
			}
		}
		return s.end(w, m.account, id, client)
	})
}

// end ends one session.
func (s *Service) end(w *work, a *accountRow, id string, client Client) error {
	if err := ignoreMissing(s.sessions.remove(w, id, 0)); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "session.ended", session: id})
}

// endAll ends all sessions of an account except one, and the sign-ins that wait for a factor.
func (s *Service) endAll(w *work, account, except string) error {
	if err := s.dropFlows(w, account, forFactor); err != nil {
		return err
	}
	rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == except {
			continue
		}
		if err := ignoreMissing(s.sessions.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// restamp ends the access tokens of all sessions of an account. Its clients refresh them, and get tokens that say what has
// changed.
func (s *Service) restamp(w *work, account string) error {
	rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.sessions.update(w, row.ID, 0, map[string]any{"stamp": row.Stamp + 1}); err != nil {
			return lostRace(err)
		}
	}
	return nil
}

// restampAll ends the access tokens of all sessions of an account, and makes every node read its keys and identities again.
func (s *Service) restampAll(w *work, account string) error {
	if err := s.restamp(w, account); err != nil {
		return err
	}
	return s.restampBearers(w, account)
}

// restampBearers makes every node read the keys and identities of an account again.
func (s *Service) restampBearers(w *work, account string) error {
	if err := s.restampKeys(w, account); err != nil {
		return err
	}
	return s.restampIdentities(w, account)
}

// endKeys deletes all keys of an account.
func (s *Service) endKeys(w *work, account string) error {
	rows, err := s.apiKeys.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.apiKeys.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// Me is what a caller may know of itself.
type Me struct {
	Kind    string     `json:"kind"`
	ID      string     `json:"id"`
	Email   string     `json:"email,omitempty"`
	Roles   []string   `json:"roles"`
	Methods []string   `json:"methods"`
	MFA     bool       `json:"mfa"`
	Since   *time.Time `json:"since,omitempty"`
	Session string     `json:"session,omitempty"`
	Key     string     `json:"key,omitempty"`
}

// Me describes a caller. A caller whose session or key has ended is refused.
func (s *Service) Me(ctx context.Context, who caller.Caller) (me Me, err error) {
	defer errs.Wrap(&err, "account.Me")
	if who.IsAnonymous() {
		return Me{}, errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	if err := s.alive(ctx, who); err != nil {
		return Me{}, err
	}
	id, _ := who.ID()
	email, _ := who.Email()
	me = Me{Kind: who.Kind().String(), ID: id, Email: email, Roles: append([]string{}, who.Roles()...), Methods: append([]string{}, who.Methods()...), MFA: who.MFA()}
	if since, ok := who.Since(); ok {
		me.Since = &since
	}
	if id, ok := who.Session(); ok {
		me.Session = id
	}
	if id, ok := who.APIKey(); ok {
		me.Key = id
	}
	return me, nil
}
