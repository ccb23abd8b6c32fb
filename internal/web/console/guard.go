package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

// guard is the way to every route. It refuses requests of other origins, finds the operator, asks for the second factor and
// compares the role. It answers errors with pages.
func (c *Console) guard(route Route) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		q := &Request{console: c, w: w, r: r}
		err := c.admit(q, route.Role)
		if err == nil {
			err = route.Handler(q)
		}
		if err == nil || q.answered {
			return err
		}
		return c.refuse(q, err)
	}
}

// A detour is the error of a request that must go to another page first.
type detour struct{ path string }

func (d detour) Error() string { return "go to " + d.path + " first" }

func (c *Console) admit(q *Request, needed Role) error {
	if err := c.origins.Check(q.r); err != nil {
		return errs.Wrapf(err, errs.Forbidden, "the request comes from a page of another origin")
	}
	if needed == Anybody {
		return nil
	}
	if err := c.identify(q); err != nil {
		return err
	}
	if needed == SignedIn {
		return nil
	}
	if q.waits() {
		return detour{factorPath}
	}
	if !q.operator.May(string(needed)) {
		return errs.New(errs.Forbidden, "this needs the role %s, and you are %s: ask an owner", needed, q.operator.Role)
	}
	return nil
}

// identify finds the operator of the session. A request to look at a page goes to the sign-in otherwise.
func (c *Console) identify(q *Request) error {
	cookies := q.r.CookiesNamed(sessionCookie)
	err := error(errs.New(errs.Unauthenticated, "sign in first"))
	if len(cookies) == 1 && cookies[0].Value != "" {
		if q.operator, err = c.accounts.OperatorByCookie(q.r.Context(), cookies[0].Value); err == nil {
			web.Record(q.r).Caller = "operator:" + q.operator.Account
		}
	}
	if errs.KindOf(err) == errs.Unauthenticated && (isRead(q.r) || q.isScript()) {
		return detour{signInPath + "?" + url.Values{"next": {q.comeBack()}}.Encode()}
	}
	return err
}

// comeBack returns the page to show after a sign-in.
func (q *Request) comeBack() string {
	if q.isScript() { // it asked for no page
		return ownPath
	}
	return q.r.URL.RequestURI()
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// refuse answers an error with a page.
func (c *Console) refuse(q *Request, err error) error {
	if d, ok := errors.AsType[detour](err); ok {
		return q.detour(d.path)
	}
	failure, ok := errors.AsType[*errs.Error](err)
	switch {
	case ok && failure.StepUp != nil && q.operator.Account != "":
		return q.detour(q.againPath(failure.StepUp))
	case ok && failure.Kind != errs.Internal:
		return q.fail(failure)
	case errors.Is(err, context.DeadlineExceeded):
		return q.fail(errs.Wrapf(err, errs.Unavailable, "the request took too long"))
	case errors.Is(err, context.Canceled): // nobody waits for a page
		return err
	}
	return q.fail(errs.Wrapf(err, errs.Internal, ""))
}

// detour sends the browser to another page first.
func (q *Request) detour(path string) error {
	if q.isScript() {
		return q.json(http.StatusUnauthorized, passkey.Refusal{Location: path})
	}
	return q.Redirect(path)
}

// againPath returns the page on which an operator proves more, and then comes back to the account.
func (q *Request) againPath(needs *errs.StepUp) string {
	again, next := "1", ownPath
	if needs.MFA {
		again = "factor"
	}
	if q.waits() {
		next = factorPath
	}
	return signInPath + "?" + url.Values{"again": {again}, "next": {next}}.Encode()
}
