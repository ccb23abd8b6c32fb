package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

var request = oidc.Request{State: "state", Nonce: "nonce", Verifier: strings.Repeat("v", 50)}

// ada is the person who signs in.
func ada() map[string]any {
	return map[string]any{"sub": "ada", "email": "ada@example.com", "email_verified": true, "name": "Ada"}
}

// config returns the settings for a test provider.
func config(op *oidctest.Provider) oidc.Config {
	return oidc.Config{
		Name: "corp", Issuer: op.Issuer, ClientID: oidctest.ClientID, ClientSecret: telemetry.Secret(oidctest.ClientSecret),
		Redirect: oidctest.Redirect, Transport: op.Transport(),
	}
}

func open(t *testing.T, cfg oidc.Config) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// signIn goes through a code flow.
func signIn(t *testing.T, p *oidc.Provider, op *oidctest.Provider, change func(*oidc.Answer)) (oidc.Identity, error) {
	t.Helper()
	address, err := p.Begin(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	back := op.Approve(t, address, ada())
	answer := oidc.Answer{Code: back.Get("code"), Issuer: back.Get("iss"), Nonce: request.Nonce, Verifier: request.Verifier}
	if change != nil {
		change(&answer)
	}
	return p.Finish(t.Context(), answer)
}

func TestCodeFlow(t *testing.T) {
	op := oidctest.New(t)
	who, err := signIn(t, open(t, config(op)), op, nil)
	if err != nil {
		t.Fatal(err)
	}
	who.Claims = nil
	want := oidc.Identity{Issuer: op.Issuer, Subject: "ada", Email: "ada@example.com", EmailVerified: true, Name: "Ada"}
	if diff := cmp.Diff(want, who); diff != "" {
		t.Errorf("Finish (-want +got):\n%s", diff)
	}
}

// What the standard lets a provider choose is accepted.
func TestVariantsOfGoodTokens(t *testing.T) {
	for _, tt := range []struct {
		name   string
		claims map[string]any
		token  func(op *oidctest.Provider, claims map[string]any) any
	}{
		{"list of one aud", map[string]any{"aud": []string{oidctest.ClientID}}, nil},
		{"further aud with azp", map[string]any{"aud": []string{"other", oidctest.ClientID}, "azp": oidctest.ClientID}, nil},
		{"text email_verified", map[string]any{"email_verified": "true"}, nil},
		{"clock a minute ahead", map[string]any{"iat": time.Now().Add(time.Minute).Unix()}, nil},
		{"type in lower case", nil, func(op *oidctest.Provider, c map[string]any) any {
			return oidctest.Sign(op.Key, map[string]any{"typ": "jwt"}, c)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			op.Claims = func(c map[string]any) { maps.Copy(c, tt.claims) }
			if tt.token != nil {
				op.Token = func(claims map[string]any) any { return tt.token(op, claims) }
			}
			if who, err := signIn(t, open(t, config(op)), op, nil); err != nil || !who.EmailVerified {
				t.Errorf("Finish = %+v, %v", who, err)
			}
		})
	}
}

// Google leaves out the scheme in some tokens. The identity has one issuer all the same.
func TestGoogleIssuers(t *testing.T) {
	for _, issuer := range []string{"https://accounts.google.com", "accounts.google.com"} {
		op := oidctest.New(t)
		op.Issuer = "https://accounts.google.com"
		op.Claims = func(c map[string]any) { c["iss"] = issuer }
		cfg := config(op)
		cfg.Name, cfg.Issuer = "google", ""
		if who, err := signIn(t, open(t, cfg), op, nil); err != nil || who.Issuer != "https://accounts.google.com" {
			t.Errorf("with iss %s: Finish = %+v, %v", issuer, who, err)
		}
	}
}

// A key of one issuer is no key of another, even with the same id.
func TestAttack_KeysOfAnotherIssuer(t *testing.T) {
	op, other := oidctest.New(t), oidctest.New(t)
	p, elsewhere := open(t, config(op)), open(t, config(other))
	for range 2 { // the second time with the keys of both in memory
		if _, err := signIn(t, p, op, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(t, elsewhere, other, nil); err != nil {
			t.Fatal(err)
		}
		op.Token = func(claims map[string]any) any { return oidctest.Sign(other.Key, nil, claims) }
		if who, err := signIn(t, p, op, nil); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Finish = %+v, %v", who, err)
		}
		op.Token = nil
	}
}

// Each claim of a good ID token, changed or left out by itself, is refused.
func TestAttack_MutatedClaimsAreRefused(t *testing.T) {
	now := time.Now().Unix()
	for _, tt := range []struct {
		name, claim string
		value       any // nil: left out
	}{
		{"no iss", "iss", nil},
		{"iss of another", "iss", "https://evil.example"},
		{"iss with a slash", "iss", "/"},
		{"no aud", "aud", nil},
		{"aud of another", "aud", "other"},
		{"empty aud", "aud", []string{}},
		{"further aud without azp", "aud", []string{oidctest.ClientID, "other"}},
		{"azp of another", "azp", "other"},
		{"azp that is no text", "azp", 7},
		{"no exp", "exp", nil},
		{"past exp", "exp", now - 1},
		{"exp that is no number", "exp", "tomorrow"},
		{"no iat", "iat", nil},
		{"zero iat", "iat", 0},
		{"old iat", "iat", now - 3600},
		{"future iat", "iat", now + 3600},
		{"future nbf", "nbf", now + 3600},
		{"no nonce", "nonce", nil},
		{"other nonce", "nonce", "Nonce"},
		{"empty nonce", "nonce", ""},
		{"no sub", "sub", nil},
		{"empty sub", "sub", ""},
		{"sub that is no text", "sub", 7},
		{"long sub", "sub", strings.Repeat("a", 256)},
		{"other at_hash", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			op.Claims = func(c map[string]any) {
				switch {
				case tt.value == nil:
					delete(c, tt.claim)
				case tt.value == "/":
					c[tt.claim] = op.Issuer + "/"
				default:
					c[tt.claim] = tt.value
				}
			}
			mustBeRefused(t, op, nil)
		})
	}
}

