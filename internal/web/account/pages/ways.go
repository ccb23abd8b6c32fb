package pages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
	webaccount "github.com/ashlar-dev/ashlar/internal/web/account"
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
)

// The ways are what people can sign in with instead of filling in a form.
type ways struct {
	Passkey   *passkeyForm
	Providers []link
}

// A passkeyForm is one button that asks the browser for a passkey. See package passkey.
type passkeyForm struct {
	Action string // its begin is at Action + "/begin"
	Use    string // get or create
	Next   string
	Submit string
	Offer  bool   // the browser suggests passkeys in a field
	Alone  string // what to do in a browser without passkeys; "": nothing is said
	Fields []field
}

// ways returns what people can sign in with.
func (p *Pages) ways(next string) ways {
	w := ways{Providers: p.providerLinks("Continue with ", next, false)}
	if p.rules.Passkeys != nil {
		w.Passkey = &passkeyForm{Action: passkeyPath, Use: "get", Next: next, Submit: "Sign in with a passkey"}
	}
	return w
}

// offer makes the browser suggest passkeys in the first field of the form.
func (page *formPage) offer() {
	if page.Ways.Passkey == nil {
		return
	}
	page.Passkeys, page.Ways.Passkey.Offer = true, true
	page.Form.Fields[0].Complete += " webauthn"
}

// providerLinks returns a link to each provider. Each leads to next in the end. With toLink a provider does not sign in: it is
// added to the account.
func (p *Pages) providerLinks(verb, next string, toLink bool) (all []link) {
	query := url.Values{"redirect": {withNext(webaccount.LandingPath, next)}}
	if toLink {
		query.Set("link", "true")
	}
	for _, each := range p.service.Providers() {
		all = append(all, link{Label: verb + each.Title, Path: "/auth/oidc/" + url.PathEscape(each.Name) + "?" + query.Encode()})
	}
	return all
}

// challenge answers the script that asks for a passkey. back is the page to come back to after another proof.
func (v *visit) challenge(c account.Challenge, err error, back string) error {
	if err == nil {
		return v.json(http.StatusOK, passkey.Challenge{Flow: c.Flow, Options: c.Options})
	}
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || failure.Kind == errs.Internal {
		return err
	}
	refusal := passkey.Refusal{Detail: sentence(failure.Message)}
	switch failure.Kind {
	case errs.Unauthenticated:
		refusal = passkey.Refusal{Location: v.proveAgain(failure, back)}
		if err := v.keepFlow(); err != nil {
			return err
		}
	case errs.Limited, errs.Unavailable:
		refusal.Detail = waitFor(failure)
	}
	record := web.Record(v.r)
	record.Err, record.Problem = err, failure.Kind
	return v.json(v.statusOf(failure), refusal)
}

func (v *visit) json(status int, answer any) error {
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	v.answered = true
	v.w.Header().Set("Cache-Control", "no-store")
	return web.JSON(v.w, status, text)
}
