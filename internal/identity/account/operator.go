package account

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
)

// OperatorRoles returns the roles of operators, the mightiest first. An owner makes other operators, an operator changes
// accounts, a viewer only looks.
func OperatorRoles() []string { return []string{"owner", "operator", "viewer"} }

// linkLife is how long the link for a new operator works.
const linkLife = 30 * time.Minute

// newOperator is the data of a link.
type newOperator struct {
	Role string `json:"role"`
}

// OperatorLink makes the secret of a one-time link, with which somebody becomes an operator of a role. Earlier links end.
func (s *Service) OperatorLink(ctx context.Context, role string) (secret string, err error) {
	defer errs.Wrap(&err, "account.OperatorLink")
	return s.operatorLink(ctx, role, Client{})
}

func (s *Service) operatorLink(ctx context.Context, role string, client Client) (secret string, err error) {
	if !slices.Contains(OperatorRoles(), role) {
		return "", errs.New(errs.Invalid, "there is no operator role %s: it is owner, operator or viewer", errs.Clip(role, 50))
	}
	secret = newSecret()
	data, err := json.Marshal(newOperator{role})
	if err != nil {
		return "", err
	}
	err = s.write(ctx, func(w *work) error {
		old, err := s.oneTime.list(w, "purpose == arg.purpose", map[string]string{"purpose": string(forOperator)})
		if err != nil {
			return err
		}
		for _, row := range old {
			if err := ignoreMissing(s.oneTime.remove(w, row.ID, 0)); err != nil {
				return err
			}
		}
		_, err = s.oneTime.create(w, secretRow{
			Purpose: forOperator, Hash: s.hashSecret(forOperator, "", secret), Data: data, ExpiresAt: micros(w.now.Add(linkLife)),
		})
		if err != nil {
			return err
		}
		return s.note(w, &accountRow{Kind: KindOperator}, client, event{action: "operator.link", actor: caller.System("operator link"), detail: map[string]any{"role": role}})
	})
	return secret, err
}

// HasOperators reports whether there is an operator.
func (s *Service) HasOperators(ctx context.Context) (bool, error) {
	found, err := s.accounts.read(ctx, s, "kind == 'operator'", nil)
	return len(found) > 0, err
}

// FirstLink makes the secret of a link for the first owner. It returns "" if there is an operator already, or a link that
// still works: a server that restarts does not end the link that it has shown.
func (s *Service) FirstLink(ctx context.Context) (secret string, err error) {
	defer errs.Wrap(&err, "account.FirstLink")
	known, err := s.HasOperators(ctx)
	if err != nil || known {
		return "", err
	}
	links, err := s.oneTime.read(ctx, s, "purpose == arg.purpose", map[string]string{"purpose": string(forOperator)})
	now := s.now()
	if err != nil || slices.ContainsFunc(links, func(row secretRow) bool { return now.Before(row.ExpiresAt) }) {
		return "", err
	}
	return s.OperatorLink(ctx, "owner")
}

// An Operator is who uses the console.
type Operator struct {
	Account string
	Email   string
	Name    string
	Role    string // of OperatorRoles
	Session string
	MFA     bool
	HasTOTP bool
	Caller  caller.Caller // for the use cases about the operator's own account
}

// May reports whether the operator has a role or a mightier one.
func (o Operator) May(role string) bool {
	roles := OperatorRoles()
	own, needed := slices.Index(roles, o.Role), slices.Index(roles, role)
	return own >= 0 && own <= needed
}

// BeginOperator makes an operator with the secret of a link, and opens a session.
func (s *Service) BeginOperator(ctx context.Context, secret string, who Newcomer, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.BeginOperator")
	email, err := address(who.Email, "/email")
	if err != nil {
		return Step{}, err
	}
	if faults := operatorFaults("/password", who.Password, email, who.Name); len(faults) > 0 {
		return Step{}, &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: faults}
	}
	counter := newCounter(networkBudget, "operator links from", network(client.Address))
	if err := s.write(ctx, func(w *work) error { return w.count(counter) }); err != nil {
		return Step{}, err
	}
	hash, err := s.hasher.Hash(ctx, client.caller(), who.Password)
	if err != nil {
		return Step{}, err
	}
	client.Cookie = true
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			step, err = s.beginOperator(w, secret, accountRow{
				Kind: KindOperator, Email: email, Name: who.Name, Roles: []string{}, Password: hash, Verified: true,
			}, client)
			return err
		})
	})
	if err == nil && step.Grant == nil {
		err = errCode()
	}
	return step, err
}