func mustBeRefused(t *testing.T, op *oidctest.Provider, change func(*oidc.Answer)) {
	t.Helper()
	who, err := signIn(t, open(t, config(op)), op, change)
	if errs.KindOf(err) != errs.Unauthenticated || who.Subject != "" {
		t.Errorf("Finish = %+v, %v; want unauthenticated", who, err)
	}
}

// Each kind of forged header or signature is refused.
func TestAttack_MutatedHeadersAreRefused(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		token func(op *oidctest.Provider, claims map[string]any) any
	}{
		{"none", func(_ *oidctest.Provider, c map[string]any) any { return raw(`{"alg":"none","typ":"JWT"}`, c) + "." }},
		{"hmac with the public key", func(op *oidctest.Provider, c map[string]any) any {
			key, err := x509.MarshalPKIXPublicKey(op.Key.Public())
			if err != nil {
				t.Fatal(err)
			}
			text := raw(`{"alg":"HS256","typ":"JWT","kid":"`+oidctest.KeyID+`"}`, c)
			sum := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: key}))
			sum.Write([]byte(text))
			return text + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
		}},
		{"key of a stranger", func(_ *oidctest.Provider, c map[string]any) any { return oidctest.Sign(stranger, nil, c) }},
		{"unknown kid", func(op *oidctest.Provider, c map[string]any) any {
			return oidctest.Sign(op.Key, map[string]any{"kid": "other"}, c)
		}},
		{"type of an access token", func(op *oidctest.Provider, c map[string]any) any {
			return oidctest.Sign(op.Key, map[string]any{"typ": "at+jwt"}, c)
		}},
		{"key in the header", func(_ *oidctest.Provider, c map[string]any) any {
			return oidctest.Sign(stranger, map[string]any{"jku": "https://evil.example/jwks"}, c)
		}},
		{"unknown critical header", func(op *oidctest.Provider, c map[string]any) any {
			return oidctest.Sign(op.Key, map[string]any{"crit": []string{"x"}, "x": 1}, c)
		}},
		{"cut", func(op *oidctest.Provider, c map[string]any) any {
			token := oidctest.Sign(op.Key, nil, c)
			return token[:len(token)-1]
		}},
		{"changed payload", func(op *oidctest.Provider, c map[string]any) any {
			parts := strings.Split(oidctest.Sign(op.Key, nil, c), ".")
			c["sub"] = "eve"
			return parts[0] + raw("", c) + "." + parts[2]
		}},
		{"no token", func(*oidctest.Provider, map[string]any) any { return nil }},
		{"no text", func(*oidctest.Provider, map[string]any) any { return 7 }},
		{"no JWT", func(*oidctest.Provider, map[string]any) any { return "a.b.c" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			op.Token = func(claims map[string]any) any { return tt.token(op, claims) }
			mustBeRefused(t, op, nil)
		})
	}
}

