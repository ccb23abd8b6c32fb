package oidc_test

import (
	"crypto/elliptic"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
)

// The issuer makes a new key: its tokens are accepted at once. It takes back the old key: those tokens are refused soon, even one
// that was accepted before.
func TestKeysRotate(t *testing.T) {
	op := oidctest.New(t)
	synctest.Test(t, func(t *testing.T) {
		all := issuersOf(op)
		forever := func(c map[string]any) { c["exp"] = time.Now().Add(100 * time.Hour).Unix() }
		old := op.AccessToken("ada", forever)
		if !accepts(t, all, old) {
			t.Fatal("the first key is unknown")
		}
		time.Sleep(time.Minute)
		former, next := op.Key, newECDSA(t, elliptic.P256())
		op.Keys = func() any {
			return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: former.Public(), KeyID: oidctest.KeyID}, {Key: next.Public(), KeyID: "key-2"}}}
		}
		op.Key = next
		fresh := resign(op, op.AccessToken("ada", forever), map[string]any{"typ": "at+jwt", "kid": "key-2"}, nil)
		if !accepts(t, all, fresh) || !accepts(t, all, old) {
			t.Fatal("a token of the new or the former key is refused")
		}
		op.Keys = func() any {
			return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: next.Public(), KeyID: "key-2"}}}
		}
		time.Sleep(11 * time.Minute)
		accepts(t, all, fresh) // begins a fetch and does not wait for it
		synctest.Wait()
		if accepts(t, all, old) || !accepts(t, all, fresh) {
			t.Error("the key that was taken back still counts, or the other does not")
		}
	})
}

// An issuer without ids of keys replaces its only key.
func TestKeyWithoutIDRotates(t *testing.T) {
	op := oidctest.New(t)
	synctest.Test(t, func(t *testing.T) {
		all := issuersOf(op)
		op.Keys = func() any { return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: op.Key.Public()}}} }
		payload := payloadOf(t, op.AccessToken("ada", nil))
		if !accepts(t, all, signWith(t, jose.ES256, op.Key, "", payload)) {
			t.Fatal("a token without kid is refused")
		}
		time.Sleep(time.Minute)
		op.Key = newECDSA(t, elliptic.P256())
		if !accepts(t, all, signWith(t, jose.ES256, op.Key, "", payload)) {
			t.Error("a token of the new key is refused")
		}
	})
}

// Tokens with invented keys make the server ask the issuer once in ten seconds, however many come.
func TestExhaustion_InventedKeys(t *testing.T) {
	op := oidctest.New(t)
	synctest.Test(t, func(t *testing.T) {
		all := issuersOf(op)
		good := op.AccessToken("ada", nil)
		if !accepts(t, all, good) {
			t.Fatal("a good token is refused")
		}
		before := op.Calls()
		for second := range 60 {
			var done sync.WaitGroup
			for i := range 20 {
				forged := resign(op, good, map[string]any{"typ": "at+jwt", "kid": fmt.Sprint("forged", second, i)}, nil)
				done.Go(func() {
					if accepts(t, all, forged) {
						t.Error("a forged token is accepted")
					}
				})
			}
			done.Wait()
			time.Sleep(time.Second)
		}
		if calls := op.Calls() - before; calls < 1 || calls > 6 {
			t.Errorf("the issuer got %d calls in a minute", calls)
		}
	})
}

// While the issuer is away its known keys count for two hours. Then its tokens are answered with 503, until it is back.
func TestIssuerIsAway(t *testing.T) {
	op := oidctest.New(t)
	synctest.Test(t, func(t *testing.T) {
		all := issuersOf(op)
		good := op.AccessToken("ada", func(c map[string]any) { c["exp"] = time.Now().Add(100 * time.Hour).Unix() })
		unknown := resign(op, good, map[string]any{"typ": "at+jwt", "kid": "new"}, nil)
		op.Status = http.StatusBadGateway
		isAway := func(text string) bool {
			_, ok, err := all.Verify(t.Context(), text)
			failure, isOurs := errors.AsType[*errs.Error](err)
			return ok && isOurs && failure.Kind == errs.Unavailable && failure.RetryAfter > 0
		}
		if first, second := isAway(good), isAway(good); !first || !second || op.Calls() != 1 {
			t.Fatalf("tokens of an issuer that never answered: %d calls", op.Calls())
		}
		op.Status = 0
		time.Sleep(6 * time.Second)
		if !accepts(t, all, good) || accepts(t, all, unknown) {
			t.Fatal("the issuer is not back")
		}
		op.Status = http.StatusBadGateway
		began := time.Now()
		calls := op.Calls()
		for time.Since(began) < 2*time.Hour-time.Minute {
			if !accepts(t, all, good) {
				t.Fatalf("the keys are lost after %v", time.Since(began))
			}
			time.Sleep(time.Minute)
		}
		if got := op.Calls() - calls; got < 1 || got > 120 {
			t.Errorf("%d calls in two hours", got)
		}
		if !isAway(unknown) {
			t.Error("a key that nobody can ask for is called forged")
		}
		time.Sleep(2 * time.Minute)
		if !isAway(good) {
			t.Error("old keys count for good")
		}
		op.Status = 0
		time.Sleep(6 * time.Second)
		if !accepts(t, all, good) {
			t.Error("the issuer is not back")
		}
	})
}

// hanging is a transport whose calls wait for a channel.
type hanging struct {
	http.RoundTripper
	on   *atomic.Bool
	free chan struct{}
}

func (h hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.on.Load() {
		select {
		case <-h.free:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return h.RoundTripper.RoundTrip(r)
}

// While the issuer takes its time, tokens with known keys are answered at once. Few requests wait for unknown keys, and not for
// long.
func TestExhaustion_SlowIssuer(t *testing.T) {
	op := oidctest.New(t)
	synctest.Test(t, func(t *testing.T) {
		slow := hanging{RoundTripper: op.Transport(), on: &atomic.Bool{}, free: make(chan struct{})}
		cfg := issuerConfig(op)
		cfg.Transport = slow
		all := oidc.NewIssuers(oidc.NewIssuer(cfg))
		good := op.AccessToken("ada", func(c map[string]any) { c["exp"] = time.Now().Add(time.Hour).Unix() })
		if !accepts(t, all, good) {
			t.Fatal("a good token is refused")
		}
		slow.on.Store(true)
		time.Sleep(11 * time.Minute)
		unknown := resign(op, good, map[string]any{"typ": "at+jwt", "kid": "new"}, nil)
		var atOnce, later atomic.Int32
		for range 200 {
			began := time.Now()
			go func() {
				_, _, err := all.Verify(t.Context(), unknown)
				switch {
				case errs.KindOf(err) != errs.Unavailable:
					t.Errorf("Verify = %v", err)
				case time.Since(began) == 0:
					atOnce.Add(1)
				default:
					later.Add(1)
				}
			}()
		}
		synctest.Wait()
		began := time.Now()
		if !accepts(t, all, good) || time.Since(began) > 0 {
			t.Error("a token with a known key waits")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if atOnce.Load() != 136 || later.Load() != 64 {
			t.Errorf("%d were refused at once and %d after 5 s, want 136 and 64", atOnce.Load(), later.Load())
		}
		slow.on.Store(false)
		close(slow.free)
		time.Sleep(11 * time.Second)
		if accepts(t, all, unknown) || !accepts(t, all, good) {
			t.Error("the issuer is not back")
		}
	})
}
