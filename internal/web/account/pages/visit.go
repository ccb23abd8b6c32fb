package pages

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A visit is one request for a page.
type visit struct {
	pages    *Pages
	w        http.ResponseWriter
	r        *http.Request
	who      caller.Caller
	session  string // "" for a caller without one
	flow     flow   // pages change it; the answer sets the cookie
	came     flow   // as it came
	answered bool
}

func (p *Pages) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{pages: p, w: w, r: r, who: web.Caller(r)}
	if id, ok := v.who.Session(); ok {
		v.session = id
	}
	v.flow = p.openFlow(r, v.session)
	v.came = v.flow
	return v
}

// open serves a page to everybody. It turns errors into pages.
func (p *Pages) open(serve func(*visit) error) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := p.visit(w, r)
		err := p.origins.Check(r)
		if err != nil {
			err = errs.Wrapf(err, errs.Forbidden, "the request comes from a page of another origin")
		} else {
			err = serve(v)
		}
		if err == nil || v.answered || r.Context().Err() != nil {
			return err
		}
		return v.fail(err)
	}
}

// member serves a page to people with a session. Others sign in first and come back. So do those who must prove more: a
// recent sign-in or a second factor.
func (p *Pages) member(back string, serve func(*visit) error) web.Handler {
	return p.open(func(v *visit) error {
		if v.session == "" {
			return v.redirect(withNext(signInPath, back))
		}
		err := serve(v)
		failure, ok := errors.AsType[*errs.Error](err)
		if !ok || failure.Kind != errs.Unauthenticated || v.answered {
			return err
		}
		return v.redirect(v.proveAgain(failure, back))
	})
}

// proveAgain returns the page where somebody proves what an error asks for, to come back then.
func (v *visit) proveAgain(failure *errs.Error, back string) string {
	if failure.StepUp == nil {
		return withNext(signInPath, back)
	}
	v.flow.Notice = "To continue, sign in again."
	if failure.StepUp.MFA {
		v.flow.Notice = "To continue, sign in again with your second factor."
	}
	return signInAgain(back)
}

// signInAgain is the page of a sign-in for people who are signed in.
func signInAgain(next string) string { return signInPath + "?again=1&next=" + url.QueryEscape(next) }

// redirect answers 303, so that the browser gets the next page.
func (v *visit) redirect(target string) error {
	if err := v.keepFlow(); err != nil {
		return err
	}
	v.answered = true
	v.w.Header().Set("Location", target)
	return web.Empty(v.w, http.StatusSeeOther)
}

// keepFlow sets the cookie of the flow if a page has changed it.
func (v *visit) keepFlow() error {
	if reflect.DeepEqual(v.flow, v.came) {
		return nil
	}
	return v.pages.keepFlow(v.w, v.flow)
}

// enter continues after a step of a sign-in: with the second factor, or to where the person wanted to go.
func (v *visit) enter(step account.Step, next string) error {
	if step.Grant == nil {
		v.flow = flow{Factor: step.Flow, Factors: step.Factors, Next: next, Notice: v.flow.Notice, Link: v.flow.Link}
		return v.redirect(factorPath)
	}
	if v.session != "" && v.session != step.Grant.Session { // the browser has a new one
		err := v.pages.service.SignOut(v.r.Context(), v.who, false, v.client())
		if err != nil && errs.KindOf(err) != errs.Unauthenticated {
			return err
		}
	}
	setCookie(v.w, sessionCookie, step.Grant.Cookie, step.Grant.Expires)
	if step.Grant.Device != "" {
		setCookie(v.w, deviceCookie, step.Grant.Device, deviceLife)
	}
	v.flow = flow{Notice: v.flow.Notice, Link: v.flow.Link}
	if v.flow.Link != nil { // only this sign-in was missing
		return v.redirect(linkPath)
	}
	return v.redirect(v.pages.nextOf(next))
}

// leave signs the browser out.
func (v *visit) leave(notice string) error {
	setCookie(v.w, sessionCookie, "", 0)
	v.flow = flow{Notice: notice}
	return v.redirect(signInPath)
}

// errorPage says that something failed.
type errorPage struct {
	frame
	Lead    string
	Request string // id of the request, for the operator; "" if the fault is not ours
}

// fail answers an error with a page, and notes it for the log.
func (v *visit) fail(err error) error {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		failure = errs.Wrapf(err, errs.Internal, "")
	}
	record := web.Record(v.r)
	record.Err, record.Problem = err, failure.Kind
	page := errorPage{frame: v.frame(titleOf(failure.Kind)), Lead: sentence(failure.Message)}
	switch failure.Kind {
	case errs.Internal:
		page.Lead, page.Request = "This is not your fault. Try again in a while.", record.ID
	case errs.Limited, errs.Unavailable:
		page.Lead = waitFor(failure)
	case errs.NotFound:
		page.Lead = "It may have been removed already."
	}
	return v.render(v.statusOf(failure), "error", page)
}

// statusOf returns the status for an error, and sets the header that belongs to it.
func (v *visit) statusOf(failure *errs.Error) int {
	if failure.Kind == errs.Limited || failure.Kind == errs.Unavailable {
		seconds := max(1, int64((failure.RetryAfter+time.Second-1)/time.Second))
		v.w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	for _, problem := range web.Problems() {
		if problem.Kind == failure.Kind {
			return problem.Status
		}
	}
	return http.StatusInternalServerError
}
