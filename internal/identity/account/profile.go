package account

import (
	"context"
	"encoding/json"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Profile is an account as its owner sees it.
type Profile struct {
	Person
	Password bool // the account has one
	TOTP     bool // the account has a one-time password
	Passkeys int  // how many the account has
	Links    int  // accounts at providers that sign in to it
	Recovery int  // unused recovery codes
	MFA      bool // the session has proved a second factor
}

// Profile describes the account of a session.
func (s *Service) Profile(ctx context.Context, who caller.Caller) (p Profile, err error) {
	defer errs.Wrap(&err, "account.Profile")
	err = s.as(ctx, who, func(w *work, m *member) error {
		codes, err := s.recovery.list(w, "account_id == arg.account", map[string]string{"account": m.account.ID})
		if err != nil {
			return err
		}
		held, err := s.passkeysOf(w, m.account)
		if err != nil {
			return err
		}
		links, err := s.linksOf(w, m.account)
		p = Profile{
			Person: s.person(m.account, who.Roles()), Password: m.account.Password != "", TOTP: m.account.TOTP != "",
			Passkeys: len(held), Links: len(links), Recovery: len(codes), MFA: m.session.MFA,
		}
		return err
	})
	return p, err
}

// Fresh returns the error that the changes of credentials return for a caller whose last proof is too old. So a page can ask
// for the proof before somebody fills its form.
func (s *Service) Fresh(who caller.Caller) error {
	since, _ := who.Since()
	return (&member{session: &sessionRow{Since: since}}).mustBeFresh(s.now())
}

// EndOthers ends all sessions of the caller's account except the one that the caller came with. It needs a recent proof.
func (s *Service) EndOthers(ctx context.Context, who caller.Caller, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndOthers")
	return s.as(ctx, who, func(w *work, m *member) error {
		if err := m.mustBeFresh(w.now); err != nil {
			return err
		}
		if err := s.endAll(w, m.account.ID, m.session.ID); err != nil {
			return err
		}
		return s.note(w, m.account, client, event{action: "session.others_ended", session: m.session.ID})
	})
}

// VerifyPage is Verify for a page. People type the code in any browser, but only who signed up may set the password. So a
// browser other than the one that signed up must give the password of the sign-up. Otherwise a stranger could sign up with
// the address of somebody else, who confirms it, and would know the password of the account.
func (s *Service) VerifyPage(ctx context.Context, email, code, secret string, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.VerifyPage")
	email, err = address(email, "/email")
	if err != nil {
		return Step{}, err
	}
	proved := "" // hash of the password that was given
	for range 2 {
		waits := ""
		step, err = s.byCode(ctx, email, code, client, func(w *work, row *secretRow) (Step, error) {
			data, err := row.pending()
			if err != nil {
				return Step{}, err
			}
			if data.Password != "" && data.Password != proved && !s.signedUp(data, email, client) {
				waits = data.Password
				return Step{}, invalid("/password", "required", "you signed up in another browser: give the password that you chose there")
			}
			waits = ""
			return s.enter(w, email, data, client)
		}, forSignUp, forSignIn, forAddress)
		if waits == "" || secret == "" {
			return step, err
		}
		ok, _, err := s.hasher.Verify(ctx, client.caller(), waits, secret)
		if err != nil {
			return Step{}, err
		}
		if !ok {
			return Step{}, invalid("/password", "wrong", "this is not the password that was chosen at sign-up")
		}
		proved = waits
	}
	return step, err
}

// pending returns what waits for the code of a sign-up. It is empty for other purposes.
func (r *secretRow) pending() (data pending, err error) {
	if r.Purpose == forSignUp {
		err = json.Unmarshal(r.Data, &data)
	}
	return data, err
}

// signedUp reports whether a client is the browser that began a sign-up.
func (s *Service) signedUp(data pending, email string, client Client) bool {
	return client.Browser != "" && sameHash(data.Browser, s.hashSecret(forSignUp, email, client.Browser))
}
