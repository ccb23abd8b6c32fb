package account

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
)

// A ProviderInfo is a provider as everybody may see it.
type ProviderInfo struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// Providers returns the providers at which users may sign in, in the order of the model.
func (s *Service) Providers() []ProviderInfo {
	all := make([]ProviderInfo, len(s.providers))
	for i, p := range s.providers {
		all[i] = ProviderInfo{p.Name(), p.Title()}
	}
	return all
}

// provider returns a provider by its name.
func (s *Service) provider(name string) (*oidc.Provider, error) {
	at := slices.IndexFunc(s.providers, func(p *oidc.Provider) bool { return p.Name() == name })
	if at < 0 {
		return nil, errs.New(errs.NotFound, "there is no such provider: see /auth/providers")
	}
	return s.providers[at], nil
}

// A Departure is a sign-in that continues at a provider.
type Departure struct {
	URL      string // where the browser goes
	Browser  string // value of the cookie that the browser must come back with
	Lives    time.Duration
	FormPost bool // the browser comes back with a form from another site
}

// Format prints no secret.
func (Departure) String() string   { return "account.Departure{REDACTED}" }
func (Departure) GoString() string { return "account.Departure{REDACTED}" }

// departed is what a sign-in at a provider must remember. The database keeps it sealed.
type departed struct {
	Nonce    string
	Verifier string
	Next     string // where the browser goes in the end, or ""
	Cookie   bool
	Account  string // not "": who comes back is to be linked with it
	Session  string // that began to link
}

// departBudget bounds the sign-ins that one network begins at providers. People of one office share it.
var departBudget = budget{free: 300, forget: 15 * time.Minute}

// BeginProvider begins a sign-in at a provider. next is where the browser goes in the end: a path, or an address of an allowed
// origin; or "". browser is the cookie of an earlier sign-in, or "".
func (s *Service) BeginProvider(ctx context.Context, name, next, browser string, client Client) (d Departure, err error) {
	defer errs.Wrap(&err, "account.BeginProvider(%s)", name)
	return s.depart(ctx, name, departed{Next: next, Cookie: client.Cookie}, browser, client)
}

// depart keeps what a sign-in at a provider must remember, and returns where it continues.
func (s *Service) depart(ctx context.Context, name string, kept departed, browser string, client Client) (Departure, error) {
	provider, err := s.provider(name)
	if err != nil {
		return Departure{}, err
	}
	if kept.Next != "" && !s.mayLeadTo(kept.Next) {
		return Departure{}, errs.New(errs.Malformed, "redirect must be a path such as /welcome, or an address of an origin that the app trusts")
	}
	if len(browser) != len(newSecret()) { // tabs of one browser share the cookie
		browser = newSecret()
	}
	secret := newSecret()
	kept.Nonce, kept.Verifier = newSecret(), rand.Text()+rand.Text()
	data, err := s.sealDeparted(name, kept)
	if err != nil {
		return Departure{}, err
	}
	lives, id := s.rules.Codes.Valid, ""
	err = s.write(ctx, func(w *work) (err error) {
		if err := w.count(newCounter(departBudget, "provider from", network(client.Address))); err != nil {
			return err
		}
		id, err = s.oneTime.create(w, secretRow{Purpose: forProvider, Hash: s.hashDeparted(name, browser, secret), Data: data, ExpiresAt: micros(w.now.Add(lives))})
		return err
	})
	if err != nil {
		return Departure{}, err
	}
	address, err := provider.Begin(ctx, oidc.Request{State: id + "." + secret, Nonce: kept.Nonce, Verifier: kept.Verifier})
	return Departure{URL: address, Browser: browser, Lives: lives, FormPost: provider.FormPost()}, err
}

// hashDeparted binds a state to its provider and to the browser that began.
func (s *Service) hashDeparted(provider, browser, secret string) string {
	return s.hashSecret(forProvider, provider+" "+browser, secret) // neither holds a blank
}

func (s *Service) sealDeparted(provider string, kept departed) (json.RawMessage, error) {
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	sealed, err := s.keys.Seal("provider", text, provider)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sealed)
}

// mayLeadTo reports whether a browser may be sent to an address: a path of the app, or an address of an allowed origin. What
// browsers read as something else than it looks is refused.
func (s *Service) mayLeadTo(next string) bool {
	isOdd := func(char rune) bool { return char <= ' ' || char == 0x7f || char == '\\' || char == '#' }
	if len(next) > 2000 || strings.ContainsFunc(next, isOdd) || norm.NFKC.String(next) != next {
		return false
	}
	target, err := url.Parse(next)
	if err != nil || target.User != nil || target.Opaque != "" {
		return false
	}
	if target.Scheme == "" && target.Host == "" {
		return strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//")
	}
	return slices.Contains(s.redirects, target.Scheme+"://"+target.Host)
}

