package oidc

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// Bounds of the keys of an issuer.
const (
	renewAge   = 10 * time.Minute // keys are fetched again beside the requests, so a key that the issuer took back ends then
	keepAge    = 2 * time.Hour    // keys are used for so long while the issuer is away
	renewPause = 10 * time.Second // between two fetches, however many tokens name unknown keys
	maxWait    = 5 * time.Second  // of a request for a fetch
	maxWaiting = 64               // requests that wait for a fetch; further ones are refused
	maxKeys    = 100
	minRSA     = 2048 // bits
	maxRSA     = 8192 // bits; larger keys take too long
)

// A keyCache keeps the keys of one issuer. Requests never wait for it while it has keys, except those with a key that it does
// not know.
type keyCache struct {
	issuer string
	client *http.Client
	log    *slog.Logger

	document *metadata // what the issuer said of itself; only the fetch under way uses it
	found    time.Time // time of document

	mu      sync.Mutex
	current *keySet       // nil: unknown
	at      time.Time     // the issuer had these keys at that time
	flight  chan struct{} // closed at the end of the fetch under way; nil: there is none
	tried   time.Time     // begin of the last fetch
	failed  error         // of the last fetch
	waiting int
}

func newKeyCache(issuer string, client *http.Client, log *slog.Logger) *keyCache {
	return &keyCache{issuer: issuer, client: client, log: log}
}

// get returns the keys. If they are unknown or too old, it waits for a fetch.
func (c *keyCache) get(ctx context.Context) (*keySet, error) {
	c.mu.Lock()
	age := time.Since(c.at)
	if age > keepAge {
		c.current = nil
	}
	keys := c.current
	if keys != nil && age > renewAge && c.flight == nil && time.Since(c.tried) >= c.pause() {
		c.begin()
	}
	c.mu.Unlock()
	if keys == nil {
		return c.renew(ctx, nil)
	}
	return keys, nil
}

// pause returns how long nobody fetches after the last fetch.
func (c *keyCache) pause() time.Duration {
	if c.failed != nil {
		return retryAfter
	}
	return renewPause
}

// renew returns the keys that the issuer has by now. seen is the set that the caller knows, or nil. Many callers wait for one
// fetch. Shortly after a fetch renew begins no further one.
func (c *keyCache) renew(ctx context.Context, seen *keySet) (*keySet, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.current != seen && c.current != nil:
		return c.current, nil
	case c.flight == nil && !c.tried.IsZero() && time.Since(c.tried) < c.pause():
		return c.current, c.failed
	case c.flight == nil:
		c.begin()
	}
	if c.waiting >= maxWaiting {
		return nil, errBusy
	}
	if err := c.wait(ctx, c.flight); err != nil {
		return nil, err
	}
	return c.current, c.failed
}

var (
	errBusy = errors.New("too many requests wait for the keys of the issuer")
	errSlow = errors.New("the issuer takes too long to send its keys")
)

// wait waits for the end of a fetch, without the lock that its caller holds.
func (c *keyCache) wait(ctx context.Context, flight <-chan struct{}) error {
	c.waiting++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.waiting--
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, maxWait, errSlow)
	defer cancel()
	select {
	case <-flight:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin fetches the keys on a goroutine. No request owns the fetch, so none that hangs up ends it.
func (c *keyCache) begin() {
	c.tried, c.flight = time.Now(), make(chan struct{})
	var keys *keySet
	background.Go("the fetch of an issuer's keys", func() (err error) {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		keys, err = c.fetch(ctx)
		return err
	}, func(err error) { c.land(keys, err) })
}

// land takes over what a fetch has brought.
func (c *keyCache) land(keys *keySet, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.failed == nil && c.current != nil:
		c.log.Warn("the keys of an issuer cannot be fetched: the known ones are used for a while", "issuer", c.issuer, "error", err.Error())
	case err == nil && c.failed != nil:
		c.log.Info("the keys of an issuer can be fetched again", "issuer", c.issuer)
	}
	if err == nil {
		c.at = c.tried
		if c.current == nil || !bytes.Equal(c.current.body, keys.body) {
			c.current = keys
		}
	}
	c.failed = err
	close(c.flight)
	c.flight = nil
}

