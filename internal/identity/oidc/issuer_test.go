package oidc_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
)

// issuerConfig returns the settings for a test issuer.
func issuerConfig(op *oidctest.Provider) oidc.IssuerConfig {
	return oidc.IssuerConfig{
		Issuer: op.Issuer, Audience: []string{"other", oidctest.Audience}, Claims: []string{"groups"}, MFA: []string{"gold"}, Transport: op.Transport(),
	}
}

func issuersOf(op *oidctest.Provider) *oidc.Issuers {
	return oidc.NewIssuers(oidc.NewIssuer(issuerConfig(op)))
}

// accepts reports whether a token is accepted. One that is not must be errs.Unauthenticated.
func accepts(t *testing.T, all *oidc.Issuers, text string) bool {
	t.Helper()
	_, ok, err := all.Verify(t.Context(), text)
	if err != nil && errs.KindOf(err) != errs.Unauthenticated {
		t.Fatalf("Verify = %v", err)
	}
	return ok && err == nil
}

func TestAccessTokenSaysWhoAndHow(t *testing.T) {
	op := oidctest.New(t)
	at := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	text := op.AccessToken("ada", func(c map[string]any) {
		maps.Copy(c, map[string]any{
			"email": "ada@example.com", "email_verified": true, "name": "Ada", "groups": []string{"hr"}, "amr": []string{"pwd", "otp", "mfa", "x"}, "auth_time": at.Unix(),
		})
	})
	got, ok, err := issuersOf(op).Verify(t.Context(), text)
	if !ok || err != nil {
		t.Fatalf("Verify = %v, %v", ok, err)
	}
	want := oidc.Token{
		Identity: oidc.Identity{
			Issuer: op.Issuer, Subject: "ada", Email: "ada@example.com", EmailVerified: true, Name: "Ada",
			Claims: map[string]json.RawMessage{"groups": json.RawMessage(`["hr"]`)},
		},
		Methods: []string{"oidc", "password", "totp"}, MFA: true, Since: at, Expires: got.Expires,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Verify (-want +got):\n%s", diff)
	}
}

// What the standards let an issuer choose is accepted.
func TestVariantsOfGoodAccessTokens(t *testing.T) {
	op := oidctest.New(t)
	all := issuersOf(op)
	for _, tt := range []struct {
		name           string
		header, claims map[string]any
		mfa            bool
	}{
		{name: "plain"},
		{name: "media type", header: map[string]any{"typ": "application/AT+JWT"}},
		{name: "JWT", header: map[string]any{"typ": "JWT"}},
		{name: "nonce in RFC 9068", claims: map[string]any{"nonce": "n"}},
		{name: "of Keycloak", header: map[string]any{"typ": "JWT"}, claims: map[string]any{"typ": "Bearer"}},
		{name: "of Cognito", header: map[string]any{"typ": "JWT"}, claims: map[string]any{"token_use": "access"}},
		{name: "list of aud", claims: map[string]any{"aud": []string{"third", oidctest.Audience}}},
		{name: "fractions of seconds", claims: map[string]any{"exp": float64(time.Now().UnixMilli())/1000 + 60}},
		{name: "expired within the skew", claims: map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()}},
		{name: "made within the skew", claims: map[string]any{"iat": time.Now().Add(30 * time.Second).Unix(), "nbf": time.Now().Add(30 * time.Second).Unix()}},
		{name: "acr of the model", claims: map[string]any{"acr": "gold"}, mfa: true},
		{name: "acr mfa", claims: map[string]any{"acr": "mfa"}, mfa: true},
		{name: "other acr", claims: map[string]any{"acr": "silver", "amr": []string{"pwd", "otp"}}},
		{name: "amr that is no list", claims: map[string]any{"amr": 7, "acr": 3}},
	} {
		text := op.AccessToken("ada", func(c map[string]any) { maps.Copy(c, tt.claims) })
		if tt.header != nil {
			text = resign(op, text, tt.header, nil)
		}
		got, ok, err := all.Verify(t.Context(), text)
		if !ok || err != nil || got.MFA != tt.mfa {
			t.Errorf("%s: Verify = %+v, %v, %v", tt.name, got, ok, err)
		}
	}
}