// raw encodes a header and claims without a signature.
func raw(header string, claims map[string]any) string {
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(text)
}

// Each part of what the browser brings back, changed by itself, is refused.
func TestAttack_MutatedAnswersAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*oidc.Answer)
	}{
		{"no iss", func(a *oidc.Answer) { a.Issuer = "" }},
		{"iss of another", func(a *oidc.Answer) { a.Issuer = "https://evil.example" }},
		{"other code", func(a *oidc.Answer) { a.Code += "x" }},
		{"other verifier", func(a *oidc.Answer) { a.Verifier = strings.Repeat("w", 50) }},
		{"other nonce", func(a *oidc.Answer) { a.Nonce = "other" }},
		{"no nonce", func(a *oidc.Answer) { a.Nonce = "" }},
	} {
		t.Run(tt.name, func(t *testing.T) { mustBeRefused(t, oidctest.New(t), tt.change) })
	}
}

// An address counts as verified only if the provider says so.
func TestUnverifiedAddresses(t *testing.T) {
	for _, value := range []any{nil, false, "false", 1, "yes"} {
		op := oidctest.New(t)
		op.Claims = func(c map[string]any) { c["email_verified"] = value }
		if who, err := signIn(t, open(t, config(op)), op, nil); err != nil || who.EmailVerified {
			t.Errorf("with email_verified %v: Finish = %+v, %v", value, who, err)
		}
	}
}

func TestUserInfoCompletesTheToken(t *testing.T) {
	for _, tt := range []struct {
		name    string
		info    map[string]any
		refused bool
	}{
		{"claims", map[string]any{"sub": "ada", "email": "ada@example.com", "email_verified": true, "groups": []string{"hr"}, "nonce": "x"}, false},
		{"of another", map[string]any{"sub": "eve", "email": "ada@example.com", "email_verified": true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			op.UserInfo = tt.info
			op.Claims = func(c map[string]any) { delete(c, "email"); delete(c, "email_verified") }
			who, err := signIn(t, open(t, config(op)), op, nil)
			if tt.refused {
				if errs.KindOf(err) != errs.Unauthenticated {
					t.Errorf("Finish = %+v, %v", who, err)
				}
				return
			}
			if err != nil || who.Email != "ada@example.com" || !who.EmailVerified || string(who.Claims["nonce"]) != `"nonce"` || who.Claims["groups"] == nil {
				t.Errorf("Finish = %+v, %v", who, err)
			}
		})
	}
}

