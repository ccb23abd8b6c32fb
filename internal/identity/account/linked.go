package account

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Link is an account elsewhere that opens an account here, as its owner sees it: by a sign-in at a provider, or by tokens of an
// issuer.
type Link struct {
	ID       string    `json:"id"`
	Provider string    `json:"provider,omitempty"` // name in the model; "" for an issuer of tokens alone
	Issuer   string    `json:"issuer"`
	Title    string    `json:"title"`           // for people
	Email    string    `json:"email,omitempty"` // what the provider said last
	Created  time.Time `json:"created_at"`
	Used     time.Time `json:"used_at"`
}

// linksOf returns the links of an account, the oldest first.
func (s *Service) linksOf(w *work, a *accountRow) ([]identityRow, error) {
	return s.identities.list(w, "account_id == arg.account", map[string]string{"account": a.ID})
}

func (s *Service) publicLink(row *identityRow) Link {
	title := cmp.Or(row.Provider, row.Issuer) // the model may have it no longer
	if p, err := s.provider(row.Provider); err == nil {
		title = p.Title()
	}
	used := row.LastAt
	if row.TokenAt != nil && row.TokenAt.After(used) {
		used = *row.TokenAt
	}
	return Link{ID: row.ID, Provider: row.Provider, Issuer: row.Issuer, Title: title, Email: row.Email, Created: *row.CreatedAt, Used: used}
}

// Links returns the accounts elsewhere that open the caller's account, the oldest first.
func (s *Service) Links(ctx context.Context, who caller.Caller) (all []Link, err error) {
	defer errs.Wrap(&err, "account.Links")
	err = s.as(ctx, who, func(w *work, m *member) error {
		rows, err := s.linksOf(w, m.account)
		all = make([]Link, len(rows))
		for i := range rows {
			all[i] = s.publicLink(&rows[i])
		}
		return err
	})
	return all, err
}

// Unlink ends that an account elsewhere opens the caller's account. Sessions that began at a provider end, except
// the caller's own. Roles that its claims gave are lost. The last way to sign in stays.
func (s *Service) Unlink(ctx context.Context, who caller.Caller, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Unlink")
	defer s.forget(who.Proof()) // the session may have another stamp then
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		row, revision, err := s.identities.get(w, id)
		if errs.KindOf(err) == errs.NotFound || (err == nil && row.Account != m.account.ID) {
			return errs.New(errs.NotFound, "no such link")
		}
		if err != nil {
			return err
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		if err := s.mustHaveOtherWay(w, m.account, &row); err != nil {
			return err
		}
		return s.unlink(w, m, &row, revision, client)
	})
}

// unlink removes a link, takes back what came by it, and tells the owner. It does not say where an operator sits.
func (s *Service) unlink(w *work, m *member, row *identityRow, revision int64, client Client) error {
	before, err := s.heldRoles(w, m.account, "")
	if err != nil {
		return err
	}
	if err := lostRace(s.identities.remove(w, row.ID, revision)); err != nil {
		return err
	}
	if err := s.noteRoles(w, m.account, before, row.Provider, client); err != nil {
		return err
	}
	if row.Provider != "" { // an issuer of tokens alone began no session
		if err := s.endSessionsBy(w, m, "oidc"); err != nil {
			return err
		}
	}
	told := client
	if client.Operator != nil {
		told = Client{}
	}
	if err := s.tell(w, m.account, "provider removed", told); err != nil {
		return err
	}
	return s.note(w, m.account, client, event{
		action: "provider.unlinked", session: m.session.ID, target: row.ID, detail: map[string]any{"provider": row.Provider, "issuer": row.Issuer, "subject": row.Subject},
	})
}