// resign signs the claims of a token again, with further members of the header and other claims.
func resign(op *oidctest.Provider, text string, header, change map[string]any) string {
	claims := map[string]any{}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		panic(err)
	}
	for name, value := range change {
		if value == nil {
			delete(claims, name)
			continue
		}
		claims[name] = value
	}
	return oidctest.Sign(op.Key, header, claims)
}

// Each claim and member of the header is mutated, one at a time. The issuer is asked for its keys once.
func TestAttack_MutatedAccessTokens(t *testing.T) {
	op := oidctest.New(t)
	all := issuersOf(op)
	good := op.AccessToken("ada", nil)
	if !accepts(t, all, good) {
		t.Fatal("a good token is refused")
	}
	calls := op.Calls()
	now := time.Now()
	at, jwt := map[string]any{"typ": "at+jwt"}, map[string]any{"typ": "JWT"}
	for _, tt := range []struct {
		name           string
		header, claims map[string]any
	}{
		{"no iss", at, map[string]any{"iss": nil}},
		{"other iss", at, map[string]any{"iss": "https://evil.example"}},
		{"iss with a slash", at, map[string]any{"iss": op.Issuer + "/"}},
		{"list of iss", at, map[string]any{"iss": []string{op.Issuer}}},
		{"no aud", at, map[string]any{"aud": nil}},
		{"other aud", at, map[string]any{"aud": "payroll-api"}},
		{"other list of aud", at, map[string]any{"aud": []string{"payroll-api", oidctest.Audience + "2"}}},
		{"empty list of aud", at, map[string]any{"aud": []string{}}},
		{"aud of another kind", at, map[string]any{"aud": map[string]any{oidctest.Audience: true}}},
		{"no sub", at, map[string]any{"sub": nil}},
		{"empty sub", at, map[string]any{"sub": ""}},
		{"number as sub", at, map[string]any{"sub": 7}},
		{"long sub", at, map[string]any{"sub": strings.Repeat("a", 256)}},
		{"sub with NUL", at, map[string]any{"sub": "ada\x00"}},
		{"sub with a lone surrogate", at, map[string]any{"sub": json.RawMessage(`"ada\ud800"`)}},
		{"no exp", at, map[string]any{"exp": nil}},
		{"old exp", at, map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}},
		{"text as exp", at, map[string]any{"exp": "9999999999"}},
		{"endless exp", at, map[string]any{"exp": json.RawMessage("1e300")}},
		{"negative exp", at, map[string]any{"exp": -1}},
		{"no iat", at, map[string]any{"iat": nil}},
		{"late iat", at, map[string]any{"iat": now.Add(5 * time.Minute).Unix()}},
		{"late nbf", at, map[string]any{"nbf": now.Add(5 * time.Minute).Unix()}},
		{"text as nbf", at, map[string]any{"nbf": "1"}},
		{"late auth_time", at, map[string]any{"auth_time": now.Add(5 * time.Minute).Unix()}},
		{"list as auth_time", at, map[string]any{"auth_time": []int{1}}},
		{"bound to a key", at, map[string]any{"cnf": map[string]any{"jkt": "x"}}},
		{"other typ", map[string]any{"typ": "logout+jwt"}, nil},
		{"empty typ in capitals", map[string]any{"typ": " "}, nil},
		{"ID token", jwt, map[string]any{"nonce": "n"}},
		{"ID token with at_hash", jwt, map[string]any{"at_hash": "x"}},
		{"ID token of Keycloak", jwt, map[string]any{"typ": "ID"}},
		{"refresh token of Keycloak", jwt, map[string]any{"typ": "Refresh"}},
		{"ID token of Cognito", jwt, map[string]any{"token_use": "id"}},
		{"logout token", jwt, map[string]any{"events": map[string]any{}}},
		{"unknown kid", map[string]any{"typ": "at+jwt", "kid": "other"}, nil},
		{"empty crit", map[string]any{"typ": "at+jwt", "crit": []string{}}, nil},
	} {
		if accepts(t, all, resign(op, good, tt.header, tt.claims)) {
			t.Errorf("%s: accepted", tt.name)
		}
	}
	if op.Calls() != calls {
		t.Errorf("the issuer got %d further calls", op.Calls()-calls)
	}
}

