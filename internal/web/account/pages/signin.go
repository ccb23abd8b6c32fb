package pages

import (
	"github.com/ashlar-dev/ashlar/internal/model"
)

func (p *Pages) signInPage(v *visit, next string) formPage {
	page := formPage{
		frame: v.frame("Sign in"),
		Form: form{
			Action: signInPath, Submit: "Sign in", Hidden: []hidden{{"next", next}},
			Fields: []field{emailField(""), passwordField("Password")},
		},
		Ways: p.ways(next),
		Links: []link{
			{"", "Mail me a code instead", withNext(codePath, next)},
			{"", "I forgot my password", resetPath},
		},
	}
	if p.rules.Signup != model.SignupClosed {
		page.Links = append(page.Links, link{"No account yet?", "Sign up", withNext(signUpPath, next)})
	}
	page.offer()
	if v.flow.Link != nil {
		page.Form.Fields[0].Value = v.flow.Link.Email
	}
	return page
}

// signIn leads people who are signed in on, unless they are to prove it again.
func (p *Pages) signIn(v *visit) error {
	query := v.r.URL.Query()
	next, again := p.nextOf(query.Get("next")), query.Get("again") != ""
	if v.session != "" && !again {
		return v.redirect(next)
	}
	if p.rules.Password == nil {
		return v.redirect(withNext(codePath, next))
	}
	page := p.signInPage(v, next)
	if v.session != "" {
		page.Form.Fields[0].Value, _ = v.who.Email()
	}
	return v.show(page)
}

func (p *Pages) postSignIn(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	next := p.nextOf(values.Get("next"))
	page := p.signInPage(v, next)
	page.Form.fill(values)
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	step, err := p.service.SignIn(v.r.Context(), values.Get("email"), values.Get("password"), v.client())
	if err != nil {
		return v.refuse(page, err)
	}
	return v.enter(step, next)
}

func (p *Pages) codePage(v *visit, next string) formPage {
	page := formPage{
		frame: v.frame("Sign in by mail"),
		Lead:  "We mail you a code. You need no password.",
		Form:  form{Action: codePath, Submit: "Mail me a code", Hidden: []hidden{{"next", next}}, Fields: []field{emailField("")}},
	}
	if p.rules.Password != nil {
		page.Links = append(page.Links, link{"", "Use my password", signInAgain(next)})
	} else { // this is the page of the sign-in
		page.Ways = p.ways(next)
		page.offer()
	}
	if p.rules.Signup != model.SignupClosed {
		page.Links = append(page.Links, link{"No account yet?", "Sign up", withNext(signUpPath, next)})
	}
	return page
}

func (p *Pages) code(v *visit) error {
	page := p.codePage(v, p.nextOf(v.r.URL.Query().Get("next")))
	page.Form.Fields[0].Value, _ = v.who.Email()
	return v.show(page)
}

func (p *Pages) postCode(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	next := p.nextOf(values.Get("next"))
	page := p.codePage(v, next)
	page.Form.fill(values)
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	if err := p.service.AskCode(v.r.Context(), values.Get("email"), v.client()); err != nil {
		return v.refuse(page, err)
	}
	v.flow.Email, v.flow.Next = values.Get("email"), next
	v.flow.Notice = "If this address has an account, a code is on its way to it."
	return v.redirect(verifyPath)
}

// signOut shows a button: a link must not sign anybody out.
func (p *Pages) signOut(v *visit) error {
	if v.session == "" {
		return v.redirect(signInPath)
	}
	return v.show(formPage{
		frame: v.frame("Sign out"), Lead: "This ends your session in this browser.",
		Form:  form{Action: signOutPath, Submit: "Sign out"},
		Links: []link{{"", "Stay signed in", homePath}},
	})
}

func (p *Pages) postSignOut(v *visit) error {
	if v.session != "" {
		if err := ignoreEnded(p.service.SignOut(v.r.Context(), v.who, false, v.client())); err != nil {
			return err
		}
	}
	return v.leave("You are signed out.")
}
