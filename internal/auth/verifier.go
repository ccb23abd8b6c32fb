package auth

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Config is how tokens are verified. The zero value works: no role is declared.
type Config struct {
	Now       func() time.Time // nil: time.Now
	CacheSize int              // tokens remembered as verified, about 300 bytes each; 0: 10,000
	Roles     []string         // that the model declares; all others are dropped
}

// Verifier knows the tokens of one key. It is safe for concurrent use.
type Verifier struct {
	keys     *Keys
	now      func() time.Time
	declared map[string]bool
	known    *cache
}

// NewVerifier returns a Verifier of the tokens that keys signs.
func NewVerifier(keys *Keys, cfg Config) *Verifier {
	v := &Verifier{keys: keys, now: cfg.Now, declared: map[string]bool{}, known: newCache(10_000)}
	if v.now == nil {
		v.now = time.Now
	}
	if cfg.CacheSize > 0 {
		v.known = newCache(cfg.CacheSize)
	}
	for _, role := range cfg.Roles {
		v.declared[role] = true
	}
	return v
}

// Verify returns the user that a token names. Every error is errs.Unauthenticated.
//
// A verified token is remembered until it is pushed out, since a signature costs as much as the rest of a request. Its
// expiry is asked each time. A token that is refused is not remembered: anyone can send as many as he likes.
func (v *Verifier) Verify(token string) (caller.Caller, error) {
	if len(token) > maxToken {
		return caller.Caller{}, refuse(errors.New("too long"))
	}
	key := cacheKey(token)
	now := v.now().Unix()
	if k, ok := v.known.get(key); ok {
		if now >= k.expiry {
			return caller.Caller{}, expired()
		}
		return k.who, nil
	}
	c, err := v.keys.verify(token)
	switch {
	case err != nil:
		return caller.Caller{}, refuse(err)
	case now >= c.Expiry:
		return caller.Caller{}, expired()
	case c.NotBefore > now, c.IssuedAt > now+maxSkew:
		return caller.Caller{}, refuse(errors.New("from the future"))
	}
	who := caller.User(c.identity(v.declared))
	v.known.put(key, known{who: who, expiry: c.Expiry})
	return who, nil
}

func refuse(cause error) error {
	return errs.Wrapf(cause, errs.Unauthenticated, "the token is not valid")
}

func expired() error {
	return errs.New(errs.Unauthenticated, "the token has expired")
}

// Identify returns who sends a request: anonymous where it has no Authorization header, else the bearer of its token. A
// header that is anything but one valid bearer token is errs.Unauthenticated, never anonymous. Tokens are read from
// nowhere else: a URL ends up in logs and histories.
func (v *Verifier) Identify(r *http.Request) (caller.Caller, error) {
	given := r.Header["Authorization"]
	switch len(given) {
	case 0:
		return caller.Caller{}, nil
	case 1:
	default:
		return caller.Caller{}, errs.New(errs.Unauthenticated, "the Authorization header is given %d times", len(given))
	}
	scheme, token, ok := strings.Cut(given[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return caller.Caller{}, errs.New(errs.Unauthenticated, "the Authorization header is not of the form “Bearer TOKEN”")
	}
	return v.Verify(token)
}
