package pages

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"
)

// A flow is what a browser has begun. It lives in a sealed cookie for a short time, so that no secret stands in a URL. A post
// puts its outcome there, and answers with a redirect to the page that shows it once.
type flow struct {
	Until   int64  `json:"u"` // seconds since 1970
	Notice  string `json:"m,omitempty"`
	Problem string `json:"p,omitempty"`
	Next    string `json:"n,omitempty"` // where the sign-in leads
	Factor  string `json:"f,omitempty"` // sign-in that waits for its second factor
	Email   string `json:"e,omitempty"` // to which a code was mailed
	Browser string `json:"b,omitempty"` // secret of the browser that signed up

	Factors []string `json:"a,omitempty"` // any one of which ends the sign-in
	Link    *abroad  `json:"l,omitempty"` // waits for the consent of the owner of an account

	// What follows is of one session, and shown to no other.
	Session string   `json:"s,omitempty"`
	TOTP    string   `json:"t,omitempty"` // secret that waits for its first code
	Codes   []string `json:"c,omitempty"` // recovery codes, to be shown once
	Key     string   `json:"k,omitempty"` // key, to be shown once
}

// An abroad is an account at a provider that came to be linked.
type abroad struct {
	Flow  string `json:"f"` // for account.Service.Link
	Title string `json:"t"` // of the provider
	Email string `json:"e,omitempty"`
	Own   bool   `json:"o,omitempty"` // the owner of the account here began
	Next  string `json:"n,omitempty"` // where the browser goes afterwards
}

// Format prints no secret.
func (flow) String() string   { return "pages.flow{REDACTED}" }
func (flow) GoString() string { return "pages.flow{REDACTED}" }

// flowLife is how long a browser keeps a flow.
const flowLife = 30 * time.Minute

// sealPurpose keeps the cookies apart from everything else that the keys seal.
const sealPurpose = "account pages"

// openFlow returns the flow of a request. A cookie that is missing, foreign or too old is an empty flow.
func (p *Pages) openFlow(r *http.Request, session string) (f flow) {
	cookies := r.CookiesNamed(flowCookie)
	if len(cookies) != 1 {
		return flow{}
	}
	text, err := p.keys.Open(sealPurpose, cookies[0].Value, flowCookie)
	if err != nil || json.Unmarshal(text, &f) != nil || time.Now().Unix() >= f.Until {
		return flow{}
	}
	if f.Session != session {
		f.Session, f.TOTP, f.Codes, f.Key = "", "", nil, ""
	}
	return f
}

// keepFlow sets the cookie of a flow. It deletes the cookie of an empty flow.
func (p *Pages) keepFlow(w http.ResponseWriter, f flow) error {
	f.Until = 0
	if reflect.DeepEqual(f, flow{}) {
		setCookie(w, flowCookie, "", 0)
		return nil
	}
	f.Until = time.Now().Add(flowLife).Unix()
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sealed, err := p.keys.Seal(sealPurpose, text, flowCookie)
	if err == nil {
		setCookie(w, flowCookie, sealed, flowLife)
	}
	return err
}
