package account

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// LinkToken links the subject of an access token with the caller's account. The caller has the token and has proved lately to own
// the account, so both are the same person's.
func (s *Service) LinkToken(ctx context.Context, who caller.Caller, text string, client Client) (made Link, err error) {
	defer errs.Wrap(&err, "account.LinkToken")
	token, ok, err := s.issuers.Verify(ctx, text)
	if errs.KindOf(err) == errs.Unauthenticated || (!ok && err == nil) {
		err = invalid("/token", "token_invalid", "it is not a valid access token of an issuer that the app knows")
	}
	if err != nil {
		return made, err
	}
	found := s.foreigner("", token.Identity)
	err = s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		if err := s.mustProveFactor(w, m); err != nil {
			return err
		}
		if !m.account.Verified {
			return errs.New(errs.Forbidden, "verify the address of the account first")
		}
		if err := s.linkTo(w, m.account, found, client); err != nil {
			return linkedElsewhere(err)
		}
		row, err := s.findIdentity(w, found.Issuer, found.Subject)
		if err != nil || row == nil {
			return lostRace(err)
		}
		made = s.publicLink(row)
		return s.tell(w, m.account, "provider", client)
	})
	return made, err
}

func linkedElsewhere(err error) error {
	if errs.KindOf(err) == errs.Conflict {
		return errLinkedElsewhere(err)
	}
	return err
}

// A Linked is an account elsewhere that opens an account here, as operators see it.
type Linked struct {
	ID      string
	Issuer  string
	Subject string
	Email   string   // what the provider said last
	Roles   []string // that its claims gave at the last sign-in
	LastAt  time.Time
	TokenAt *time.Time // last use of a token
}

// LinksOf returns the accounts elsewhere that open an account, the oldest first.
func (s *Service) LinksOf(ctx context.Context, id string) (all []Linked, err error) {
	defer errs.Wrap(&err, "account.LinksOf")
	rows, err := s.identities.read(ctx, s, "account_id == arg.account", map[string]string{"account": id})
	for _, row := range rows {
		all = append(all, Linked{row.ID, row.Issuer, row.Subject, row.Email, s.givenRoles(&row), row.LastAt, row.TokenAt})
	}
	return all, err
}

// UnlinkOf removes a link of an account, the last way to sign in too.
func (s *Service) UnlinkOf(ctx context.Context, id, link string, client Client) (err error) {
	defer errs.Wrap(&err, "account.UnlinkOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		row, revision, err := s.identities.get(w, link)
		if err == nil && row.Account != a.ID {
			err = errs.New(errs.NotFound, "no such link")
		}
		if err != nil {
			return err
		}
		return s.unlink(w, &member{account: a, session: &sessionRow{}}, &row, revision, client)
	})
}
