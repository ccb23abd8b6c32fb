// Package oidctest has an OpenID Connect provider for tests, whose every answer a test can change.
package oidctest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The client that the provider knows.
const (
	ClientID     = "ashlar"
	ClientSecret = "s3cret"
	Redirect     = "https://app.example.com/auth/oidc/corp/callback"
	KeyID        = "key-1"
)

// A Provider is a provider for tests. Tests set its fields before the calls.
type Provider struct {
	Issuer   string
	Key      *ecdsa.PrivateKey
	Now      func() time.Time
	Metadata func(m map[string]any)          // changes the discovery document
	Claims   func(c map[string]any)          // changes the claims of the ID token
	Token    func(claims map[string]any) any // replaces the ID token
	UserInfo map[string]any                  // nil: no endpoint
	Status   int                             // of all answers, if not 0
	Person   map[string]any                  // who signs in at the page of the provider; nil: there is no page
	Keys     func() any                      // replaces the set of keys

	server *httptest.Server
	mu     sync.Mutex
	codes  map[string]url.Values // parameters of the request, by code
	users  map[string]map[string]any
	calls  int // of the token endpoint
	asked  int // of all endpoints
}

// New starts a provider. It ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{Key: key, Now: time.Now, codes: map[string]url.Values{}, users: map[string]map[string]any{}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	p.Issuer = p.server.URL
	return p
}

// Transport returns a transport that takes every call to the provider, whatever its host, without a network.
func (p *Provider) Transport() http.RoundTripper { return inProcess{p} }

type inProcess struct{ provider *Provider }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	request := r.Clone(r.Context())
	if request.Body == nil {
		request.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	t.provider.serve(answer, request)
	return answer.Result(), nil
}

// Handler returns a handler for a server of the test, which must stand at Issuer.
func (p *Provider) Handler() http.Handler { return http.HandlerFunc(p.serve) }

// TokenCalls returns how often the token endpoint was called.
func (p *Provider) TokenCalls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Calls returns how many calls the provider got.
func (p *Provider) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Approve acts as the page of the provider: somebody signs in and agrees. It returns what the browser brings back.
func (p *Provider) Approve(t testing.TB, address string, user map[string]any) url.Values {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	asked := target.Query()
	if asked.Get("response_type") != "code" || asked.Get("client_id") != ClientID || asked.Get("code_challenge_method") != "S256" ||
		asked.Get("code_challenge") == "" || asked.Get("state") == "" {
		t.Fatalf("the request for a code is incomplete: %v", asked)
	}
	return p.approve(asked, user)
}

// approve makes a code for somebody, and returns what the browser brings back.
func (p *Provider) approve(asked url.Values, user map[string]any) url.Values {
	code := rand.Text()
	p.mu.Lock()
	p.codes[code], p.users[code] = asked, user
	p.mu.Unlock()
	return url.Values{"state": {asked.Get("state")}, "code": {code}, "iss": {p.Issuer}}
}

// authorize is the page of the provider: Person agrees at once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+p.approve(asked, p.Person).Encode(), http.StatusSeeOther)
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	switch {
	case p.Status != 0:
		w.WriteHeader(p.Status)
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		write(w, http.StatusOK, p.metadata())
	case strings.HasSuffix(r.URL.Path, "/jwks") && p.Keys != nil:
		write(w, http.StatusOK, p.Keys())
	case strings.HasSuffix(r.URL.Path, "/jwks"):
		write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.Key.Public(), KeyID: KeyID, Algorithm: "ES256", Use: "sig"}}})
	case strings.HasSuffix(r.URL.Path, "/authorize") && p.Person != nil:
		p.authorize(w, r)
	case strings.HasSuffix(r.URL.Path, "/token"):
		p.token(w, r)
	case strings.HasSuffix(r.URL.Path, "/userinfo") && r.Header.Get("Authorization") == "Bearer access":
		write(w, http.StatusOK, p.UserInfo)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (p *Provider) metadata() map[string]any {
	m := map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/jwks",
		"response_types_supported": []string{"code"}, "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	}
	if p.UserInfo != nil {
		m["userinfo_endpoint"] = p.Issuer + "/userinfo"
	}
	if p.Metadata != nil {
		p.Metadata(m)
	}
	return m
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	p.mu.Lock()
	p.calls++
	asked, ok := p.codes[r.FormValue("code")]
	user := p.users[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case id != ClientID || secret != ClientSecret:
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	case !ok || asked.Get("redirect_uri") != r.FormValue("redirect_uri") || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]):
		write(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := p.Now()
	claims := map[string]any{"iss": p.Issuer, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": asked.Get("nonce")}
	maps.Copy(claims, user)
	if p.Claims != nil {
		p.Claims(claims)
	}
	answer := map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 3600, "id_token": Sign(p.Key, nil, claims)}
	if p.Token != nil {
		answer["id_token"] = p.Token(claims)
	}
	write(w, http.StatusOK, answer)
}

// Audience is the aud of the access tokens of AccessToken.
const Audience = "careers-api"

// AccessToken returns an access token as RFC 9068 describes it. change may change its claims; nil changes none.
func (p *Provider) AccessToken(subject string, change func(c map[string]any)) string {
	now := p.Now()
	claims := map[string]any{
		"iss": p.Issuer, "aud": Audience, "sub": subject, "client_id": "app", "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
	if change != nil {
		change(claims)
	}
	return Sign(p.Key, map[string]any{"typ": "at+jwt"}, claims)
}

// Sign signs claims by ES256. header has further members of the header, or others for typ and kid.
func Sign(key *ecdsa.PrivateKey, header map[string]any, claims any) string {
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", KeyID)
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		panic(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
