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
	page.Rows = append(page.Rows,
		row{"Sessions", fmt.Sprintf("Signed in on %s", count(int64(len(all)), "device")), "Manage", sessionsPath, "sessions"},
		row{"API keys", keyCount(len(keys)), "Manage", keysPath, "API keys"},
	)
	return v.render(http.StatusOK, "home", page)
}

func keyCount(n int) string {
	if n == 0 {
		return "None"
	}
	return count(int64(n), "key")
}

// ignoreEnded returns nil for the error of a session that has ended already.
func ignoreEnded(err error) error {
	if errs.KindOf(err) == errs.Unauthenticated {
		return nil
	}
	return err
}
