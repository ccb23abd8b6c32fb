package account

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Account is an account as operators see it. It holds no secret.
type Account struct {
	ID          string
	Kind        Kind
	User        string // id of the row in users; "" for the other kinds
	Email       string
	Name        string
	Role        string // of an operator
	Roles       []string
	Verified    bool
	HasPassword bool
	HasTOTP     bool
	Passkeys    int // only Account and Operators count them
	PasswordAt  *time.Time
	SuspendedAt *time.Time
	LastAt      *time.Time // last sign-in
	CreatedAt   time.Time
}

func (a *accountRow) public() Account {
	return Account{
		ID: a.ID, Kind: a.Kind, User: a.userID(), Email: a.Email, Name: a.Name, Role: a.Role, Roles: slices.Clip(a.Roles),
		Verified: a.Verified, HasPassword: a.Password != "", HasTOTP: a.TOTP != "", PasswordAt: a.PasswordAt,
		SuspendedAt: a.SuspendedAt, LastAt: a.LastAt, CreatedAt: *a.CreatedAt,
	}
}

// A Search picks accounts of a kind. Without a text the newest come first.
type Search struct {
	Kind   Kind
	Email  string // beginning of the address; the list is sorted by address
	Name   string // part of the name, without regard to the case of A to Z; read if Email is ""
	Cursor string // Next of the page before, or ""
	Limit  int    // 1 to 500
}

// An AccountPage is a page of accounts.
type AccountPage struct {
	Accounts []Account
	Next     string // cursor of the next page, or ""
}

// lastChar is the largest code point. No address begins with it.
const lastChar = "\U0010FFFF"

// query returns the search as package record reads it. A beginning of an address is a range, so the index finds it.
func (f Search) query() record.Query {
	q := record.Query{
		Filter: "kind == arg.kind", Args: map[string]string{"kind": string(f.Kind)}, Sort: "-id", Cursor: f.Cursor, Limit: f.Limit,
		Selection: record.Selection{Fields: "id,kind,user_id,email,name,role,roles,verified,password,password_at,suspended_at,totp,last_at,created_at"},
	}
	if f.Kind == KindUser && f.Email == "" {
		// Most accounts are users. With == SQLite would find all of them by the index of kinds and sort them: 186 ms of 88,000.
		q.Filter, q.Args = "kind != 'operator' && kind != 'service'", map[string]string{}
	}
	switch {
	case f.Email != "":
		q.Filter += " && email >= arg.from && email < arg.to"
		q.Args["from"], q.Args["to"] = f.Email, f.Email+lastChar
		q.Sort = "email"
	case f.Name != "":
		q.Filter += " && name.lowerAscii().contains(arg.name)"
		q.Args["name"] = lowerASCII(f.Name)
	}
	return q
}

func lowerASCII(text string) string {
	return strings.Map(func(char rune) rune {
		if 'A' <= char && char <= 'Z' {
			return char - 'A' + 'a'
		}
		return char
	}, text)
}

// Accounts returns a page of accounts. A cursor of another search is errs.Malformed.
func (s *Service) Accounts(ctx context.Context, f Search) (page AccountPage, err error) {
	defer errs.Wrap(&err, "account.Accounts")
	f.Email = strings.ToLower(f.Email)
	body, err := s.rows.List(ctx, self(), s.accounts.Table, f.query(), nil)
	if err != nil {
		return page, err
	}
	var answer struct {
		Items []accountRow
		Next  string
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return page, err
	}
	for _, row := range answer.Items {
		page.Accounts = append(page.Accounts, row.public())
	}
	page.Next = answer.Next
	return page, nil
}

// Account returns the account of a kind with an id. An account of another kind is errs.NotFound: whoever may change users
// must not reach operators by their ids.
func (s *Service) Account(ctx context.Context, kind Kind, id string) (a Account, err error) {
	defer errs.Wrap(&err, "account.Account")
	key, ok := value.ParseID(s.accounts.Table, id)
	if !ok {
		return a, errNoAccount()
	}
	found, err := s.rows.Get(ctx, self(), s.accounts.Table, key, record.Selection{}, nil)
	if err != nil {
		return a, err
	}
	var row accountRow
	if err := json.Unmarshal(found.JSON, &row); err != nil {
		return a, err
	}
	if row.Kind != kind {
		return a, errNoAccount()
	}
	a = row.public()
	passkeys, err := s.passkeys.read(ctx, s, "account_id == arg.account", map[string]string{"account": row.ID})
	a.Passkeys = len(passkeys)
	return a, err
}