// fetch fetches the keys, and what the issuer says of itself if that is missing or old.
func (c *keyCache) fetch(ctx context.Context) (*keySet, error) {
	if c.document == nil || time.Since(c.found) > maxAge {
		document, err := discoverIssuer(ctx, c.client, c.issuer)
		if err != nil {
			return nil, err
		}
		c.document, c.found = document, time.Now()
	}
	body, err := fetch(ctx, c.client, c.document.Keys)
	if err != nil {
		return nil, err
	}
	return parseKeys(c.document.Keys, body)
}

// discoverIssuer fetches the discovery document of an issuer.
func discoverIssuer(ctx context.Context, client *http.Client, issuer string) (*metadata, error) {
	address := documentOf(issuer)
	body, err := fetch(ctx, client, address)
	if err != nil {
		return nil, err
	}
	var m metadata
	switch err := json.Unmarshal(body, &m); {
	case err != nil:
		return nil, noDocument(address, body)
	case m.Issuer != issuer:
		return nil, misconfigured("issuer", "%s names the issuer %q, which is not %q: write exactly what the issuer calls itself", address, m.Issuer, issuer)
	case !isSafe(m.Keys, issuer):
		return nil, misconfigured("issuer", "%s has the jwks_uri %q: it must be an https address", address, m.Keys)
	}
	return &m, nil
}

// A keySet is the keys of an issuer that can verify tokens.
type keySet struct {
	body []byte // of the answer with them
	keys []publicKey
}

// A publicKey verifies signatures.
type publicKey struct {
	id        string
	algorithm string // "": every algorithm for the type
	key       any
}

// parseKeys reads a JSON Web Key Set. It skips keys that cannot verify a signature or are too weak.
func parseKeys(address string, body []byte) (*keySet, error) {
	var answer struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, misconfigured("issuer", "%s, the jwks_uri, answers with no set of keys", address)
	}
	if len(answer.Keys) > maxKeys {
		return nil, misconfigured("issuer", "%s has %d keys, more than %d", address, len(answer.Keys), maxKeys)
	}
	set := &keySet{body: body}
	for _, raw := range answer.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || (key.Use != "" && key.Use != "sig") || !key.Valid() {
			continue
		}
		if public := (publicKey{id: key.KeyID, algorithm: key.Algorithm, key: key.Key}); public.isStrong() {
			set.keys = append(set.keys, public)
		}
	}
	if len(set.keys) == 0 {
		return nil, misconfigured("issuer", "%s has no key that can verify a token", address)
	}
	return set, nil
}

// isStrong reports whether the key is a public key that is good enough. A private or shared key is none.
func (k publicKey) isStrong() bool {
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		return bits >= minRSA && bits <= maxRSA
	case *ecdsa.PublicKey:
		return true
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize
	default:
		return false
	}
}

// fits reports whether the key makes signatures of an algorithm.
func (k publicKey) fits(algorithm string) bool {
	if k.algorithm != "" && k.algorithm != algorithm {
		return false
	}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return algorithm[:2] == "RS" || algorithm[:2] == "PS"
	case *ecdsa.PublicKey:
		curves := map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
		return curves[algorithm] == key.Curve.Params().Name
	default:
		return algorithm == "EdDSA"
	}
}

// find returns the keys that may have made a signature. A token without the id of a key can only be of the one key that fits.
func (s *keySet) find(id, algorithm string) (found []publicKey) {
	for _, key := range s.keys {
		if (id == "" || key.id == id) && key.fits(algorithm) {
			found = append(found, key)
		}
	}
	if id == "" && len(found) > 1 {
		return nil
	}
	return found
}
