package pages

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A homePage shows who somebody is, and leads to the other pages.
type homePage struct {
	frame
	Name, Email string
	Roles       string
	Unverified  bool
	Rows        []row
}

// A row is one thing to look after.
type row struct {
	Name, Value  string
	Action, Path string
	About        string // for screen readers, after Action
}

func (p *Pages) home(v *visit) error {
	who, err := p.service.Profile(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	all, err := p.service.Sessions(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	keys, err := p.service.Keys(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	v.flow.Link = nil // whoever comes here has put it off
	page := homePage{
		frame: v.frame("Your account"), Name: who.Name, Email: who.Email, Roles: strings.Join(who.Roles, ", "), Unverified: !who.Verified,
	}
	page.Wide = true
	if p.rules.Password != nil {
		password := row{Name: "Password", Value: "Not set", Action: "Set", Path: passwordPath, About: "a password"}
		if who.Password {
			password = row{Name: "Password", Value: "Set", Action: "Change", Path: passwordPath, About: "the password"}
		}
		page.Rows = append(page.Rows, password)
	}
	if p.rules.TOTP || who.TOTP {
		totp := row{Name: "Authenticator app", Value: "Off", Action: "Set up", Path: totpPath, About: "an authenticator app"}
		if who.TOTP {
			totp.Value, totp.Action, totp.About = "On, "+count(int64(who.Recovery), "recovery code")+" left", "Manage", "the authenticator app"
		}
		page.Rows = append(page.Rows, totp)
	}
	if p.rules.Passkeys != nil || who.Passkeys > 0 {
		page.Rows = append(page.Rows, row{"Passkeys", amount(who.Passkeys, "passkey"), "Manage", passkeysPath, "passkeys"})
	}
	if len(p.service.Providers()) > 0 || who.Links > 0 {
		page.Rows = append(page.Rows, row{"Other accounts", amount(who.Links, "account") + linkedTo(who.Links), "Manage", linksPath, "other accounts that sign in"})
	}
	page.Rows = append(page.Rows,
		row{"Sessions", fmt.Sprintf("Signed in on %s", count(int64(len(all)), "device")), "Manage", sessionsPath, "sessions"},
		row{"API keys", amount(len(keys), "key"), "Manage", keysPath, "API keys"},
	)
	return v.render(http.StatusOK, "home", page)
}

// amount is count for lists that may be empty.
func amount(n int, word string) string {
	if n == 0 {
		return "None"
	}
	return count(int64(n), word)
}

func linkedTo(n int) string {
	if n == 0 {
		return ""
	}
	return " linked"
}

// ignoreEnded returns nil for the error of a session that has ended already.
func ignoreEnded(err error) error {
	if errs.KindOf(err) == errs.Unauthenticated {
		return nil
	}
	return err
}