// maxOperators bounds what Operators returns.
const maxOperators = 500

// Operators returns the operators, the newest first.
func (s *Service) Operators(ctx context.Context) (all []Account, err error) {
	defer errs.Wrap(&err, "account.Operators")
	page, err := s.Accounts(ctx, Search{Kind: KindOperator, Limit: maxOperators})
	if err != nil {
		return nil, err
	}
	for i := range page.Accounts { // operators are few
		passkeys, err := s.PasskeysOf(ctx, page.Accounts[i].ID)
		if err != nil {
			return nil, err
		}
		page.Accounts[i].Passkeys = len(passkeys)
	}
	return page.Accounts, nil
}

func errNoAccount() error { return errs.New(errs.NotFound, "no such account") }

// SessionsOf returns the sessions of an account that have not ended, the oldest first.
func (s *Service) SessionsOf(ctx context.Context, id string) (all []Session, err error) {
	defer errs.Wrap(&err, "account.SessionsOf")
	rows, err := s.sessions.read(ctx, s, "account_id == arg.account", map[string]string{"account": id})
	now := s.now()
	for _, row := range rows {
		if !row.over(now) {
			all = append(all, row.public(""))
		}
	}
	return all, err
}

// KeysOf returns the keys of an account, the oldest first.
func (s *Service) KeysOf(ctx context.Context, id string) (all []Key, err error) {
	defer errs.Wrap(&err, "account.KeysOf")
	rows, err := s.apiKeys.read(ctx, s, "account_id == arg.account", map[string]string{"account": id})
	for _, row := range rows {
		all = append(all, row.public())
	}
	return all, err
}

// EndSessionOf ends a session of an account.
func (s *Service) EndSessionOf(ctx context.Context, id, session string, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndSessionOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		row, _, err := s.sessions.get(w, session)
		if err == nil && row.Account != a.ID {
			err = errs.New(errs.NotFound, "no such session")
		}
		if err != nil {
			return err
		}
		if err := s.sessions.remove(w, row.ID, 0); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "session.ended", target: row.ID})
	})
}

// EndSessionsOf ends all sessions of an account.
func (s *Service) EndSessionsOf(ctx context.Context, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndSessionsOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if err := s.endAll(w, a.ID, ""); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "session.all_ended"})
	})
}

// EndKeyOf deletes a key of an account.
func (s *Service) EndKeyOf(ctx context.Context, id, key string, client Client) (err error) {
	defer errs.Wrap(&err, "account.EndKeyOf")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		row, err := s.ownKey(w, &member{account: a}, key)
		if err != nil {
			return err
		}
		if err := s.apiKeys.remove(w, row.ID, 0); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "key.ended", key: row.ID})
	})
}

// SendReset mails a user a code to set a new password.
func (s *Service) SendReset(ctx context.Context, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.SendReset")
	err = s.change(ctx, id, func(w *work, a *accountRow) error {
		switch {
		case s.rules.Password == nil:
			return errs.New(errs.Conflict, "this app has no passwords")
		case a.Kind != KindUser || a.Email == "":
			return errs.New(errs.Conflict, "the account has no address")
		case a.SuspendedAt != nil:
			return errs.New(errs.Conflict, "the account is suspended: resume it first")
		}
		if err := w.count(newCounter(mailBudget, "mail", a.Email)); err != nil {
			return err
		}
		if err := s.queue(w, letter{Kind: string(forReset), Email: a.Email}, Client{}); err != nil {
			return err
		}
		return s.note(w, a, client, event{action: "reset.sent"})
	})
	return err
}

// NewService makes a service account and returns its id.
func (s *Service) NewService(ctx context.Context, name string, roles []string, client Client) (id string, err error) {
	defer errs.Wrap(&err, "account.NewService")
	name = strings.TrimSpace(name)
	if n := len([]rune(name)); n == 0 || n > maxName {
		return "", invalid("/name", "length", "a service account has a name of 1 to 200 characters")
	}
	if err := s.checkRoles("/roles", roles); err != nil {
		return "", err
	}
	err = s.write(ctx, func(w *work) (err error) {
		a := accountRow{Kind: KindService, Name: name, Roles: append([]string{}, roles...)}
		if a.ID, err = s.accounts.create(w, a); err != nil {
			return err
		}
		id = a.ID
		return s.note(w, &a, client, event{action: "account.created", detail: map[string]any{"name": name, "roles": a.Roles}})
	})
	return id, err
}

