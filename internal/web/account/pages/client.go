package pages

import (
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// The cookies. Package web/account reads the first two as well. The prefix makes browsers bind them to this host, over TLS or
// on loopback (RFC 6265bis, 4.1.3.2).
const (
	sessionCookie = "__Host-ashlar"
	deviceCookie  = "__Host-ashlar-device"
	flowCookie    = "__Host-ashlar-flow"
)

// deviceLife is how long a browser is known. Browsers keep no cookie longer.
const deviceLife = 400 * 24 * time.Hour

// client returns who sends the request. Its session lives in a cookie.
func (v *visit) client() account.Client {
	c := account.Client{
		Address: web.ClientAddress(v.r), Agent: errs.Clip(v.r.UserAgent(), 500), Lang: errs.Clip(v.r.Header.Get("Accept-Language"), 100),
		Request: web.Record(v.r).ID, Who: v.who, Cookie: true, Browser: v.flow.Browser,
	}
	if cookie, err := v.r.Cookie(deviceCookie); err == nil {
		c.Device = errs.Clip(cookie.Value, 200)
	}
	return c
}

// setCookie sets a cookie that scripts cannot read. A life of 0 deletes it.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if age <= 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// isPlain reports whether the browser came over plain HTTP from elsewhere. It keeps no cookie of the pages then.
func isPlain(r *http.Request) bool {
	return r.TLS == nil && !web.IsLoopback(r.Host) && r.Header.Get("X-Forwarded-Proto") != "https" && r.Header.Get("Forwarded") == ""
}