// rawToken makes a token of texts that no library would write. sign returns the signature of the first two parts.
func rawToken(header, payload string, sign func(text []byte) []byte) string {
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(header)) + "." + part([]byte(payload))
	return text + "." + part(sign([]byte(text)))
}

func payloadOf(t *testing.T, text string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(text, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

func signES256(key *ecdsa.PrivateKey) func([]byte) []byte {
	return func(text []byte) []byte {
		hash := sha256.Sum256(text)
		r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

// A signature by the public key as a shared secret, none, a key inside of the token, a member that is given twice.
func TestAttack_ConfusedAccessTokens(t *testing.T) {
	op := oidctest.New(t)
	all := issuersOf(op)
	payload := payloadOf(t, op.AccessToken("ada", nil))
	own, other := signES256(op.Key), signES256(newECDSA(t, elliptic.P256()))
	if !accepts(t, all, rawToken(`{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, payload, own)) {
		t.Fatal("the good token is refused")
	}
	der, err := x509.MarshalPKIXPublicKey(op.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	byPublicKey := func(text []byte) []byte {
		mac := hmac.New(sha256.New, der)
		mac.Write(text)
		return mac.Sum(nil)
	}
	inside, err := json.Marshal(jose.JSONWebKey{Key: newECDSA(t, elliptic.P256()).Public()})
	if err != nil {
		t.Fatal(err)
	}
	twice := strings.Replace(payload, `"sub":"ada"`, `"sub":"ada","sub":"eve"`, 1)
	for _, tt := range []struct {
		name, header, payload string
		sign                  func([]byte) []byte
	}{
		{"HS256 by the public key", `{"alg":"HS256","kid":"key-1","typ":"at+jwt"}`, payload, byPublicKey},
		{"none", `{"alg":"none","kid":"key-1","typ":"at+jwt"}`, payload, func([]byte) []byte { return []byte{0} }},
		{"no alg", `{"kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"RS256 for a key of ES256", `{"alg":"RS256","kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"ES384 for a key of ES256", `{"alg":"ES384","kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"alg in lower case", `{"alg":"es256","kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"short alg", `{"alg":"E","kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"a key inside", `{"alg":"ES256","kid":"key-1","typ":"at+jwt","jwk":` + string(inside) + `}`, payload, other},
		{"a key elsewhere", `{"alg":"ES256","kid":"key-1","typ":"at+jwt","jku":"https://evil.example/jwks"}`, payload, other},
		{"another key", `{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, payload, other},
		{"b64", `{"alg":"ES256","kid":"key-1","typ":"at+jwt","b64":false,"crit":["b64"]}`, payload, own},
		{"kid twice", `{"alg":"ES256","kid":"x","kid":"key-1","typ":"at+jwt"}`, payload, own},
		{"sub twice", `{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, twice, own},
		{"no object", `{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, `[` + payload + `]`, own},
		{"null", `{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, `null`, own},
		{"names in capitals", `{"alg":"ES256","kid":"key-1","typ":"at+jwt"}`, strings.Replace(payload, `"aud"`, `"AUD"`, 1), own},
	} {
		if accepts(t, all, rawToken(tt.header, tt.payload, tt.sign)) {
			t.Errorf("%s: accepted", tt.name)
		}
	}
}

func newECDSA(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A token that was cut, changed in one letter, or written in another way is refused without a call.
func TestAttack_DamagedAccessTokens(t *testing.T) {
	op := oidctest.New(t)
	all := issuersOf(op)
	good := op.AccessToken("ada", nil)
	if !accepts(t, all, good) {
		t.Fatal("a good token is refused")
	}
	calls := op.Calls()
	var damaged []string
	for i := range len(good) {
		flipped := []byte(good)
		flipped[i] = map[bool]byte{true: 'B', false: 'A'}[flipped[i] == 'A']
		damaged = append(damaged, good[:i], good[i+1:], string(flipped))
	}
	damaged = append(damaged, good+"=", good+"A", good+".", good+"\n", strings.Replace(good, ".", "\n.", 1), strings.Repeat("A", 1<<20), good+strings.Repeat("A", 16<<10))
	for _, text := range damaged {
		if accepts(t, all, text) {
			t.Errorf("accepted: %.80q", text)
		}
	}
	if op.Calls() != calls {
		t.Errorf("the issuer got %d calls", op.Calls()-calls)
	}
}

// Nobody is asked about tokens of others, and a token of one issuer is never accepted as another's.
func TestIssuersAreApart(t *testing.T) {
	one, two := oidctest.New(t), oidctest.New(t)
	all := oidc.NewIssuers(oidc.NewIssuer(issuerConfig(one)), oidc.NewIssuer(issuerConfig(two)))
	two.Issuer, two.Key = one.Issuer, newECDSA(t, elliptic.P256()) // both keys are called key-1
	stranger := oidctest.New(t)
	if _, ok, _ := all.Verify(t.Context(), stranger.AccessToken("ada", nil)); ok || one.Calls()+two.Calls()+stranger.Calls() > 0 {
		t.Error("a token of another issuer made a call")
	}
	if accepts(t, all, two.AccessToken("ada", nil)) {
		t.Error("a token by the key of another issuer was accepted")
	}
	if !accepts(t, all, one.AccessToken("ada", nil)) {
		t.Error("the good token is refused")
	}
	if _, ok, err := (*oidc.Issuers)(nil).Verify(t.Context(), one.AccessToken("ada", nil)); ok || err != nil {
		t.Errorf("without issuers: %v, %v", ok, err)
	}
}

func TestAlgorithmsAndKeys(t *testing.T) {
	strong, weak := newRSA(t, 2048), newRSA(t, 1024)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec := newECDSA(t, elliptic.P384())
	public := func(key crypto.Signer, id, algorithm, use string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: key.Public(), KeyID: id, Algorithm: algorithm, Use: use}
	}
	op := oidctest.New(t)
	op.Keys = func() any {
		return map[string]any{"keys": []any{
			map[string]any{"kty": "future", "kid": "future"}, 7, map[string]any{"kty": "oct", "kid": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"},
			jose.JSONWebKey{Key: strong, KeyID: "private"}, public(weak, "weak", "", ""), public(strong, "enc", "", "enc"),
			public(strong, "rsa", "", ""), public(strong, "ps", "PS256", "sig"), public(ed, "ed", "", "sig"), public(ec, "ec", "ES384", ""),
		}}
	}
	cfg := issuerConfig(op)
	every := oidc.NewIssuers(oidc.NewIssuer(cfg))
	cfg.Algorithms = []string{"EdDSA"}
	narrow := oidc.NewIssuers(oidc.NewIssuer(cfg))
	for _, tt := range []struct {
		kid       string
		algorithm jose.SignatureAlgorithm
		key       any
		want      []bool // accepted by every, by narrow
	}{
		{"rsa", jose.RS256, strong, []bool{true, false}},
		{"rsa", jose.RS512, strong, []bool{true, false}},
		{"rsa", jose.PS256, strong, []bool{true, false}},
		{"ps", jose.PS256, strong, []bool{true, false}},
		{"ps", jose.RS256, strong, []bool{false, false}},
		{"ed", jose.EdDSA, ed, []bool{true, true}},
		{"ec", jose.ES384, ec, []bool{true, false}},
		{"", jose.EdDSA, ed, []bool{true, true}},
		{"", jose.RS256, strong, []bool{true, false}},  // ps is for PS256 alone
		{"", jose.PS256, strong, []bool{false, false}}, // either of two keys
		{"private", jose.RS256, strong, []bool{false, false}},
		{"enc", jose.RS256, strong, []bool{false, false}},
		{"weak", jose.RS256, weak, []bool{false, false}},
		{"oct", jose.HS256, []byte("secretsecretsecretsecretsecretse"), []bool{false, false}},
	} {
		text := signWith(t, tt.algorithm, tt.key, tt.kid, payloadOf(t, op.AccessToken("ada", nil)))
		if got := []bool{accepts(t, every, text), accepts(t, narrow, text)}; !slices.Equal(got, tt.want) {
			t.Errorf("%s by %q: accepted %v, want %v", tt.algorithm, tt.kid, got, tt.want)
		}
	}
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func signWith(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kid, payload string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestIssuerThatCannotWork(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(op *oidctest.Provider)
	}{
		{"another issuer", `names the issuer "https://evil.example"`, func(op *oidctest.Provider) {
			op.Metadata = func(m map[string]any) { m["issuer"] = "https://evil.example" }
		}},
		{"keys without TLS", `jwks_uri "http://keys.example/jwks"`, func(op *oidctest.Provider) {
			op.Metadata = func(m map[string]any) { m["jwks_uri"] = "http://keys.example/jwks" }
		}},
		{"no keys", "no key that can verify", func(op *oidctest.Provider) { op.Keys = func() any { return map[string]any{"keys": []any{}} } }},
		{"no set of keys", "no set of keys", func(op *oidctest.Provider) { op.Keys = func() any { return "keys" } }},
		{"too many keys", "101 keys", func(op *oidctest.Provider) { op.Keys = func() any { return map[string]any{"keys": make([]any, 101)} } }},
		{"not found", "404 Not Found", func(op *oidctest.Provider) { op.Status = http.StatusNotFound }},
	} {
		op := oidctest.New(t)
		tt.change(op)
		err := oidc.NewIssuer(issuerConfig(op)).Check(t.Context())
		wrong, ok := errors.AsType[*oidc.Misconfigured](err)
		if !ok || wrong.Key != "issuer" || !strings.Contains(wrong.Text, tt.want) {
			t.Errorf("%s: Check = %v", tt.name, err)
		}
	}
}

// FuzzAccessToken alters tokens. Only the token that the issuer signed is accepted.
func FuzzAccessToken(f *testing.F) {
	op := oidctest.New(f)
	all := issuersOf(op)
	good := op.AccessToken("ada", nil)
	f.Add(good)
	f.Add(oidctest.Sign(op.Key, nil, map[string]any{"iss": op.Issuer, "aud": []any{1}, "exp": "x"}))
	f.Add(rawToken(`{"alg":"none"}`, `{"iss":"`+op.Issuer+`"}`, func([]byte) []byte { return []byte("x") }))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, text string) {
		_, ok, err := all.Verify(context.Background(), text)
		if err != nil && errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Verify(%q) = %v", text, err)
		}
		if ok && err == nil && text != good {
			t.Errorf("accepted %q", text)
		}
	})
}

// FuzzKeySet reads sets of keys, and verifies a token with what they hold.
func FuzzKeySet(f *testing.F) {
	op := oidctest.New(f)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: op.Key.Public(), KeyID: oidctest.KeyID}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(set)
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"key-1"},null,{"kty":"OKP","crv":"Ed25519","x":""}]}`))
	token := op.AccessToken("ada", nil)
	f.Fuzz(func(t *testing.T, set []byte) {
		op.Keys = func() any { return json.RawMessage(set) }
		if !json.Valid(set) {
			return
		}
		_, ok, err := issuersOf(op).Verify(context.Background(), token)
		if kind := errs.KindOf(err); !ok || (kind != "" && kind != errs.Unauthenticated && kind != errs.Unavailable) {
			t.Errorf("Verify = %v, %v", ok, err)
		}
	})
}
