package token

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

var start = time.Unix(1_790_000_000, 0)

func openKeys(t testing.TB) *Keys {
	t.Helper()
	k, err := Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// first returns the oldest signing key.
func (k *Keys) first() signingKey { return k.set.Load().keys[0] }

// clock is a time set by a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) add(wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(wait)
}

func mustSign(t testing.TB, k *Keys, id caller.Identity, ttl time.Duration) string {
	t.Helper()
	token, err := k.Sign(id, ttl, start)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerifyRoundTrip(t *testing.T) {
	k := openKeys(t)
	c := &clock{now: start}
	v := NewVerifier(k, Config{Now: c.Now, Roles: []string{"editor", "admin"}})
	id := caller.Identity{ID: "u-1", Email: "ann@example.com", Roles: []string{"editor", "gone"}, Verified: true, MFA: true}
	token := mustSign(t, k, id, time.Hour)
	for _, way := range []string{"verified", "remembered"} {
		got, err := v.Verify(token)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		id.Roles = []string{"editor"} // the other is not declared
		if want := caller.User(id); cmp.Diff(want, got, cmp.AllowUnexported(caller.Caller{})) != "" {
			t.Errorf("%s: %v, want %v", way, got, want)
		}
	}
	if v.known.Len() != 1 {
		t.Errorf("%d tokens remembered, want 1", v.known.Len())
	}
}

func TestTokensDiffer(t *testing.T) {
	k := openKeys(t)
	id := caller.Identity{ID: "u"}
	first, second := mustSign(t, k, id, time.Hour), mustSign(t, k, id, time.Hour)
	if first == second {
		t.Error("two tokens are the same: jti does not tell them apart")
	}
}

func TestExpiryIsAskedEachTime(t *testing.T) {
	k := openKeys(t)
	c := &clock{now: start}
	v := NewVerifier(k, Config{Now: c.Now})
	token := mustSign(t, k, caller.Identity{ID: "u"}, time.Minute)
	if _, err := v.Verify(token); err != nil {
		t.Fatal(err)
	}
	c.add(59 * time.Second)
	if _, err := v.Verify(token); err != nil {
		t.Errorf("a second before it expires: %v", err)
	}
	c.add(time.Second)
	if _, err := v.Verify(token); errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(err.Error(), "expired") {
		t.Errorf("from memory, when it expires: %v", err)
	}
	if _, err := NewVerifier(k, Config{Now: c.Now}).Verify(token); errs.KindOf(err) != errs.Unauthenticated || !strings.Contains(err.Error(), "expired") {
		t.Errorf("anew, when it expires: %v", err)
	}
}

// b64 and raw make tokens by hand, as no library would.
func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func raw(k *Keys, header, payload string) string {
	text := b64(header) + "." + b64(payload)
	return text + "." + b64(string(ed25519.Sign(k.first().private, []byte(text))))
}

func ourHeader(k *Keys) string {
	return fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt"}`, k.first().id)
}

const goodPayload = `{"iss":"ashlar","aud":"ashlar","sub":"u","iat":1790000000,"exp":1790003600,"jti":"x"}`

func TestHandMadeTokenIsAccepted(t *testing.T) {
	k := openKeys(t)
	v := NewVerifier(k, Config{Now: func() time.Time { return start }})
	if _, err := v.Verify(raw(k, ourHeader(k), goodPayload)); err != nil {
		t.Errorf("the token that the attacks vary is not valid itself: %v", err)
	}
}

func TestAttacks(t *testing.T) {
	k, other := openKeys(t), openKeys(t)
	public := k.first().private.Public().(ed25519.PublicKey)
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	good := raw(k, ourHeader(k), goodPayload)
	parts := strings.Split(good, ".")
	hs256 := func(key []byte) string {
		text := b64(strings.ReplaceAll(ourHeader(k), "EdDSA", "HS256")) + "." + parts[1]
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return text + "." + b64(string(mac.Sum(nil)))
	}
	payload := func(old, new string) string {
		if !strings.Contains(goodPayload, old) {
			t.Fatalf("%s is not in the payload", old)
		}
		return raw(k, ourHeader(k), strings.Replace(goodPayload, old, new, 1))
	}
	header := func(old, new string) string {
		return raw(k, strings.Replace(ourHeader(k), old, new, 1), goodPayload)
	}
	tests := map[string]string{
		"empty":                       "",
		"a word":                      "token",
		"two parts":                   parts[0] + "." + parts[1],
		"no signature":                parts[0] + "." + parts[1] + ".",
		"four parts":                  good + "." + parts[2],
		"trailing data":               good + "x",
		"trailing newline":            good + "\n",
		"leading blank":               " " + good,
		"padding":                     good + "==",
		"alg none":                    b64(`{"alg":"none","typ":"at+jwt","kid":"`+k.first().id+`"}`) + "." + parts[1] + ".",
		"alg none, with a signature":  header("EdDSA", "none"),
		"alg None":                    header("EdDSA", "None"),
		"alg missing":                 header(`"alg":"EdDSA",`, ""),
		"alg twice":                   header(`"alg":"EdDSA"`, `"alg":"none","alg":"EdDSA"`),
		"HS256 with the public key":   hs256(public),
		"HS256 with its DER":          hs256(spki),
		"HS256 with its PEM":          hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})),
		"HS256 with nothing":          hs256(nil),
		"RS256":                       header("EdDSA", "RS256"),
		"another's key":               raw(other, ourHeader(other), goodPayload),
		"another's key, our kid":      raw(other, ourHeader(k), goodPayload),
		"our key, another's kid":      raw(k, ourHeader(other), goodPayload),
		"no kid":                      header(fmt.Sprintf(`"kid":%q,`, k.first().id), ""),
		"kid a path":                  header(k.first().id, "../../dev/null"),
		"its own key in the header":   raw(other, fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"at+jwt","jwk":{"kty":"OKP","crv":"Ed25519","x":%q}}`, k.first().id, b64(string(other.first().private.Public().(ed25519.PublicKey)))), goodPayload),
		"a critical header":           header(`"typ"`, `"crit":["x"],"x":1,"typ"`),
		"unencoded payload":           header(`"typ"`, `"crit":["b64"],"b64":false,"typ"`),
		"typ missing":                 header(`,"typ":"at+jwt"`, ""),
		"typ of an ID token":          header("at+jwt", "JWT"),
		"another issuer":              payload(`"iss":"ashlar"`, `"iss":"evil"`),
		"no issuer":                   payload(`"iss":"ashlar",`, ""),
		"another audience":            payload(`"aud":"ashlar"`, `"aud":"evil"`),
		"no audience":                 payload(`"aud":"ashlar",`, ""),
		"no sub":                      payload(`"sub":"u",`, ""),
		"empty sub":                   payload(`"sub":"u"`, `"sub":""`),
		"sub null":                    payload(`"sub":"u"`, `"sub":null`),
		"sub a number":                payload(`"sub":"u"`, `"sub":1`),
		"sub twice":                   payload(`"sub":"u"`, `"sub":"u","sub":"admin"`),
		"sub in another case":         payload(`"sub":"u"`, `"Sub":"u"`),
		"no exp":                      payload(`"exp":1790003600,`, ""),
		"exp null":                    payload(`"exp":1790003600`, `"exp":null`),
		"exp text":                    payload(`"exp":1790003600`, `"exp":"1790003600"`),
		"exp negative":                payload(`"exp":1790003600`, `"exp":-1`),
		"exp beyond int64":            payload(`"exp":1790003600`, `"exp":99999999999999999999`),
		"exp 1e400":                   payload(`"exp":1790003600`, `"exp":1e400`),
		"exp twice":                   payload(`"exp":1790003600`, `"exp":1,"exp":1790003600`),
		"expired":                     payload("1790003600", "1789999999"),
		"expires now":                 payload("1790003600", "1790000000"),
		"iat in the future":           payload(`"iat":1790000000`, `"iat":1790000061`),
		"nbf in the future":           payload(`"iat"`, `"nbf":1790000001,"iat"`),
		"roles no list":               payload(`"jti":"x"`, `"jti":"x","roles":"admin"`),
		"payload an array":            raw(k, ourHeader(k), `[]`),
		"payload null":                raw(k, ourHeader(k), `null`),
		"payload with trailing data":  raw(k, ourHeader(k), goodPayload+`{}`),
		"payload not JSON":            raw(k, ourHeader(k), `x`),
		"payload empty":               raw(k, ourHeader(k), ``),
		"tampered payload":            parts[0] + "." + b64(strings.Replace(goodPayload, `"sub":"u"`, `"sub":"admin"`, 1)) + "." + parts[2],
		"tampered signature":          parts[0] + "." + parts[1] + "." + anotherLetter(parts[2][:1]) + parts[2][1:],
		"signature of another token":  parts[0] + "." + parts[1] + "." + strings.Split(raw(k, ourHeader(k), `{}`), ".")[2],
		"JSON serialization":          fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]),
		"huge":                        good + strings.Repeat("A", 1<<20),
		"huge, and ours":              raw(k, ourHeader(k), strings.Replace(goodPayload, `"jti":"x"`, `"jti":"`+strings.Repeat("x", 4000)+`"`, 1)),
		"JWE":                         encrypt(t, public, goodPayload),
		"five parts":                  good + ".." + parts[2],
		"compressed":                  header(`"typ"`, `"zip":"DEF","typ"`) + "x",
		"surrogates in the signature": parts[0] + "." + parts[1] + ".\xff\xfe",
	}
	v := NewVerifier(k, Config{Now: func() time.Time { return start }, Roles: []string{"admin"}})
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			who, err := v.Verify(token)
			if errs.KindOf(err) != errs.Unauthenticated || !who.IsAnonymous() {
				t.Fatalf("Verify = %v, %v; want unauthenticated", who, err)
			}
			failure := err.(*errs.Error)
			if len(parts[1]) > 0 && strings.Contains(err.Error(), parts[1]) {
				t.Errorf("the error holds the token: %v", err)
			}
			if failure.Message != "the token is not valid" && failure.Message != "the token has expired" {
				t.Errorf("message %q tells too much", failure.Message)
			}
		})
	}
	if v.known.Len() != 0 {
		t.Errorf("%d refused tokens are remembered", v.known.Len())
	}
}

func encrypt(t *testing.T, public []byte, payload string) string {
	t.Helper()
	e, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: public[:16]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := e.Encrypt([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestCacheIsBounded(t *testing.T) {
	k := openKeys(t)
	v := NewVerifier(k, Config{Now: func() time.Time { return start }, CacheSize: 20})
	used := mustSign(t, k, caller.Identity{ID: "used"}, time.Hour)
	for i := range 200 {
		if _, err := v.Verify(mustSign(t, k, caller.Identity{ID: fmt.Sprint(i)}, time.Hour)); err != nil {
			t.Fatal(err)
		}
		if who, err := v.Verify(used); err != nil || who.String() != "user:used" {
			t.Fatalf("after %d: %v, %v", i, who, err)
		}
		if n := v.known.Len(); n > 20+1 {
			t.Fatalf("%d tokens remembered, want at most about 20", n)
		}
	}
	if _, ok := v.known.Get(used); !ok {
		t.Error("a token in use was pushed out")
	}
}

func TestVerifyConcurrently(t *testing.T) {
	k := openKeys(t)
	v := NewVerifier(k, Config{Now: func() time.Time { return start }, CacheSize: 8})
	tokens := make([]string, 16)
	for i := range tokens {
		tokens[i] = mustSign(t, k, caller.Identity{ID: fmt.Sprint("u", i)}, time.Hour)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				n := (i*7 + g) % len(tokens)
				if who, err := v.Verify(tokens[n]); err != nil || who.String() != fmt.Sprint("user:u", n) {
					t.Errorf("token %d is of %v, %v", n, who, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzVerify(f *testing.F) {
	k := openKeys(f)
	good := mustSign(f, k, caller.Identity{ID: "u"}, time.Hour)
	for _, str := range []string{good, good[:len(good)-1], "a.b.c", "", "....", raw(k, `{}`, goodPayload)} {
		f.Add(str)
	}
	v := NewVerifier(k, Config{Now: func() time.Time { return start }})
	f.Fuzz(func(t *testing.T, token string) {
		who, err := v.Verify(token)
		if err != nil {
			if errs.KindOf(err) != errs.Unauthenticated || !who.IsAnonymous() {
				t.Fatalf("Verify(%q) = %v, %v", token, who, err)
			}
			return
		}
		if token != good {
			t.Fatalf("Verify(%q) accepted a token that was never signed", token)
		}
	})
}

func TestClaimsAreWhatOthersRead(t *testing.T) {
	k := openKeys(t)
	token := mustSign(t, k, caller.Identity{ID: "u", Roles: []string{"editor"}, Email: "a@b"}, time.Hour)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	if id, _ := got["jti"].(string); len(id) < 20 {
		t.Errorf("jti %q", id)
	}
	delete(got, "jti")
	want := map[string]any{
		"iss": "ashlar", "aud": "ashlar", "sub": "u", "email": "a@b", "roles": []any{"editor"},
		"iat": float64(start.Unix()), "exp": float64(start.Unix() + 3600),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func BenchmarkVerify(b *testing.B) {
	k := openKeys(b)
	id := caller.Identity{ID: "019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70", Email: "ann@example.com", Roles: []string{"editor"}}
	token, err := k.Sign(id, 24*time.Hour, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	v := NewVerifier(k, Config{Roles: []string{"editor"}})
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.memory = newMemory(10)
			if _, err := v.Verify(token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		bad := make([]byte, 300)
		_, _ = rand.Read(bad)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = v.Verify(string(bad))
		}
	})
}

// anotherLetter returns another letter of base64.
func anotherLetter(letter string) string {
	if letter == "A" {
		return "B"
	}
	return "A"
}