func TestCheckTellsMisconfiguredFromUnreachable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*oidctest.Provider)
		want   string // in the text of a *Misconfigured; "": unreachable
	}{
		{"other issuer", set("issuer", "https://evil.example"), `names the issuer "https://evil.example"`},
		{"no such path", func(op *oidctest.Provider) { op.Status = http.StatusNotFound }, "answers 404 Not Found"},
		{"code flow missing", set("response_types_supported", []string{"id_token"}), "no response type code"},
		{"symmetric signatures", set("id_token_signing_alg_values_supported", []string{"HS256", "none"}), "none of which is accepted"},
		{"plain challenges", set("code_challenge_methods_supported", []string{"plain"}), "S256"},
		{"endpoint without TLS", set("token_endpoint", "http://corp.example/token"), "token_endpoint"},
		{"endpoint missing", set("jwks_uri", ""), "jwks_uri"},
		{"no client secrets", set("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), "client secret"},
		{"unavailable", func(op *oidctest.Provider) { op.Status = http.StatusBadGateway }, ""},
		{"busy", func(op *oidctest.Provider) { op.Status = http.StatusTooManyRequests }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			tt.change(op)
			p := open(t, config(op))
			err := p.Check(t.Context())
			wrong, ok := errors.AsType[*oidc.Misconfigured](err)
			if err == nil || ok != (tt.want != "") || (ok && !strings.Contains(wrong.Text, tt.want)) {
				t.Errorf("Check = %v, want %q", err, tt.want)
			}
			if _, err := p.Begin(t.Context(), request); errs.KindOf(err) != errs.Unavailable {
				t.Errorf("Begin = %v, want unavailable", err)
			}
		})
	}
}

// A provider that comes back is asked again, though not for every sign-in while it is down.
func TestProviderComesBack(t *testing.T) {
	op := oidctest.New(t)
	cfg := config(op)
	synctest.Test(t, func(t *testing.T) {
		p := open(t, cfg)
		op.Status = http.StatusBadGateway
		before := op.Calls()
		for range 100 {
			if _, err := p.Begin(t.Context(), request); errs.KindOf(err) != errs.Unavailable {
				t.Fatalf("Begin = %v, want unavailable", err)
			}
		}
		if calls := op.Calls() - before; calls != 1 {
			t.Errorf("100 sign-ins made %d calls to a provider that is down, want 1", calls)
		}
		op.Status = 0
		time.Sleep(6 * time.Second)
		if _, err := p.Begin(t.Context(), request); err != nil {
			t.Errorf("Begin after the provider came back = %v", err)
		}
	})
}

// Somebody who hangs up at once does not keep others from signing in.
func TestAttack_HangingUpDuringDiscovery(t *testing.T) {
	p := open(t, config(oidctest.New(t)))
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := p.Begin(gone, request); err == nil {
		t.Fatal("Begin of a caller who is gone")
	}
	if _, err := p.Begin(t.Context(), request); err != nil {
		t.Errorf("Begin = %v", err)
	}
}

// A key that the provider has taken back is refused an hour later at the latest.
func TestKeysAreNotKeptForever(t *testing.T) {
	op := oidctest.New(t)
	cfg := config(op)
	synctest.Test(t, func(t *testing.T) {
		p, stolen := open(t, cfg), op.Key
		if _, err := signIn(t, p, op, nil); err != nil {
			t.Fatal(err)
		}
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		op.Key = fresh
		op.Token = func(claims map[string]any) any { return oidctest.Sign(stolen, nil, claims) }
		time.Sleep(time.Hour + time.Second)
		if who, err := signIn(t, p, op, nil); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Finish with a key that was taken back = %+v, %v", who, err)
		}
		op.Token = nil
		if _, err := signIn(t, p, op, nil); err != nil {
			t.Errorf("Finish with the new key = %v", err)
		}
	})
}

func set(name string, value any) func(*oidctest.Provider) {
	return func(op *oidctest.Provider) { op.Metadata = func(m map[string]any) { m[name] = value } }
}

