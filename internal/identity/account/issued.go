package account

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A subject names somebody at an issuer for good.
type subject struct{ issuer, name string }

// linked is the account behind a subject. Guard refuses the caller when the row of the identity has changed, so a node need not
// read it for each request.
type linked struct {
	caller.Identity // without what the token says; its proof is the row of the identity
	until           time.Time
}

// ByToken returns the caller with an access token of an issuer elsewhere. ok is false for a token of no such issuer.
func (s *Service) ByToken(ctx context.Context, text string, client Client) (who caller.Caller, ok bool, err error) {
	token, ok, err := s.issuers.Verify(ctx, text)
	if !ok || err != nil {
		return who, ok, err
	}
	defer errs.Wrap(&err, "account.ByToken(%s)", token.Issuer)
	behind, err := s.behind(ctx, &token, client)
	if err != nil {
		return who, true, err
	}
	return s.issuedCaller(behind, &token), true, nil
}

// issuedCaller returns the caller with a verified token. The token says how and when its holder signed in, and which roles its
// claims give. Everything else is the account's.
func (s *Service) issuedCaller(behind linked, token *oidc.Token) caller.Caller {
	who := behind.Identity
	who.Methods, who.MFA, who.Since = token.Methods, token.MFA, token.Since
	if rules := s.issuer(token.Issuer).Roles; rules != nil {
		who.Roles = slices.Concat(who.Roles, rolesOf(rules, token.Claims[rules.From]))
		slices.Sort(who.Roles)
		who.Roles = slices.Compact(who.Roles)
	}
	if !who.MFA {
		who.Roles = s.rolesWithoutMFA(who)
	}
	return caller.User(who)
}

// issuer returns an issuer of the model.
func (s *Service) issuer(name string) *model.Issuer {
	for i := range s.rules.Issuers {
		if s.rules.Issuers[i].Issuer == name {
			return &s.rules.Issuers[i]
		}
	}
	return &model.Issuer{Issuer: name} // of another model; nobody is linked with it
}

// behind returns the account behind a token. If nobody is linked with its subject, the model may let it make an account.
func (s *Service) behind(ctx context.Context, token *oidc.Token, client Client) (behind linked, err error) {
	name := subject{token.Issuer, token.Subject}
	if id, ok := s.identityOf.Get(name); ok {
		if found, ok := s.linked.Get(id); ok && s.now().Before(found.until) {
			return found, nil
		}
	}
	var state issuedState
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			behind, state, err = s.findBehind(w, token, client)
			return err
		})
	})
	switch {
	case err != nil:
		return behind, err
	case state == isUnlinked:
		return behind, errs.New(errs.Forbidden, "the token is good, but no account is linked with it: sign in here, and send it to POST /auth/links")
	case state == isShut:
		return behind, errs.New(errs.Unauthenticated, "this account may not sign in")
	}
	behind.until = s.now().Add(granularity)
	s.identityOf.Put(name, behind.Proof.ID)
	s.linked.Put(behind.Proof.ID, behind)
	return behind, nil
}

// An issuedState says whether the account behind a token may come in.
type issuedState uint8

const (
	isUnlinked issuedState = iota // there is none
	isShut                        // it is suspended
	isOpen
)

// findBehind finds the account behind a token. It reads the stamp of the identity before the account: a change that it does not
// see raises the stamp afterwards, so the guard refuses the caller.
func (s *Service) findBehind(w *work, token *oidc.Token, client Client) (behind linked, state issuedState, err error) {
	row, err := s.findIdentity(w, token.Issuer, token.Subject)
	if err != nil {
		return behind, isUnlinked, err
	}
	if row == nil {
		if s.issuer(token.Issuer).Users == model.UsersKnown {
			return behind, isUnlinked, nil
		}
		if row, err = s.settleToken(w, token, client); err != nil {
			return behind, isUnlinked, err
		}
	}
	a, _, err := s.accounts.get(w, row.Account)
	switch {
	case err != nil:
		return behind, isUnlinked, lostRace(err)
	case a.SuspendedAt != nil || a.Kind != KindUser:
		return behind, isShut, nil
	}
	except := ""
	if s.issuer(token.Issuer).Roles != nil { // the token says what its own identity gives
		except = row.ID
	}
	roles, err := s.heldRoles(w, &a, except)
	if err != nil {
		return behind, isUnlinked, err
	}
	behind.Identity = caller.Identity{
		ID: a.userID(), Email: a.Email, Roles: roles, Verified: a.Verified,
		Proof: caller.Proof{Kind: caller.ProofIdentity, ID: row.ID, Stamp: row.Stamp},
	}
	return behind, isOpen, s.touchIdentity(w, &a, row, client)
}

// findIdentity returns the identity of a subject, or nil.
func (s *Service) findIdentity(w *work, issuer, subject string) (*identityRow, error) {
	found, err := s.identities.list(w, "issuer == arg.issuer && subject == arg.subject", map[string]string{"issuer": issuer, "subject": subject})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// settleToken makes an account for the subject of a token, as a sign-up at a provider does. An address that somebody has here
// opens nothing: the issuer may have given it to another person since.
func (s *Service) settleToken(w *work, token *oidc.Token, client Client) (*identityRow, error) {
	who := s.foreigner("", token.Identity)
	if who.Email == "" || !who.Verified {
		return nil, errs.New(errs.Forbidden, "the token has no verified email address, so it makes no account: its issuer must add email and email_verified")
	}
	a, err := s.findIn(w, KindUser, who.Email)
	if err != nil {
		return nil, err
	}
	if a == nil {
		if _, err := s.newcomer(w, who, client); err != nil {
			return nil, err
		}
	}
	row, err := s.findIdentity(w, token.Issuer, token.Subject) // a parallel request may have made both
	if err == nil && row == nil {
		err = errs.New(errs.Forbidden, "an account has the address of the token: sign in to it, and send the token to POST /auth/links")
	}
	return row, err
}

// touchIdentity notes that a token was used. The audit log has the first use.
func (s *Service) touchIdentity(w *work, a *accountRow, row *identityRow, client Client) error {
	if row.TokenAt != nil && w.now.Sub(*row.TokenAt) < granularity {
		return nil
	}
	now, revision, err := s.identities.get(w, row.ID)
	if err != nil {
		return lostRace(err)
	}
	if err := s.identities.update(w, row.ID, revision, map[string]any{"token_at": micros(w.now)}); err != nil {
		return lostRace(err)
	}
	if now.TokenAt != nil {
		return nil
	}
	return s.note(w, a, client, event{action: "issuer.first_used", detail: map[string]any{"issuer": row.Issuer, "subject": row.Subject}})
}

// restampIdentities makes every node read the identities of an account again.
func (s *Service) restampIdentities(w *work, account string) error {
	rows, err := s.identities.list(w, "account_id == arg.account", map[string]string{"account": account})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := s.identities.update(w, row.ID, 0, map[string]any{"stamp": row.Stamp + 1}); err != nil {
			return lostRace(err)
		}
	}
	return nil
}
