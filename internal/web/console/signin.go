package console

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// beginPage is the page that makes an operator with a one-time link.
type beginPage struct {
	Secret, Name, Email string
	Problem             *problem
}

func (c *Console) showBegin(q *Request) error {
	return q.page(http.StatusOK, "Become an operator", "begin.html", beginPage{})
}

func (c *Console) begin(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	p := beginPage{Secret: secretOf(form.Get("secret")), Name: strings.TrimSpace(form.Get("name")), Email: strings.TrimSpace(form.Get("email"))}
	who := account.Newcomer{Email: p.Email, Name: p.Name, Password: form.Get("password")}
	step, err := c.accounts.BeginOperator(q.r.Context(), p.Secret, who, q.client())
	if err == nil {
		return c.enter(q, step.Grant, "")
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p.Problem = wrong
	return q.page(status, "Become an operator", "begin.html", p)
}

// secretOf returns the secret in a pasted text, which may be the whole link.
func secretOf(text string) string {
	if _, after, ok := strings.Cut(text, "#"); ok {
		text = after
	}
	return strings.TrimSpace(text)
}

// signInPage is the page of a sign-in, with a flow once the first factor was right.
type signInPage struct {
	Email, Next string
	Flow        string
	Factors     []string // that the flow waits for
	ByName      bool     // the host has a name, so it can have passkeys
	Again       bool     // somebody who is signed in proves it again
	WithFactor  bool     // with the second factor
	Problem     *problem
}

func (q *Request) signInPage(form url.Values) signInPage {
	return signInPage{Email: strings.TrimSpace(form.Get("email")), Next: nextOf(form), ByName: account.HasOperatorPasskeys(q.r.Host)}
}

func (c *Console) showSignIn(q *Request) error {
	values := q.r.URL.Query()
	p := q.signInPage(url.Values{"next": values["next"]})
	if again := values.Get("again"); again != "" {
		if o, err := c.former(q); err == nil {
			p.Again, p.WithFactor, p.Email = true, again == "factor", o.Email
		}
	}
	return q.page(http.StatusOK, "Sign in", "sign-in.html", p)
}

func (c *Console) signIn(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	p := q.signInPage(form)
	step, err := c.accounts.OperatorSignIn(q.r.Context(), p.Email, form.Get("password"), q.client())
	return c.afterProof(q, "sign-in.html", p, step, err)
}

func (c *Console) beginPasskeySignIn(q *Request) error {
	return q.challenge(func() (account.Challenge, error) {
		return c.accounts.BeginOperatorPasskeySignIn(q.r.Context(), q.client())
	})
}

func (c *Console) passkeySignIn(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	step, err := c.accounts.FinishOperatorPasskeySignIn(q.r.Context(), form.Get("flow"), []byte(form.Get("passkey")), q.client())
	return c.afterProof(q, "sign-in.html", q.signInPage(form), step, err)
}

func (c *Console) beginSignInFactor(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	return q.challenge(func() (account.Challenge, error) {
		return c.accounts.BeginOperatorFactor(q.r.Context(), form.Get("flow"), q.client())
	})
}

func (c *Console) signInFactor(q *Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	p := q.signInPage(form)
	p.Flow, p.Factors = form.Get("flow"), form["factor"]
	given, code := account.Factor{Passkey: []byte(form.Get("passkey"))}, strings.TrimSpace(form.Get("code"))
	if isTOTP(code) {
		given.TOTP = strings.ReplaceAll(code, " ", "")
	} else {
		given.Recovery = code
	}
	step, err := c.accounts.OperatorConfirm(q.r.Context(), p.Flow, given, q.client())
	return c.afterProof(q, "sign-in-factor.html", p, step, err)
}

// isTOTP reports whether a code is one of an authenticator app, and not a recovery code.
func isTOTP(code string) bool {
	return len(code) <= 7 && strings.Trim(code, "0123456789 ") == ""
}

// afterProof ends a sign-in, asks for the second factor, or shows the page again.
func (c *Console) afterProof(q *Request, page string, p signInPage, step account.Step, err error) error {
	if err == nil && step.Flow != "" {
		p.Flow, p.Factors = step.Flow, step.Factors
		return q.page(http.StatusOK, "Second factor", "sign-in-factor.html", p)
	}
	if err == nil {
		return c.enter(q, step.Grant, p.Next)
	}
	wrong, status := mistake(err)
	if wrong == nil {
		return err
	}
	p.Problem = wrong
	return q.page(status, "Sign in", page, p)
}

// former returns the operator whose session the browser has.
func (c *Console) former(q *Request) (account.Operator, error) {
	cookies := q.r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 {
		return account.Operator{}, errs.New(errs.Unauthenticated, "no session")
	}
	return c.accounts.OperatorByCookie(q.r.Context(), cookies[0].Value)
}

// enter sets the cookies of a session and shows the first page. The former session of the browser ends.
func (c *Console) enter(q *Request, g *account.Grant, next string) error {
	if err := c.leaveFormer(q); err != nil {
		return err
	}
	setCookie(q.w, sessionCookie, g.Cookie, g.Expires)
	if g.Device != "" {
		setCookie(q.w, deviceCookie, g.Device, 400*24*time.Hour)
	}
	if next == "" {
		next = "/console"
	}
	return q.Redirect(next)
}

// leaveFormer ends the session that the browser came with. The new cookie replaces it.
func (c *Console) leaveFormer(q *Request) error {
	former, err := c.former(q)
	if err == nil {
		err = c.accounts.SignOut(q.r.Context(), former.Caller, false, q.client())
	}
	if errs.KindOf(err) == errs.Unauthenticated { // there is none, or it has ended already
		return nil
	}
	return err
}

// nextOf returns the page of the console to show after a sign-in, or "".
func nextOf(from url.Values) string {
	next := from.Get("next")
	address, err := url.Parse(next)
	if err != nil || address.Scheme != "" || address.Host != "" || !strings.HasPrefix(address.Path, "/console/") || strings.ContainsAny(next, "\\\r\n") {
		return ""
	}
	return address.RequestURI()
}

// setCookie sets a cookie that no script reads and no other site sends. A life of 0 deletes it.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if age == 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

func (c *Console) signOut(q *Request) error {
	if err := c.accounts.SignOut(q.r.Context(), q.operator.Caller, false, q.client()); err != nil {
		return err
	}
	setCookie(q.w, sessionCookie, "", 0)
	return q.Redirect(signInPath)
}
