package pages

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Land takes a browser back from a provider, see web/account.Handler.Land. What waits goes into the cookie of the flow, so that
// nothing secret stands in an address, and the pages work without scripts.
func (p *Pages) Land(w http.ResponseWriter, r *http.Request, a account.Arrival, err error) error {
	v := p.visit(w, r) // some providers post a form from their own site
	next := p.nextOf(nextIn(a.Next))
	if err == nil && a.Link != "" {
		err = v.arriveToLink(a, next)
	} else if err == nil {
		err = v.enter(a.Step, next)
	} else {
		err = v.turnBack(err, next)
	}
	if err == nil || v.answered || r.Context().Err() != nil {
		return err
	}
	return v.fail(err)
}

// nextIn returns the parameter next of the landing's address.
func nextIn(address string) string {
	target, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return target.Query().Get("next")
}

// arriveToLink keeps an account at a provider until the owner of the account here agrees.
func (v *visit) arriveToLink(a account.Arrival, next string) error {
	title := v.r.PathValue("provider")
	for _, each := range v.pages.service.Providers() {
		if each.Name == title {
			title = each.Title
			break
		}
	}
	v.flow.Link = &abroad{Flow: a.Link, Title: title, Email: a.Email, Own: a.Own, Next: next}
	if v.session == "" && !a.Own {
		v.flow.Notice = "You have an account with the address " + a.Email + " already. Sign in to it once, and " + title + " can open it from then on."
	}
	return v.redirect(linkPath)
}

// turnBack leads to the page where a sign-in at a provider began, which says what went wrong.
func (v *visit) turnBack(err error, next string) error {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || failure.Kind == errs.Internal {
		return err
	}
	record := web.Record(v.r)
	record.Err, record.Problem = err, failure.Kind
	if failure.StepUp != nil {
		return v.redirect(v.proveAgain(failure, next))
	}
	v.flow.Problem = sentence(failure.Message)
	if failure.Kind == errs.Limited {
		v.flow.Problem = waitFor(failure)
	}
	if next == linksPath {
		return v.redirect(linksPath)
	}
	return v.redirect(signInAgain(next))
}

// linkPage asks the owner of an account whether an account at a provider may open it.
func (p *Pages) linkPage(v *visit) formPage {
	email, _ := v.who.Email()
	from := v.flow.Link.Title
	if v.flow.Link.Email != "" {
		from += " (" + v.flow.Link.Email + ")"
	}
	page := formPage{
		frame: v.frame("Link " + v.flow.Link.Title),
		Lead:  from + " can then sign in to your account " + email + ". You can remove it at any time.",
		Form:  form{Action: linkPath, Submit: "Link " + v.flow.Link.Title},
		Links: []link{{"", "Not now", homePath}},
	}
	if !v.flow.Link.Own {
		page.Links = append(page.Links, link{"Not your account?", "Sign in to another one", signInAgain(linkPath)})
	}
	return page
}

func (p *Pages) link(v *visit) error {
	if v.flow.Link == nil {
		return v.redirect(homePath)
	}
	return v.show(p.linkPage(v))
}

func (p *Pages) postLink(v *visit) error {
	if v.flow.Link == nil {
		v.flow.Problem = "That took too long. Begin again."
		return v.redirect(linksPath)
	}
	err := p.service.Link(v.r.Context(), v.who, v.flow.Link.Flow, v.client())
	if errs.KindOf(err) == errs.Invalid {
		err = errs.Wrapf(err, errs.Conflict, "this took too long, or belongs to another account: sign in to that one, or begin again at %s", v.flow.Link.Title)
	}
	if err != nil {
		return v.refuse(p.linkPage(v), err)
	}
	v.flow.Notice = v.flow.Link.Title + " can now sign in to your account."
	next := v.flow.Link.Next
	v.flow.Link = nil
	return v.redirect(next)
}
