package token

import (
	"errors"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Config configures a Verifier. The zero value works.
type Config struct {
	Now       func() time.Time // default: time.Now
	CacheSize int              // verified tokens of usual length to remember, about 1 KiB each; default: 10,000
	Roles     []string         // roles that the model declares; a Verifier drops all others
}

// A Verifier verifies the tokens of one server's keys. It is safe for concurrent use.
type Verifier struct {
	keys     *Keys
	now      func() time.Time
	declared map[string]bool
	memory
}

// NewVerifier returns a Verifier for the tokens that keys signs.
func NewVerifier(keys *Keys, cfg Config) *Verifier {
	size := 10_000
	if cfg.CacheSize > 0 {
		size = cfg.CacheSize
	}
	v := &Verifier{keys: keys, now: cfg.Now, declared: map[string]bool{}, memory: newMemory(size)}
	if v.now == nil {
		v.now = time.Now
	}
	for _, role := range cfg.Roles {
		v.declared[role] = true
	}
	return v
}

// Verify returns the user that a token names. Every error is errs.Unauthenticated.
//
// The Verifier remembers verified tokens, since a signature costs as much as the rest of a request. It checks their expiry
// each time, and their signature again when the keys change. It does not remember refused tokens: anybody can send any
// number of them.
func (v *Verifier) Verify(token string) (caller.Caller, error) {
	if len(token) > maxToken {
		return caller.Caller{}, refuse(errors.New("too long"))
	}
	now, keys := v.now().Unix(), v.keys.set.Load()
	if k, ok := v.known.Get(token); ok && k.keys == keys {
		if now >= k.expiry {
			return caller.Caller{}, expired()
		}
		return k.who, nil
	}
	c, err := keys.verify(token)
	switch {
	case err != nil:
		return caller.Caller{}, refuse(err)
	case now >= c.Expiry:
		return caller.Caller{}, expired()
	case c.NotBefore > now, c.IssuedAt > now+maxSkew:
		return caller.Caller{}, refuse(errors.New("from the future"))
	}
	who := caller.User(c.identity(v.declared))
	// The clone lets go of the header that the token is a part of.
	v.known.Put(strings.Clone(token), &verified{who: who, expiry: c.Expiry, keys: keys})
	return who, nil
}

func refuse(cause error) error {
	return errs.Wrapf(cause, errs.Unauthenticated, "the token is not valid")
}

func expired() error {
	return errs.New(errs.Unauthenticated, "the token has expired")
}