// A provider that redirects a call with the code to another host gets nothing there.
func TestAttack_RedirectedTokenCallIsNotFollowed(t *testing.T) {
	called := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer thief.Close()
	lure := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer lure.Close()
	op := oidctest.New(t)
	op.Metadata = func(m map[string]any) { m["token_endpoint"] = lure.URL + "/token" }
	cfg := config(op)
	cfg.Transport = nil
	cfg.Egress = outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	if who, err := signIn(t, open(t, cfg), op, nil); errs.KindOf(err) != errs.Unavailable || called {
		t.Errorf("Finish = %+v, %v; the other host was called: %v", who, err, called)
	}
}

// A provider's document may name any host. Hosts around the server are called only if the operator gave them.
func TestAttack_ADocumentNamesAServiceAroundTheServer(t *testing.T) {
	called := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer inside.Close()
	for _, endpoint := range []string{"token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		op := oidctest.New(t)
		op.Metadata = func(m map[string]any) { m[endpoint] = inside.URL + "/" }
		op.Claims = func(claims map[string]any) { delete(claims, "email") } // userinfo must complete them
		cfg := config(op)
		cfg.Transport = nil
		if who, err := signIn(t, open(t, cfg), op, nil); err == nil || called {
			t.Errorf("%s: Finish = %+v, %v; called: %v", endpoint, who, err, called)
		}
		cfg.Egress = outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
		if who, err := signIn(t, open(t, cfg), op, nil); !called { // otherwise this test proves nothing
			t.Errorf("%s: not called with its network allowed; Finish = %+v, %v", endpoint, who, err)
		}
		called = false
	}
}

// One issuer per tenant: an application for several tenants takes a token only from the tenant that the token names.
func TestMicrosoftIssuers(t *testing.T) {
	const own, other, personal = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", "9188040d-6c67-4c5b-b112-36a304b66dad"
	const host = "https://login.microsoftonline.com/"
	for _, tt := range []struct {
		name, tenant, discovered, issuer, tid string
		ok                                    bool
	}{
		{"one tenant", own, own, own, own, true},
		{"another tenant", own, own, other, other, false},
		{"domain", "corp.example", own, own, own, true},
		{"domain, another tenant", "corp.example", own, other, other, false},
		{"common", "common", "{tenantid}", own, own, true},
		{"common, personal", "common", "{tenantid}", personal, personal, true},
		{"common, tid of another", "common", "{tenantid}", own, other, false},
		{"common, template", "common", "{tenantid}", "{tenantid}", "{tenantid}", false},
		{"organizations, personal", "organizations", "{tenantid}", personal, personal, false},
		{"consumers", "consumers", personal, personal, personal, true},
		{"consumers, organization", "consumers", personal, own, own, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			op := oidctest.New(t)
			op.Metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = false }
			op.Issuer = host + tt.discovered + "/v2.0"
			op.Claims = func(c map[string]any) { c["iss"], c["tid"] = host+tt.issuer+"/v2.0", tt.tid }
			cfg := config(op)
			cfg.Name, cfg.Issuer, cfg.Tenant = "microsoft", "", tt.tenant
			who, err := signIn(t, open(t, cfg), op, func(a *oidc.Answer) { a.Issuer = "" })
			if (err == nil) != tt.ok || (!tt.ok && errs.KindOf(err) != errs.Unauthenticated) {
				t.Errorf("Finish = %+v, %v; want ok %v", who, err, tt.ok)
			}
			if who.EmailVerified {
				t.Error("email_verified counts, which the owner of a tenant may claim")
			}
		})
	}
}

