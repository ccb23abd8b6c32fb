package account

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A foreigner is who comes from a provider: all that this package takes over from there.
type foreigner struct {
	Provider string   `json:"provider"`
	Issuer   string   `json:"issuer"`
	Subject  string   `json:"subject"`
	Email    string   `json:"email,omitempty"`    // canonical; "" if the provider gave none
	Verified bool     `json:"verified,omitempty"` // the provider says that Email is the person's
	Name     string   `json:"name,omitempty"`
	Roles    []string `json:"roles,omitempty"` // by the claims
	Own      bool     `json:"own,omitempty"`   // the owner of the account here began, so the addresses may differ
}

// foreigner returns the person of an identity.
func (s *Service) foreigner(provider string, who oidc.Identity) foreigner {
	f := foreigner{Provider: provider, Issuer: who.Issuer, Subject: who.Subject, Name: cleanName(who.Name)}
	if email, ok := canonical(who.Email); ok {
		f.Email, f.Verified = email, who.EmailVerified
	}
	if rules := s.claimRoles(provider); rules != nil {
		f.Roles = rolesOf(rules, who.Claims[rules.From])
	}
	return f
}

// cleanName makes the name of a provider fit for users.name.
func cleanName(name string) string {
	name = strings.Map(func(char rune) rune {
		if !unicode.IsGraphic(char) || char == unicode.ReplacementChar {
			return -1
		}
		return char
	}, strings.ToValidUTF8(name, ""))
	runes := []rune(strings.TrimSpace(name))
	return string(runes[:min(len(runes), maxName)])
}

// arrive signs in somebody from a provider. The account is the one that (issuer, subject) was linked with. An address alone
// never opens an account: if one has it, its owner must prove that with what the account has already.
func (s *Service) arrive(w *work, who foreigner, client Client) (Arrival, error) {
	// The account is looked up before the link to it: another arrival of the same person may make both between the look-ups.
	var a *accountRow
	vouched := who.Email != "" && who.Verified
	if vouched {
		var err error
		if a, err = s.findIn(w, KindUser, who.Email); err != nil {
			return Arrival{}, err
		}
	}
	known, err := s.findIdentity(w, who.Issuer, who.Subject)
	switch {
	case err != nil:
		return Arrival{}, err
	case known != nil:
		return s.comeBack(w, known, who, client)
	case !vouched:
		return Arrival{}, errs.New(errs.Forbidden, "the provider does not vouch for an email address of yours: verify one there, or sign up here")
	case a == nil:
		return s.settle(w, who, client)
	case a.SuspendedAt != nil:
		return Arrival{}, s.note(w, a, client, event{action: "sign_in.failed", detail: map[string]any{"provider": who.Provider}})
	case !a.Verified:
		return Arrival{}, errs.New(errs.Conflict, "an account with your address exists, and nobody has verified the address yet: sign in with a code by mail first")
	}
	flow, err := s.newLink(w, a, who)
	return Arrival{Link: flow, Email: who.Email}, err
}

