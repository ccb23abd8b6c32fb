package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Newcomer is who wants an account.
type Newcomer struct {
	Email      string
	Password   string // "" for an account without a password
	Name       string
	Invitation string // code of an invitation, if sign-up needs one
}

// pending is a sign-up that waits for its code, or the roles of an invitation.
type pending struct {
	Password string   `json:"password,omitempty"` // PHC string
	Name     string   `json:"name,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	Browser  string   `json:"browser,omitempty"` // hash of Client.Browser or Step.Waits
	By       string   `json:"by,omitempty"`      // account of the user who invites
}

// maxName is the largest length of a name in code points. It is the bound of users.name.
const maxName = 200

// SignUp begins or makes an account. If addresses are verified first, it only queues a mail and returns a Step that waits;
// the same happens for an address that has an account, so nobody learns of it. Otherwise it opens a session.
func (s *Service) SignUp(ctx context.Context, who Newcomer, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.SignUp")
	if s.rules.Signup == model.SignupClosed || (s.rules.Signup == model.SignupInvite && who.Invitation == "") {
		return Step{}, errs.New(errs.Forbidden, "sign-up is closed: ask for an invitation")
	}
	email, hash, err := s.checkNewcomer(ctx, who, client)
	if err != nil {
		return Step{}, err
	}
	data := pending{Password: hash, Name: who.Name}
	if who.Invitation != "" {
		return s.accept(ctx, email, who.Invitation, data, client)
	}
	if s.rules.Verify == model.VerifyLater {
		return s.signUpNow(ctx, email, data, client)
	}
	waits := client.Browser
	if waits == "" {
		waits = newSecret()
		step.Waits = waits
	}
	data.Browser = s.hashSecret(forSignUp, email, waits)
	return step, s.askWith(ctx, letter{Kind: string(forSignUp), Email: email}, &data, client)
}

// checkNewcomer checks everything that does not depend on other accounts, and hashes the password.
func (s *Service) checkNewcomer(ctx context.Context, who Newcomer, client Client) (email, hash string, err error) {
	var faults []errs.Fault
	email, ok := canonical(who.Email)
	if !ok {
		faults = append(faults, errs.Fault{Pointer: "/email", Code: "email", Detail: "this is not an email address"})
	}
	if n := len([]rune(who.Name)); n > maxName {
		faults = append(faults, errs.Fault{Pointer: "/name", Code: "max", Detail: "a name has at most 200 characters"})
	}
	switch {
	case who.Password == "" && s.rules.Password != nil && s.rules.Passkeys == nil:
		faults = append(faults, errs.Fault{Pointer: "/password", Code: "required", Detail: "choose a password"})
	case who.Password != "":
		faults = append(faults, s.passwordFaults("/password", who.Password, email, who.Name)...)
	}
	if len(faults) > 0 {
		return "", "", &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	if who.Password != "" {
		hash, err = s.hasher.Hash(ctx, client.caller(), who.Password)
	}
	return email, hash, err
}

// passwordFaults returns what is wrong with a new password.
func (s *Service) passwordFaults(pointer, secret string, about ...string) []errs.Fault {
	if s.rules.Password == nil {
		return []errs.Fault{{Pointer: pointer, Code: "unknown", Detail: "this app has no passwords"}}
	}
	words := append(slices.Clip(s.rules.Password.Words), s.model.Name)
	err := password.Check(password.Policy{Min: s.rules.Password.Min, Words: words}, secret, about...)
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		return nil
	}
	faults := slices.Clone(failure.Faults)
	for i := range faults {
		faults[i].Pointer = pointer
	}
	return faults
}

// signUpNow makes an account whose address is verified later. An address that has an account gets a mail that says so, and
// the answer of a sign-up that waits for its mail.
func (s *Service) signUpNow(ctx context.Context, email string, data pending, client Client) (step Step, err error) {
	err = again(func() error {
		return s.write(ctx, func(w *work) error {
			step = Step{}
			if err := w.count(mailCounters(email, client)...); err != nil {
				return err
			}
			kind := forAddress
			known, err := s.findIn(w, KindUser, email)
			switch {
			case err != nil:
				return err
			case known != nil:
				kind = forSignUp // its letter says that the address has an account
			default:
				a, err := s.make(w, email, data, false)
				if err != nil {
					return err
				}
				if step.Grant, err = s.open(w, a, proof{methods: []string{"password"}}, client); err != nil {
					return err
				}
			}
			return s.queue(w, letter{Kind: string(kind), Email: email}, client)
		})
	})
	return step, err
}

// accept makes an account by invitation. The code came to the address by mail, so the address is verified.
func (s *Service) accept(ctx context.Context, email, code string, data pending, client Client) (Step, error) {
	return s.byCode(ctx, email, code, client, func(w *work, row *secretRow) (Step, error) {
		var invited pending
		if err := json.Unmarshal(row.Data, &invited); err != nil {
			return Step{}, err
		}
		if stands, err := s.stands(w, invited.By); err != nil || !stands {
			return Step{}, err
		}
		data.Roles = invited.Roles
		return s.enter(w, email, data, client)
	}, forInvite)
}

// make makes a user: the row in users, unless there is one with the address, and the account.
func (s *Service) make(w *work, email string, data pending, verified bool) (*accountRow, error) {
	id, err := s.userRow(w, email, data.Name)
	if err != nil {
		return nil, err
	}
	a := accountRow{Kind: KindUser, User: id, Email: email, Name: data.Name, Roles: slices.Clip(data.Roles), Password: data.Password, Verified: verified}
	if a.Roles == nil {
		a.Roles = []string{}
	}
	if data.Password != "" {
		now := micros(w.now)
		a.PasswordAt = &now
	}
	a.ID, err = s.accounts.create(w, a)
	return &a, err
}

// userRow returns the id of the row in users with an address, as JSON. It makes a missing one. A row without an account may be
// there from the seed or an import; whoever proves the address is its owner.
func (s *Service) userRow(w *work, email, name string) (json.RawMessage, error) {
	page, err := w.rows.List(s.users, record.Query{
		Filter: "email.lowerAscii() == arg.email", // as the index of users compares
		Args:   map[string]string{"email": email}, Selection: record.Selection{Fields: "id"}, Limit: 1,
	})
	if err != nil {
		return nil, err
	}
	rows, err := itemsOf[struct {
		ID json.RawMessage `json:"id"`
	}](page)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		return rows[0].ID, nil
	}
	members := []value.Member{{Name: "email", Raw: value.AppendString(nil, []byte(email))}}
	if name != "" {
		members = append(members, value.Member{Name: "name", Raw: value.AppendString(nil, []byte(name))})
	}
	made, err := w.rows.Create(s.users, members)
	if err != nil {
		return nil, err
	}
	return value.AppendValue(nil, made.ID), nil
}

// Verify consumes a mailed code: it makes the account of a sign-up, signs in, or confirms the address of an account.
//
// A sign-up keeps its password only if Client.Browser is what the sign-up gave to its caller. Others give a new password. So a
// stranger who signs up with the address of somebody else, who confirms it, never knows the password of the account.
func (s *Service) Verify(ctx context.Context, email, code, secret string, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.Verify")
	email, err = address(email, "/email")
	if err != nil {
		return Step{}, err
	}
	chosen := ""
	if secret != "" {
		if faults := s.passwordFaults("/password", secret, email); len(faults) > 0 {
			return Step{}, &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
		}
		if chosen, err = s.hasher.Hash(ctx, client.caller(), secret); err != nil {
			return Step{}, err
		}
	}
	return s.byCode(ctx, email, code, client, func(w *work, row *secretRow) (Step, error) {
		data, err := row.pending()
		switch {
		case err != nil:
			return Step{}, err
		case chosen != "":
			data.Password = chosen
		case data.Password != "" && !s.signedUp(data, email, client):
			return Step{}, invalid("/password", "required", "send the flow that sign-up answered with, or choose a password again")
		}
		return s.enter(w, email, data, client)
	}, forSignUp, forSignIn, forAddress)
}

// byCode redeems a code and continues in the same transaction. If no code matches, the attempt is counted and the error is
// errCode.
func (s *Service) byCode(ctx context.Context, email, code string, client Client, then func(*work, *secretRow) (Step, error), purposes ...purpose) (step Step, err error) {
	counters := s.codeCounters(email, client)
	if err := s.write(ctx, func(w *work) error { return w.count(counters...) }); err != nil {
		return Step{}, err
	}
	matched := false
	err = again(func() error {
		return s.write(ctx, func(w *work) error {
			step, matched = Step{}, false
			row, err := s.redeem(w, email, code, purposes...)
			if err != nil {
				return err
			}
			if row == nil {
				return s.note(w, &accountRow{}, client, event{action: "code.failed"})
			}
			matched = true
			if err := w.forgive(counters...); err != nil {
				return err
			}
			step, err = then(w, row)
			return err
		})
	})
	switch {
	case err != nil:
		return Step{}, err
	case !matched || (step.Grant == nil && step.Flow == ""):
		return Step{}, errCode()
	}
	return step, nil
}

// enter signs in the owner of a verified address, and makes the account if there is none. The first proof of an address ends
// what somebody else may have set before for an unverified account: see confirm.
func (s *Service) enter(w *work, email string, data pending, client Client) (Step, error) {
	a, err := s.lockIn(w, KindUser, email)
	if err != nil {
		return Step{}, err
	}
	how := proof{methods: []string{"code"}}
	if a == nil {
		if a, err = s.make(w, email, data, true); err != nil {
			return Step{}, err
		}
		if err := s.note(w, a, client, event{action: "account.created"}); err != nil {
			return Step{}, err
		}
	} else if err := s.welcome(w, a, data.Roles, client); err != nil {
		return Step{}, err
	}
	return s.proved(w, a, how, nil, client)
}

// welcome confirms the address of an existing account, and adds the roles of an invitation.
func (s *Service) welcome(w *work, a *accountRow, roles []string, client Client) error {
	if !a.Verified {
		if err := s.confirm(w, a, client); err != nil {
			return err
		}
	}
	before := len(a.Roles)
	for _, role := range roles {
		if !slices.Contains(a.Roles, role) {
			a.Roles = append(slices.Clip(a.Roles), role)
		}
	}
	if len(a.Roles) == before {
		return nil
	}
	if err := s.accounts.update(w, a.ID, 0, map[string]any{"roles": a.Roles}); err != nil {
		return err
	}
	if err := s.restampAll(w, a.ID); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "account.roles", detail: map[string]any{"after": a.Roles, "by": "invitation"}})
}

// stands reports whether the user who invited somebody may still invite. An invitation of the system or an operator names no
// user.
func (s *Service) stands(w *work, by string) (bool, error) {
	if by == "" {
		return true, nil
	}
	a, _, err := s.accounts.get(w, by)
	if err != nil || a.SuspendedAt != nil {
		return false, ignoreMissing(err)
	}
	roles, err := s.heldRoles(w, &a, "")
	return s.invites(caller.User(caller.Identity{ID: a.userID(), Email: a.Email, Roles: roles, Verified: a.Verified, MFA: true})), err
}

// confirm marks the address of an account as verified. A request without a session of the account comes from somebody who may
// not have set its password. So password, passkeys, links to providers, sessions and keys end then.
func (s *Service) confirm(w *work, a *accountRow, client Client) error {
	own, err := s.holds(w, client.Who, a.ID)
	if err != nil {
		return err
	}
	patch := map[string]any{"verified": true}
	if !own {
		patch["password"], patch["password_at"], patch["totp"] = nil, nil, nil
		a.Password, a.TOTP = "", ""
		if err := s.endAll(w, a.ID, ""); err != nil {
			return err
		}
		if err := s.endKeys(w, a.ID); err != nil {
			return err
		}
		if _, err := s.dropPasskeys(w, a); err != nil {
			return err
		}
		if err := s.dropLinks(w, a); err != nil {
			return err
		}
		if err := s.dropRecovery(w, a.ID); err != nil {
			return err
		}
		if err := s.dropFlows(w, a.ID, forTOTP); err != nil {
			return err
		}
	} else if err := s.restamp(w, a.ID); err != nil {
		return err
	}
	a.Verified = true
	if err := s.accounts.update(w, a.ID, 0, patch); err != nil {
		return err
	}
	return s.note(w, a, client, event{action: "address.verified"})
}

// holds reports whether a caller comes with a session of an account.
func (s *Service) holds(w *work, who caller.Caller, account string) (bool, error) {
	if _, ok := who.Session(); !ok {
		return false, nil
	}
	m, err := s.member(w, who)
	if errs.KindOf(err) == errs.Unauthenticated {
		return false, nil
	}
	return err == nil && m.account.ID == account, err
}

// AskCode mails a code to sign in with, if the address has an account. The answer does not say so.
func (s *Service) AskCode(ctx context.Context, email string, client Client) (err error) {
	defer errs.Wrap(&err, "account.AskCode")
	email, err = address(email, "/email")
	if err != nil {
		return err
	}
	return s.ask(ctx, letter{Kind: string(forSignIn), Email: email}, client)
}

// ask queues a letter and counts it. Requests about known and unknown addresses do the same work: what the letter becomes is
// decided by the mail worker (see Compose).
func (s *Service) ask(ctx context.Context, l letter, client Client) error {
	return s.askWith(ctx, l, nil, client)
}

// askWith is ask for a letter with data that waits for its code.
func (s *Service) askWith(ctx context.Context, l letter, data *pending, client Client) error {
	err := s.write(ctx, func(w *work) error {
		if err := w.count(mailCounters(l.Email, client)...); err != nil {
			return err
		}
		if data != nil {
			if err := s.dropOldCodes(w, purpose(l.Kind), l.Email); err != nil {
				return err
			}
			id, err := s.pend(w, purpose(l.Kind), l.Email, *data)
			if err != nil {
				return err
			}
			l.Data = map[string]string{"pending": id}
		}
		return s.queue(w, l, client)
	})
	return err
}

// mailCounters bound the mails to an address, and the mails that one client asks for.
func mailCounters(email string, client Client) []counter {
	return []counter{newCounter(mailBudget, "mail", email), newCounter(networkBudget, "mails from", network(client.Address))}
}

// codeCounters bound the attempts with codes.
func (s *Service) codeCounters(email string, client Client) []counter {
	return []counter{newCounter(codeBudget, "code", email), newCounter(networkBudget, "codes from", network(client.Address))}
}

// A letter is what the mail worker hears of a request.
type letter struct {
	Kind  string
	Email string
	Data  map[string]string
}

// queue queues a letter in the transaction.
func (s *Service) queue(w *work, l letter, client Client) error {
	return s.outbox.Queue(w.rows, mail.Letter{Kind: l.Kind, To: l.Email, Lang: client.Lang, Data: l.Data})
}
