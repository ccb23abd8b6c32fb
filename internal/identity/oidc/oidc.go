// Package oidc finds out who somebody is elsewhere: by a sign-in at a provider, or by an access token of an issuer.
//
// Providers speak OpenID Connect; GitHub speaks OAuth 2. A sign-in is a code flow with PKCE. Begin returns the address that the browser goes to, and Finish exchanges the code that
// it comes back with. The caller keeps state, nonce and verifier between the two.
//
// An Issuer verifies access tokens as they come, by the keys that it publishes.
package oidc

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Config describes a provider. Name and ClientID are required.
type Config struct {
	Name         string // google, microsoft, apple, gitlab and github are presets if Issuer is empty
	Issuer       string // URL; "" for a preset
	ClientID     string
	ClientSecret telemetry.Secret
	Scopes       []string // nil: the usual ones
	Claims       []string // claims that the caller wants beside the usual ones

	Tenant string           // of microsoft
	Team   string           // of apple
	KeyID  string           // of apple
	Key    telemetry.Secret // of apple: private key in PEM

	Redirect  string            // address of the callback, to which the provider sends the browser
	Egress    *outbound.Egress  // nil: one without settings
	Transport http.RoundTripper // takes the place of Egress; for tests
	Now       func() time.Time  // nil: time.Now
}

// A Provider signs people in. It is safe for concurrent use.
type Provider struct {
	name, title string
	redirect    string
	clientID    string
	secret      func(now time.Time) (string, error)
	scopes      []string
	claims      []string
	formPost    bool
	now         func() time.Time
	client      *http.Client
	protocol    protocol
}

// A protocol is how a provider answers who somebody is.
type protocol interface {
	// ready fetches what the provider says about itself, if that is missing or old.
	ready(ctx context.Context) error
	begin(ctx context.Context, r Request) (string, error)
	finish(ctx context.Context, a Answer) (Identity, error)
}

// A Request is what begins a sign-in. All three are random texts.
type Request struct {
	State    string // comes back with the code
	Nonce    string // comes back inside the ID token
	Verifier string // of PKCE
}

// An Answer is what the browser comes back with, and what Begin was given.
type Answer struct {
	Code     string
	Issuer   string // iss of RFC 9207, or ""
	Nonce    string
	Verifier string
}

// Format prints neither code nor verifier.
func (Answer) String() string   { return "oidc.Answer{REDACTED}" }
func (Answer) GoString() string { return "oidc.Answer{REDACTED}" }

// An Identity is who a provider says that somebody is. Issuer and Subject together name one person for good.
type Identity struct {
	Issuer        string
	Subject       string
	Email         string // "" if the provider gave none
	EmailVerified bool   // the provider says that the person owns Email
	Name          string
	Claims        map[string]json.RawMessage
}

// New checks the settings of a provider. It sends nothing.
func New(cfg Config) (*Provider, error) {
	p := &Provider{
		name: cfg.Name, title: cfg.Name, redirect: cfg.Redirect, clientID: cfg.ClientID, scopes: slices.Clone(cfg.Scopes),
		claims: cfg.Claims, now: cfg.Now, client: newClient(cfg.Egress, cfg.Issuer, cfg.Transport),
		secret: func(time.Time) (string, error) { return string(cfg.ClientSecret), nil },
	}
	if p.now == nil {
		p.now = time.Now
	}
	var err error
	p.protocol, err = p.choose(cfg)
	return p, err
}

// Name returns the name of the provider in the model.
func (p *Provider) Name() string { return p.name }

// Title returns the name for people.
func (p *Provider) Title() string { return p.title }

// FormPost reports whether the provider sends the browser back with a form instead of a query. Apple does.
func (p *Provider) FormPost() bool { return p.formPost }

// Check asks the provider about itself. A *Misconfigured says that it can never work; any other error may pass.
func (p *Provider) Check(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "oidc.Check(%s)", p.name)
	return p.protocol.ready(ctx)
}

// Begin returns the address at the provider where the browser signs in.
func (p *Provider) Begin(ctx context.Context, r Request) (address string, err error) {
	defer errs.Wrap(&err, "oidc.Begin(%s)", p.name)
	if err := p.available(ctx); err != nil {
		return "", err
	}
	return p.protocol.begin(ctx, r)
}

// Finish exchanges the code of an answer, and returns who signed in. An answer that fails any check is
// errs.Unauthenticated. A provider that is out of reach is errs.Unavailable.
func (p *Provider) Finish(ctx context.Context, a Answer) (who Identity, err error) {
	defer errs.Wrap(&err, "oidc.Finish(%s)", p.name)
	if err := p.available(ctx); err != nil {
		return Identity{}, err
	}
	who, err = p.protocol.finish(ctx, a)
	if err == nil && (who.Subject == "" || len(who.Subject) > maxSubject) {
		err = refused("the subject has %d bytes", len(who.Subject))
	}
	if err != nil {
		return Identity{}, err
	}
	return who, nil
}

// maxSubject is the largest length of a subject in bytes (OpenID Connect Core, 2).
const maxSubject = 255

// available is ready with an error for clients.
func (p *Provider) available(ctx context.Context) error {
	if err := p.protocol.ready(ctx); err != nil {
		return p.unavailable(err)
	}
	return nil
}

func (p *Provider) unavailable(cause error) error {
	err := errs.Wrapf(cause, errs.Unavailable, "%s cannot be reached now: try again, or sign in another way", p.title)
	err.RetryAfter = retryAfter
	return err
}