func TestAppleSignsItsSecretAndPostsForms(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	op := oidctest.New(t)
	op.Issuer = "https://appleid.apple.com"
	op.Metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"client_secret_post"} }
	var secret string
	transport := recorder{op.Transport(), func(form url.Values) { secret = form.Get("client_secret") }}
	p := open(t, oidc.Config{
		Name: "apple", ClientID: oidctest.ClientID, Team: "TEAM", KeyID: "KEY", Transport: transport,
		Key: telemetry.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), Redirect: oidctest.Redirect,
	})
	address, err := p.Begin(t.Context(), request)
	if err != nil || !strings.Contains(address, "response_mode=form_post") || !p.FormPost() {
		t.Fatalf("Begin = %s, %v", address, err)
	}
	_, _ = signIn(t, p, op, nil)
	var header, payload map[string]any
	parts := strings.Split(secret, ".")
	if len(parts) != 3 {
		t.Fatalf("client_secret = %q", secret)
	}
	for i, into := range []*map[string]any{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			t.Fatalf("client_secret = %q", secret)
		}
	}
	if header["kid"] != "KEY" || header["alg"] != "ES256" || payload["iss"] != "TEAM" || payload["sub"] != oidctest.ClientID || payload["aud"] != "https://appleid.apple.com" {
		t.Errorf("client_secret = %v %v", header, payload)
	}
}

// recorder shows the forms of requests.
type recorder struct {
	http.RoundTripper
	see func(url.Values)
}

func (r recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost {
		if body, err := request.GetBody(); err == nil {
			copied := request.Clone(request.Context())
			copied.Body = body
			if copied.ParseForm() == nil {
				r.see(copied.PostForm)
			}
		}
	}
	return r.RoundTripper.RoundTrip(request)
}

func TestBadSettings(t *testing.T) {
	for _, tt := range []struct {
		cfg oidc.Config
		key string
	}{
		{oidc.Config{Name: "apple", Key: "no PEM"}, "key"},
		{oidc.Config{Name: "apple", Key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "key"},
		{oidc.Config{Name: "corp"}, "issuer"},
	} {
		_, err := oidc.New(tt.cfg)
		if wrong, ok := errors.AsType[*oidc.Misconfigured](err); !ok || wrong.Key != tt.key {
			t.Errorf("New(%s) = %v, want a fault at %s", tt.cfg.Name, err, tt.key)
		}
	}
}

func TestGitHub(t *testing.T) {
	for _, tt := range []struct {
		name, emails string
		want         oidc.Identity
	}{
		{"primary", `[{"email":"a@example.com","primary":false,"verified":true},{"email":"ada@example.com","primary":true,"verified":true}]`,
			oidc.Identity{Issuer: "https://github.com", Subject: "42", Email: "ada@example.com", EmailVerified: true, Name: "ada"}},
		{"unverified", `[{"email":"ada@example.com","primary":true,"verified":false}]`,
			oidc.Identity{Issuer: "https://github.com", Subject: "42", Name: "ada"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				text := map[string]string{
					"/login/oauth/access_token": `{"access_token":"gho_1","token_type":"bearer"}`,
					"/user":                     `{"id":42,"login":"ada","name":null}`,
					"/user/emails":              tt.emails,
				}[r.URL.Path]
				isAllowed := r.FormValue("code_verifier") == request.Verifier || r.Header.Get("Authorization") == "Bearer gho_1"
				if text == "" || !isAllowed {
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = w.Write([]byte(text))
			}))
			defer server.Close()
			p := open(t, oidc.Config{Name: "github", ClientID: "id", ClientSecret: "secret", Redirect: oidctest.Redirect, Transport: to(server.URL)})
			who, err := p.Finish(t.Context(), oidc.Answer{Code: "code", Verifier: request.Verifier})
			if diff := cmp.Diff(tt.want, who); err != nil || diff != "" {
				t.Errorf("Finish = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// to sends every request to one server.
type to string

func (s to) RoundTrip(r *http.Request) (*http.Response, error) {
	target, err := url.Parse(string(s))
	if err != nil {
		return nil, err
	}
	copied := r.Clone(r.Context())
	copied.URL.Scheme, copied.URL.Host = target.Scheme, target.Host
	return http.DefaultTransport.RoundTrip(copied)
}