// comeBack signs in to a linked account.
func (s *Service) comeBack(w *work, row *identityRow, who foreigner, client Client) (Arrival, error) {
	a, _, err := s.lock(w, row.Account)
	if err != nil {
		return Arrival{}, ignoreMissing(err)
	}
	if a.SuspendedAt == nil {
		if err := s.identities.update(w, row.ID, 0, map[string]any{"email": nullable(who.Email), "last_at": micros(w.now)}); err != nil {
			return Arrival{}, lostRace(err)
		}
		if err := s.takeRoles(w, &a, row.ID, who, client); err != nil {
			return Arrival{}, err
		}
	}
	step, err := s.proved(w, &a, proof{methods: []string{"oidc"}}, nil, client)
	return Arrival{Step: step}, err
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// settle signs in somebody with a new address.
func (s *Service) settle(w *work, who foreigner, client Client) (Arrival, error) {
	a, err := s.newcomer(w, who, client)
	if err != nil {
		return Arrival{}, err
	}
	step, err := s.proved(w, a, proof{methods: []string{"oidc"}}, nil, client)
	return Arrival{Step: step}, err
}

// newcomer makes an account for a new address, if the model lets everybody sign up or if the address was invited. It links it.
func (s *Service) newcomer(w *work, who foreigner, client Client) (*accountRow, error) {
	invited, isInvited, err := s.takeInvitation(w, who.Email)
	if err != nil {
		return nil, err
	}
	if s.rules.Signup != model.SignupOpen && !isInvited {
		return nil, errs.New(errs.Forbidden, "sign-up is closed: ask for an invitation")
	}
	a, err := s.make(w, who.Email, pending{Name: who.Name, Roles: invited.Roles}, true)
	if err != nil {
		return nil, lostRaceToSettle(err)
	}
	if err := s.note(w, a, client, event{action: "account.created", detail: map[string]any{"provider": who.Provider, "issuer": who.Issuer}}); err != nil {
		return nil, err
	}
	return a, lostRaceToSettle(s.linkTo(w, a, who, client))
}

// lostRaceToSettle turns the conflict with an account that was made first into errs.Stale: see again.
func lostRaceToSettle(err error) error {
	if errs.KindOf(err) == errs.Conflict {
		return errs.Wrapf(err, errs.Stale, "another sign-in made the account first")
	}
	return err
}

// takeInvitation consumes the invitations of an address. The provider vouches for the address, so no code is needed.
func (s *Service) takeInvitation(w *work, email string) (all pending, found bool, err error) {
	rows, err := s.oneTime.list(w, "email == arg.email && purpose == arg.purpose", map[string]string{"email": email, "purpose": string(forInvite)})
	if err != nil {
		return all, false, err
	}
	for _, row := range rows {
		if w.now.Before(row.ExpiresAt) {
			var one pending
			if err := json.Unmarshal(row.Data, &one); err != nil {
				return all, false, err
			}
			found, all.Roles = true, append(all.Roles, one.Roles...)
		}
		if err := lostRace(s.oneTime.remove(w, row.ID, 0)); err != nil {
			return all, false, err
		}
	}
	slices.Sort(all.Roles)
	all.Roles = slices.Compact(all.Roles)
	return all, found, nil
}

// linkTo links somebody from a provider with an account.
func (s *Service) linkTo(w *work, a *accountRow, who foreigner, client Client) error {
	row := identityRow{Account: a.ID, Provider: who.Provider, Issuer: who.Issuer, Subject: who.Subject, Email: who.Email, LastAt: micros(w.now)}
	id, err := s.identities.create(w, row)
	if err != nil {
		return err
	}
	if err := s.takeRoles(w, a, id, who, client); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "provider.linked", detail: map[string]any{"provider": who.Provider, "issuer": who.Issuer, "subject": who.Subject}})
}

// newLink keeps somebody from a provider until the owner of an account agrees, and returns the flow.
func (s *Service) newLink(w *work, a *accountRow, who foreigner) (string, error) {
	data, err := json.Marshal(who)
	if err != nil {
		return "", err
	}
	secret := newSecret()
	id, err := s.oneTime.create(w, secretRow{
		Account: a.ID, Purpose: forLink, Hash: s.hashSecret(forLink, a.ID, secret), Data: data, ExpiresAt: micros(w.now.Add(s.rules.Codes.Valid)),
	})
	return id + "." + secret, err
}

// Link links the account at a provider, which a flow is about, with the caller's account. The caller must have proved lately to
// own the account, with its second factor if there is one.
func (s *Service) Link(ctx context.Context, who caller.Caller, flow string, client Client) (err error) {
	defer errs.Wrap(&err, "account.Link")
	id, secret, ok := cutFlow(flow)
	if !ok {
		return errLink()
	}
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		row, revision, err := s.oneTime.get(w, id)
		if errs.KindOf(err) == errs.NotFound {
			return errLink()
		}
		if err != nil {
			return err
		}
		isFor := row.Purpose == forLink && row.Account == m.account.ID && w.now.Before(row.ExpiresAt)
		if !isFor || !sameHash(s.hashSecret(forLink, m.account.ID, secret), row.Hash) {
			return errLink()
		}
		return s.link(w, m, &row, revision, client)
	})
}

// link consumes the row of a flow and links what it holds.
func (s *Service) link(w *work, m *member, row *secretRow, revision int64, client Client) error {
	var found foreigner
	if err := json.Unmarshal(row.Data, &found); err != nil {
		return err
	}
	if !found.Own && (!m.account.Verified || m.account.Email != found.Email) { // changed since the flow began
		return errLink()
	}
	if err := lostRace(s.oneTime.remove(w, row.ID, revision)); err != nil {
		return err
	}
	if err := s.linkTo(w, m.account, found, client); err != nil {
		return linkedElsewhere(err)
	}
	return s.tell(w, m.account, "provider", client)
}

// errLink is the answer to a flow that is wrong, expired, used or of another account.
func errLink() error {
	return invalid("/flow", "code_invalid", "the flow is not valid, or no longer: sign in at the provider again")
}
