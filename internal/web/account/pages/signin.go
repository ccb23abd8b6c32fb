package pages

import (
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
)

func (p *Pages) signInPage(v *visit, next string) formPage {
	page := formPage{
		frame: v.frame("Sign in"),
		Form: form{
			Action: signInPath, Submit: "Sign in", Hidden: []hidden{{"next", next}},
			Fields: []field{emailField(""), passwordField("Password")},
		},
		Links: []link{
			{"", "Mail me a code instead", withNext(codePath, next)},
			{"", "I forgot my password", resetPath},
		},
	}
	if p.rules.Signup != model.SignupClosed {
		page.Links = append(page.Links, link{"No account yet?", "Sign up", withNext(signUpPath, next)})
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

func (p *Pages) factorPage(v *visit, recovery bool) formPage {
	page := formPage{
		frame: v.frame("Confirm that it is you"),
		Lead:  "Open your authenticator app and type the code that it shows for " + p.app + ".",
		Form:  form{Action: factorPath, Submit: "Continue", Fields: []field{codeField("Code from the app", "")}},
		Links: []link{{"Lost your phone?", "Use a recovery code", factorPath + "?with=recovery"}, {"", "Start again", signInPath + "?again=1"}},
	}
	page.Form.Fields[0].Name, page.Form.Fields[0].Focus = "totp", true
	if recovery {
		page.Lead = "Type one of the recovery codes that you kept when you set up the authenticator app. Each works once."
		page.Form.Fields = []field{{Name: "recovery", Label: "Recovery code", Type: "text", Complete: "off", Max: 40, Focus: true}}
		page.Links[0] = link{"", "Use the authenticator app", factorPath}
	}
	return page
}

func (p *Pages) factor(v *visit) error {
	if v.flow.Factor == "" {
		return v.redirect(signInPath)
	}
	return v.show(p.factorPage(v, v.r.URL.Query().Get("with") == "recovery"))
}

func (p *Pages) postFactor(v *visit) error {
	if v.flow.Factor == "" {
		v.flow.Notice = "That took too long. Sign in again."
		return v.redirect(signInPath)
	}
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	page := p.factorPage(v, values.Has("recovery"))
	name := page.Form.Fields[0].Name
	given := account.Factor{TOTP: values.Get("totp"), Recovery: values.Get("recovery")}
	if values.Get(name) == "" {
		page.Form.Fields[0].Error, page.Form.Count = "Fill this in.", 1
		return v.incomplete(page)
	}
	step, err := p.service.Confirm(v.r.Context(), v.flow.Factor, given, v.client())
	if errs.KindOf(err) == errs.Invalid {
		fault := errs.Fault{Pointer: "/" + name, Code: "code_invalid", Detail: "this code is not valid, or no longer: try the next one, or start again"}
		err = &errs.Error{Kind: errs.Invalid, Faults: []errs.Fault{fault}, Cause: err}
	}
	if err != nil {
		return v.refuse(page, err)
	}
	return v.enter(step, v.flow.Next)
}

func (p *Pages) codePage(v *visit, next string) formPage {
	page := formPage{
		frame: v.frame("Sign in by mail"),
		Lead:  "We mail you a code. You need no password.",
		Form:  form{Action: codePath, Submit: "Mail me a code", Hidden: []hidden{{"next", next}}, Fields: []field{emailField("")}},
	}
	if p.rules.Password != nil {
		page.Links = append(page.Links, link{"", "Use my password", signInPath + "?again=1&next=" + url.QueryEscape(next)})
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