// A ProviderAnswer is what a browser brings back from a provider.
type ProviderAnswer struct {
	State   string
	Code    string
	Issuer  string // iss of RFC 9207
	Failure string // error of OAuth 2
	Browser string // cookie
}

// Format prints no secret.
func (ProviderAnswer) String() string   { return "account.ProviderAnswer{REDACTED}" }
func (ProviderAnswer) GoString() string { return "account.ProviderAnswer{REDACTED}" }

// An Arrival is how far a sign-in at a provider has come.
type Arrival struct {
	Step
	Link  string // not "": the flow for Link, since an account with the address exists already, or since its owner began to link
	Email string // of the account at the provider, if there is a Link
	Own   bool   // the owner of an account here began to link
	Next  string // where the browser goes, or ""; known with some errors too
}

// errDeparted is the answer to a state that is wrong, expired, used, or of another browser or provider.
func errDeparted() error {
	return errs.New(errs.Unauthenticated, "this sign-in is not valid, or no longer: begin again")
}

// FinishProvider signs in who comes back from a provider. The state works once, in the browser that began.
func (s *Service) FinishProvider(ctx context.Context, name string, answer ProviderAnswer, client Client) (a Arrival, err error) {
	defer errs.Wrap(&err, "account.FinishProvider(%s)", name)
	provider, err := s.provider(name)
	if err != nil {
		return Arrival{}, err
	}
	kept, err := s.takeDeparted(ctx, name, answer)
	if err != nil {
		return Arrival{}, err
	}
	if answer.Failure != "" || answer.Code == "" {
		return Arrival{Next: kept.Next}, errs.Wrapf(errs.New(errs.Unauthenticated, "the provider says %q", errs.Clip(answer.Failure, 100)),
			errs.Unauthenticated, "%s did not sign you in: begin again", provider.Title())
	}
	who, err := provider.Finish(ctx, oidc.Answer{Code: answer.Code, Issuer: answer.Issuer, Nonce: kept.Nonce, Verifier: kept.Verifier})
	if err != nil {
		return Arrival{Next: kept.Next}, err
	}
	client.Cookie = kept.Cookie
	found := s.foreigner(name, who)
	err = again(func() error {
		return s.write(ctx, func(w *work) (err error) {
			if kept.Account != "" {
				a, err = s.arriveToLink(w, found, kept)
			} else {
				a, err = s.arrive(w, found, client)
			}
			return err
		})
	})
	if err == nil && a.Grant == nil && a.Flow == "" && a.Link == "" {
		err = errs.New(errs.Unauthenticated, "this account may not sign in")
	}
	if err != nil {
		return Arrival{Next: kept.Next}, err
	}
	a.Next = kept.Next
	return a, nil
}

// takeDeparted consumes a state. Of parallel attempts one wins. An attempt from another browser consumes nothing.
func (s *Service) takeDeparted(ctx context.Context, provider string, answer ProviderAnswer) (kept departed, err error) {
	id, secret, ok := cutFlow(answer.State)
	if !ok || answer.Browser == "" {
		return kept, errDeparted()
	}
	err = s.write(ctx, func(w *work) error {
		row, revision, err := s.oneTime.get(w, id)
		if errs.KindOf(err) == errs.NotFound {
			return errDeparted()
		}
		if err != nil {
			return err
		}
		if row.Purpose != forProvider || !w.now.Before(row.ExpiresAt) || !sameHash(s.hashDeparted(provider, answer.Browser, secret), row.Hash) {
			return errDeparted()
		}
		if kept, err = s.openDeparted(provider, row.Data); err != nil {
			return err
		}
		return lostRace(s.oneTime.remove(w, id, revision))
	})
	if errs.KindOf(err) == errs.Stale {
		err = errDeparted()
	}
	return kept, err
}

func (s *Service) openDeparted(provider string, data json.RawMessage) (kept departed, err error) {
	var sealed string
	if err := json.Unmarshal(data, &sealed); err != nil {
		return kept, err
	}
	text, err := s.keys.Open("provider", sealed, provider)
	if err != nil {
		return kept, err
	}
	return kept, json.Unmarshal(text, &kept)
}