// minOperatorPassword is the shortest password of an operator, in code points (NIST 800-63B-4, 3.1.1.2).
const minOperatorPassword = 15

func operatorFaults(pointer, secret string, about ...string) []errs.Fault {
	err := password.Check(password.Policy{Min: minOperatorPassword}, secret, about...)
	if failure, ok := err.(*errs.Error); ok {
		for i := range failure.Faults {
			failure.Faults[i].Pointer = pointer
		}
		return failure.Faults
	}
	return nil
}

func (s *Service) beginOperator(w *work, secret string, a accountRow, client Client) (Step, error) {
	rows, err := s.oneTime.list(w, "purpose == arg.purpose", map[string]string{"purpose": string(forOperator)})
	if err != nil {
		return Step{}, err
	}
	hash := s.hashSecret(forOperator, "", secret)
	at := slices.IndexFunc(rows, func(row secretRow) bool { return sameHash(row.Hash, hash) && w.now.Before(row.ExpiresAt) })
	if at < 0 {
		return Step{}, nil
	}
	if err := lostRace(s.oneTime.remove(w, rows[at].ID, 0)); err != nil {
		return Step{}, err
	}
	var data newOperator
	if err := json.Unmarshal(rows[at].Data, &data); err != nil {
		return Step{}, err
	}
	known, err := s.findIn(w, KindOperator, a.Email)
	if err != nil {
		return Step{}, err
	}
	if known != nil {
		return Step{}, errs.New(errs.Conflict, "there is an operator with this address already: sign in")
	}
	now := micros(w.now)
	a.Role, a.PasswordAt = data.Role, &now
	if a.ID, err = s.accounts.create(w, a); err != nil {
		return Step{}, err
	}
	if err := s.note(w, &a, client, event{action: "operator.created", detail: map[string]any{"role": a.Role}}); err != nil {
		return Step{}, err
	}
	grant, err := s.open(w, &a, proof{methods: []string{"password"}}, client)
	return Step{Grant: grant}, err
}

// OperatorSignIn signs an operator in by password.
func (s *Service) OperatorSignIn(ctx context.Context, email, secret string, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.OperatorSignIn")
	client.Cookie = true
	return s.signIn(ctx, KindOperator, email, secret, client)
}

// OperatorConfirm ends an operator's sign-in that waited for a second factor.
func (s *Service) OperatorConfirm(ctx context.Context, flow string, given Factor, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.OperatorConfirm")
	client.Cookie = true
	return s.confirmAs(ctx, KindOperator, flow, given, client)
}

// OperatorByCookie returns the operator with the cookie of a console session.
func (s *Service) OperatorByCookie(ctx context.Context, text string) (o Operator, err error) {
	defer errs.Wrap(&err, "account.OperatorByCookie")
	given, err := s.consoleCookies.Decode(text)
	if err != nil {
		return o, errs.Wrapf(err, errs.Unauthenticated, "%s", sessionEnded)
	}
	sessions, err := s.sessions.read(ctx, s, "id == arg.id", map[string]string{"id": given.Session})
	if err != nil || len(sessions) == 0 || !sessions[0].Cookie || sessions[0].over(s.now()) {
		return o, cmp.Or(err, errEnded())
	}
	row := &sessions[0]
	accounts, err := s.accounts.read(ctx, s, "id == arg.id", map[string]string{"id": row.Account})
	if err != nil || len(accounts) == 0 || accounts[0].SuspendedAt != nil || accounts[0].Kind != KindOperator {
		return o, cmp.Or(err, errEnded())
	}
	a := &accounts[0]
	who, err := s.identity(nil, a, row) // without a transaction: only users have roles by links
	if err != nil {
		return o, err
	}
	who.ID = a.ID
	s.touchOperator(ctx, row)
	return Operator{Account: a.ID, Email: a.Email, Name: a.Name, Role: a.Role, Session: row.ID, MFA: row.MFA, HasTOTP: a.TOTP != "", Caller: caller.User(who)}, nil
}

// touchTime bounds the wait for the writer. Operators must see pages while a long write holds it.
const touchTime = 100 * time.Millisecond

// touchOperator notes that a session was used. A note that does not come through is made up for by the next page.
func (s *Service) touchOperator(ctx context.Context, row *sessionRow) {
	if s.now().Sub(row.SeenAt) < granularity {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, touchTime)
	defer cancel()
	_ = s.write(ctx, func(w *work) error {
		found, revision, err := s.sessions.get(w, row.ID)
		if err != nil {
			return err
		}
		return s.touchSession(w, KindOperator, &found, revision)
	})
}