// MakeServiceKey makes a key for a service account. Only the answer holds the key.
func (s *Service) MakeServiceKey(ctx context.Context, id string, want NewKey, client Client) (key Key, err error) {
	defer errs.Wrap(&err, "account.MakeServiceKey")
	if err := s.checkKey(&want); err != nil {
		return Key{}, err
	}
	err = s.change(ctx, id, func(w *work, a *accountRow) error {
		if a.Kind != KindService {
			return errs.New(errs.Forbidden, "only the owner makes keys of this account")
		}
		key, err = s.makeKey(w, a, want, client)
		return err
	})
	return key, err
}

// InviteOperator is OperatorLink for an operator who asks for it.
func (s *Service) InviteOperator(ctx context.Context, role string, client Client) (secret string, err error) {
	defer errs.Wrap(&err, "account.InviteOperator")
	return s.operatorLink(ctx, role, client)
}

// SetOperatorRole gives an operator another role. One owner must remain.
func (s *Service) SetOperatorRole(ctx context.Context, id, role string, client Client) (err error) {
	defer errs.Wrap(&err, "account.SetOperatorRole")
	if !slices.Contains(OperatorRoles(), role) {
		return invalid("/role", "unknown", "there is no such role: it is owner, operator or viewer")
	}
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if a.Kind != KindOperator {
			return errNoAccount()
		}
		err := s.note(w, a, client, event{action: "operator.role", detail: map[string]any{"before": a.Role, "after": role}})
		if err != nil {
			return err
		}
		if role != "owner" {
			if err := s.keepsOwner(w, a.ID); err != nil {
				return err
			}
		}
		return s.accounts.update(w, a.ID, 0, map[string]any{"role": role})
	})
}

// RemoveOperator deletes an operator with all sessions. One owner must remain.
func (s *Service) RemoveOperator(ctx context.Context, id string, client Client) (err error) {
	defer errs.Wrap(&err, "account.RemoveOperator")
	return s.change(ctx, id, func(w *work, a *accountRow) error {
		if a.Kind != KindOperator {
			return errNoAccount()
		}
		err := s.note(w, a, client, event{action: "operator.removed", detail: map[string]any{"email": a.Email, "role": a.Role}})
		if err != nil {
			return err
		}
		if err := s.keepsOwner(w, a.ID); err != nil {
			return err
		}
		return s.accounts.remove(w, a.ID, 0)
	})
}

// keepsOwner refuses a transaction that leaves no owner beside the account. The caller has appended to the audit log first:
// such transactions take turns, so two owners cannot remove each other at once.
func (s *Service) keepsOwner(w *work, account string) error {
	owners, err := s.accounts.list(w, "kind == 'operator' && role == 'owner'", nil)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(owners, func(a accountRow) bool { return a.ID != account }) {
		return nil
	}
	return errs.New(errs.Conflict, "this is the last owner: make another one first")
}

// Note appends an audit row about something that an operator did without changing an account.
func (s *Service) Note(ctx context.Context, action string, detail map[string]any, client Client) (err error) {
	defer errs.Wrap(&err, "account.Note")
	return s.write(ctx, func(w *work) error {
		return s.note(w, &accountRow{Kind: KindOperator}, client, event{action: action, detail: detail})
	})
}

// Scopes returns the names of the scopes that a key may have.
func (s *Service) Scopes() []string { return s.scopeNames() }

// Roles returns the roles of the model.
func (s *Service) Roles() []string { return slices.Clone(s.model.Roles) }

// HasPasswords reports whether users of the app have passwords.
func (s *Service) HasPasswords() bool { return s.rules.Password != nil }

// byOperator is the caller of what operators do. The audit log names the operator of the Client.
func byOperator() caller.Caller { return caller.System("console") }

// As returns the client as an operator's. The caller is who the use cases take as the actor.
func (o Operator) As(client Client) (caller.Caller, Client) {
	client.Operator = &o
	return byOperator(), client
}