// endSessionsBy ends the sessions of an account that began by a method, except the current one. It also ends the sign-ins
// that wait for a factor or for their owner's consent.
func (s *Service) endSessionsBy(w *work, m *member, method string) error {
	for _, why := range []purpose{forFactor, forLink} {
		if err := s.dropFlows(w, m.account.ID, why); err != nil {
			return err
		}
	}
	rows, err := s.sessions.list(w, "account_id == arg.account", map[string]string{"account": m.account.ID})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.ID == m.session.ID || !slices.Contains(row.Methods, method) {
			continue
		}
		if err := ignoreMissing(s.sessions.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// dropLinks deletes the links of an account, and the flows that wait for its owner's consent.
func (s *Service) dropLinks(w *work, a *accountRow) error {
	if err := s.dropFlows(w, a.ID, forLink); err != nil {
		return err
	}
	rows, err := s.linksOf(w, a)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := ignoreMissing(s.identities.remove(w, row.ID, 0)); err != nil {
			return err
		}
	}
	return nil
}

// mustHaveOtherWay returns an error if nothing but one link signs in to an account. A mailed code does not count: who loses an
// account at a provider often loses the mailbox there too.
func (s *Service) mustHaveOtherWay(w *work, a *accountRow, link *identityRow) error {
	if _, err := s.provider(link.Provider); err != nil { // nobody signs in with it
		return nil
	}
	if a.Password != "" && s.rules.Password != nil {
		return nil
	}
	held, err := s.passkeysOf(w, a)
	if err != nil || (len(held) > 0 && s.ceremonies != nil) {
		return err
	}
	links, err := s.linksOf(w, a)
	if err != nil {
		return err
	}
	for _, row := range links {
		if _, err := s.provider(row.Provider); err == nil && row.ID != link.ID {
			return nil
		}
	}
	return errs.New(errs.Conflict, "this is the last way to sign in: %s first", s.furtherWays())
}

// furtherWays says what the owner of an account can add to sign in with.
func (s *Service) furtherWays() string {
	switch {
	case s.rules.Password != nil && s.ceremonies != nil:
		return "set a password or add a passkey"
	case s.rules.Password != nil:
		return "set a password"
	case s.ceremonies != nil:
		return "add a passkey"
	}
	return "link another account"
}

// BeginLink begins to link an account at a provider with the caller's account. It goes on as BeginProvider does, and ends with
// a flow for Link: the owner sees which account it is before the link is made.
func (s *Service) BeginLink(ctx context.Context, who caller.Caller, name, next, browser string, client Client) (d Departure, err error) {
	defer errs.Wrap(&err, "account.BeginLink(%s)", name)
	kept := departed{Next: next, Cookie: client.Cookie}
	err = s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		kept.Account, kept.Session = m.account.ID, m.session.ID
		return s.mustProveFactor(w, m)
	})
	if err != nil {
		return Departure{}, err
	}
	return s.depart(ctx, name, kept, browser, client)
}

// arriveToLink takes in somebody from a provider whom the owner of an account sent there to link.
func (s *Service) arriveToLink(w *work, who foreigner, kept departed) (Arrival, error) {
	row, _, err := s.sessions.get(w, kept.Session)
	if errs.KindOf(err) == errs.NotFound || (err == nil && row.over(w.now)) {
		return Arrival{}, errEnded()
	}
	if err != nil {
		return Arrival{}, err
	}
	a, _, err := s.lock(w, kept.Account)
	if err != nil {
		return Arrival{}, err
	}
	known, err := s.findIdentity(w, who.Issuer, who.Subject)
	switch {
	case err != nil:
		return Arrival{}, err
	case known != nil && known.Account == a.ID:
		return Arrival{}, errs.New(errs.Conflict, "this account at the provider is linked already")
	case known != nil:
		return Arrival{}, errLinkedElsewhere(nil)
	}
	who.Own = true
	flow, err := s.newLink(w, &a, who)
	return Arrival{Link: flow, Email: who.Email, Own: true}, err
}

// errLinkedElsewhere is the answer to a link of an account elsewhere that has one already.
func errLinkedElsewhere(cause error) error {
	return errs.Wrapf(cause, errs.Conflict, "this account elsewhere opens another account here already")
}
