package oidc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/outbound"
)

// An IssuerConfig describes an issuer of access tokens. Issuer and Audience are required.
type IssuerConfig struct {
	Issuer     string   // URL, as the tokens have it in iss
	Audience   []string // a token must be for one of them
	Algorithms []string // of signatures; nil: all that are safe
	Claims     []string // claims that the caller wants beside the usual ones
	MFA        []string // values of acr that stand for a second factor, beside the usual ones

	Egress    *outbound.Egress  // nil: one without settings
	Transport http.RoundTripper // takes the place of Egress; for tests
	Now       func() time.Time  // for the times in tokens; nil: time.Now
	Logger    *slog.Logger      // nil: nothing is logged
}

// An Issuer makes access tokens elsewhere. It is safe for concurrent use.
type Issuer struct {
	name       string
	audience   []string
	algorithms []string
	wanted     []string // claims
	mfa        []string // values of acr
	now        func() time.Time
	keys       *keyCache
}

// NewIssuer returns an issuer. It sends nothing.
func NewIssuer(cfg IssuerConfig) *Issuer {
	i := &Issuer{
		name: cfg.Issuer, audience: slices.Clone(cfg.Audience), algorithms: slices.Clone(cfg.Algorithms),
		wanted: slices.Clone(cfg.Claims), mfa: slices.Clone(cfg.MFA), now: cfg.Now,
		keys: newKeyCache(cfg.Issuer, newClient(cfg.Egress, cfg.Issuer, cfg.Transport), cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))),
	}
	if i.algorithms == nil {
		i.algorithms = signatures()
	}
	if i.now == nil {
		i.now = time.Now
	}
	return i
}

// Name returns the URL of the issuer.
func (i *Issuer) Name() string { return i.name }

// Check asks the issuer about itself and for its keys. A *Misconfigured says that it can never work; any other error may pass.
func (i *Issuer) Check(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "oidc.Check(%s)", i.name)
	_, err = i.keys.renew(ctx, nil)
	return err
}

// A Token is what a verified access token says.
type Token struct {
	Identity           // Claims has the wanted claims alone
	Methods  []string  // how the person signed in, in the words of caller.Methods
	MFA      bool      // a second factor was used
	Since    time.Time // of the last proof; zero when unknown
	Expires  time.Time
}

// Issuers verify the access tokens of several issuers. They are safe for concurrent use.
type Issuers struct {
	all   []*Issuer
	known *cache.Recent[[sha256.Size]byte, remembered]
}

// remembered is a verified token, without the token itself.
type remembered struct {
	token  Token
	issuer *Issuer
	keys   *keySet // with one of which the token was verified
}

// maxRemembered bounds the memory of verified tokens, in bytes.
const maxRemembered = 16 << 20

// NewIssuers joins issuers. Each has another name.
func NewIssuers(all ...*Issuer) *Issuers {
	weigh := func(_ [sha256.Size]byte, r remembered) int {
		size := 1000
		for _, claim := range r.token.Claims {
			size += len(claim)
		}
		return size
	}
	return &Issuers{all: all, known: cache.NewRecent(maxRemembered, weigh)}
}

// Verify returns what an access token says. ok is false for a token of none of the issuers.
//
// A token that is damaged or expired, or that is no access token for this app, is errs.Unauthenticated, and the issuer is asked
// nothing. If the issuer is out of reach and its keys are unknown, the token is errs.Unavailable.
func (s *Issuers) Verify(ctx context.Context, text string) (token Token, ok bool, err error) {
	if s == nil || len(s.all) == 0 || len(text) > maxAccessToken {
		return Token{}, false, nil
	}
	hash := sha256.Sum256([]byte(text))
	if known, ok := s.known.Get(hash); ok {
		keys, err := known.issuer.keys.get(ctx)
		switch {
		case err != nil:
			return Token{}, true, known.issuer.unavailable(err)
		case keys == known.keys:
			return known.token, true, known.issuer.checkExpiry(known.token.Expires)
		}
	}
	parsed, err := parseToken(text)
	if err != nil { // not even its issuer can be read
		return Token{}, false, nil
	}
	at := slices.IndexFunc(s.all, func(i *Issuer) bool { return i.name == parsed.issuer })
	if at < 0 {
		return Token{}, false, nil
	}
	token, keys, err := s.all[at].verify(ctx, parsed)
	if err != nil {
		return Token{}, true, err
	}
	s.known.Put(hash, remembered{token, s.all[at], keys})
	return token, true, nil
}

// verify checks a token: first all that needs no key, so that only a token that may be good makes the server ask the issuer.
func (i *Issuer) verify(ctx context.Context, p *parsedToken) (Token, *keySet, error) {
	if err := i.checkHeader(p); err != nil {
		return Token{}, nil, err
	}
	token, err := i.checkClaims(p.claims)
	if err != nil {
		return Token{}, nil, err
	}
	keys, err := i.checkSignature(ctx, p)
	return token, keys, err
}

// checkSignature returns the keys with one of which a token is signed. A token with a key that is not known makes the cache
// fetch the keys again, at most once in a while.
func (i *Issuer) checkSignature(ctx context.Context, p *parsedToken) (*keySet, error) {
	keys, err := i.keys.get(ctx)
	if err != nil {
		return nil, i.unavailable(err)
	}
	if found := keys.find(p.header.KeyID, p.header.Algorithm); len(found) > 0 {
		if err := p.verify(found); err == nil || p.header.KeyID != "" {
			return keys, err
		}
	}
	if keys, err = i.keys.renew(ctx, keys); err != nil {
		return nil, i.unavailable(err)
	}
	found := keys.find(p.header.KeyID, p.header.Algorithm)
	if len(found) == 0 {
		return nil, badToken("the issuer has no key %q for %s", p.header.KeyID, p.header.Algorithm)
	}
	return keys, p.verify(found)
}

func (i *Issuer) unavailable(cause error) error {
	err := errs.Wrapf(cause, errs.Unavailable, "%s cannot be reached now, so its tokens cannot be verified: try again", i.name)
	err.RetryAfter = retryAfter
	return err
}

// badToken returns the error for a token that fails a check. The client learns no detail.
func badToken(format string, args ...any) error {
	return errs.Wrapf(errs.New(errs.Unauthenticated, format, args...), errs.Unauthenticated, "the token is not valid")
}
