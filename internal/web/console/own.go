package console

import (
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

func (c *Console) ownRoutes() []Route {
	return []Route{
		{"GET " + ownPath, Viewer, func(q *Request) error { return c.showOwn(q, ownPage{}, http.StatusOK) }},
		{"POST " + ownPath + "/password", Viewer, c.changeOwn("password", c.changePassword)},
		{"POST " + ownPath + "/totp/remove", Viewer, c.changeOwn("factor", c.removeOwnTOTP)},
		{"POST " + ownPath + "/recovery", Viewer, c.renewRecovery},
		{"POST " + ownPath + "/passkeys/begin", SignedIn, c.beginPasskey},
		{"POST " + ownPath + "/passkeys", SignedIn, c.finishPasskey},
		{"POST " + ownPath + "/passkeys/{id}/remove", Viewer, c.changeOwn("passkey", c.removeOwnPasskey)},
		{"POST " + ownPath + "/sessions", Viewer, c.changeOwn("others", c.endOthers)},
		{"POST " + ownPath + "/sessions/{id}", Viewer, c.changeOwn("session", c.endOwnSession)},
	}
}

// ownPage is the page of the operator's own account.
type ownPage struct {
	Operator account.Operator
	Profile  account.Profile
	Passkeys []account.Passkey
	Sessions []account.Session
	Stale    bool   // changes of factors need a recent sign-in first
	ByName   bool   // the host has a name, so it can have passkeys
	About    string // what the problem is about, by the name of the form
	Problem  *problem
}

// showOwn fills in and shows the page.
func (c *Console) showOwn(q *Request, p ownPage, status int) (err error) {
	ctx, who := q.r.Context(), q.operator.Caller
	p.Operator, p.ByName = q.operator, account.HasOperatorPasskeys(q.r.Host)
	p.Stale = c.accounts.Fresh(who) != nil
	if p.Profile, err = c.accounts.Profile(ctx, who); err != nil {
		return err
	}
	if p.Passkeys, err = c.accounts.Passkeys(ctx, who); err != nil {
		return err
	}
	if p.Sessions, err = c.accounts.Sessions(ctx, who); err != nil {
		return err
	}
	return q.page(status, "Your account", "own.html", p)
}

// changeOwn returns the handler of a form about the operator's own account. Then it shows the account, or what was wrong.
func (c *Console) changeOwn(name string, change func(q *Request) error) func(*Request) error {
	return func(q *Request) error {
		_, err := q.Form()
		if err == nil {
			err = change(q)
		}
		if err == nil {
			return q.Redirect(ownPath + "?done=own-" + name)
		}
		return c.ownMistake(q, name, err)
	}
}

// ownMistake shows the account with what was wrong in a form, or returns the error if it needs a page of its own.
func (c *Console) ownMistake(q *Request, name string, err error) error {
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	return c.showOwn(q, ownPage{About: name, Problem: wrong}, status)
}

func (c *Console) changePassword(q *Request) error {
	_, client := q.By()
	return c.accounts.ChangePassword(q.r.Context(), q.operator.Caller, q.form.Get("old"), q.form.Get("new"), client)
}

func (c *Console) removeOwnTOTP(q *Request) error {
	if q.form.Get("sure") != "yes" {
		return invalid("sure", "confirm that the authenticator app is to be removed")
	}
	_, client := q.By()
	return c.accounts.RemoveTOTP(q.r.Context(), q.operator.Caller, client)
}

func (c *Console) removeOwnPasskey(q *Request) error {
	_, client := q.By()
	return c.accounts.RemovePasskey(q.r.Context(), q.operator.Caller, q.r.PathValue("id"), client)
}

func (c *Console) endOthers(q *Request) error {
	_, client := q.By()
	return c.accounts.EndOthers(q.r.Context(), q.operator.Caller, client)
}

func (c *Console) endOwnSession(q *Request) error {
	if q.r.PathValue("id") == q.operator.Session {
		return errs.New(errs.Conflict, "this is the session that you use: sign out instead")
	}
	_, client := q.By()
	return c.accounts.EndSession(q.r.Context(), q.operator.Caller, q.r.PathValue("id"), client)
}

func (c *Console) renewRecovery(q *Request) error {
	_, client := q.By()
	codes, err := c.accounts.RenewRecovery(q.r.Context(), q.operator.Caller, client)
	if err != nil {
		return c.ownMistake(q, "recovery", err)
	}
	return q.showCodes(codes, ownPath)
}

func (c *Console) beginPasskey(q *Request) error {
	return q.challenge(func() (account.Challenge, error) {
		return c.accounts.BeginOperatorPasskey(q.r.Context(), q.operator.Caller, q.client())
	})
}

// finishPasskey registers a passkey. The first factor of an operator comes with recovery codes.
func (c *Console) finishPasskey(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	_, client := q.By()
	waited := q.waits()
	made, err := c.accounts.FinishPasskey(q.r.Context(), q.operator.Caller, form.Get("flow"), strings.TrimSpace(form.Get("name")), []byte(form.Get("passkey")), client)
	switch {
	case err != nil && waited:
		return c.factorMistake(q, err)
	case err != nil:
		return c.ownMistake(q, "passkeys", err)
	case len(made.Recovery) == 0:
		return q.Redirect(ownPath + "?done=own-passkey-new")
	}
	q.operator.MFA = true // as the next request finds it
	next := ownPath
	if waited {
		next = "/console"
	}
	return q.showCodes(made.Recovery, next)
}
