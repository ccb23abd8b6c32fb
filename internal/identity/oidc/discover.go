package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// maxAge is how long a discovery document and the keys with it are used. Then both are fetched again, so a key that the
// provider took back is refused after this time.
const maxAge = time.Hour

// openID is a provider that speaks OpenID Connect.
type openID struct {
	*Provider
	issuer      string // as configured
	tenant      string // of microsoft
	trustsEmail func(claims) bool

	turn    chan struct{} // holds one token while somebody fetches or reads what follows
	found   *metadata     // nil: never fetched
	at      time.Time     // of found
	failed  error         // of the last attempt
	retryAt time.Time     // no attempt before that
}

// metadata is what a provider says about itself.
type metadata struct {
	Issuer           string   `json:"issuer"`
	Authorization    string   `json:"authorization_endpoint"`
	Token            string   `json:"token_endpoint"`
	Keys             string   `json:"jwks_uri"`
	UserInfo         string   `json:"userinfo_endpoint"`
	Algorithms       []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypes    []string `json:"response_types_supported"`
	TokenMethods     []string `json:"token_endpoint_auth_methods_supported"`
	NamesItself      bool     `json:"authorization_response_iss_parameter_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`

	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	style    oauth2.AuthStyle
}

// signatures returns the algorithms that an ID token may be signed with. HS256 and none are not among them.
func signatures() []string {
	return []string{"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}
}

func (o *openID) ready(ctx context.Context) error {
	_, err := o.metadata(ctx)
	return err
}

// metadata returns the discovery document. One caller fetches it while the others wait. After a failure all callers get its
// error for some seconds.
func (o *openID) metadata(ctx context.Context) (*metadata, error) {
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := time.Now() // the age of a document is no matter of the app's clock
	if o.found != nil && now.Sub(o.at) < maxAge {
		return o.found, nil
	}
	if o.failed != nil && now.Before(o.retryAt) {
		return nil, o.failed
	}
	found, err := o.discover(ctx)
	if err != nil {
		if ctx.Err() == nil { // a caller who hangs up says nothing about the provider
			o.failed, o.retryAt = err, now.Add(retryAfter)
		}
		return nil, err
	}
	o.found, o.at, o.failed = found, now, nil
	return found, nil
}

// discover fetches the discovery document and checks it.
func (o *openID) discover(ctx context.Context) (*metadata, error) {
	address := documentOf(o.issuer)
	body, err := fetch(ctx, o.client, address)
	if err != nil {
		return nil, err
	}
	var m metadata
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, noDocument(address, body)
	}
	if err := o.check(address, &m); err != nil {
		return nil, err
	}
	algorithms := slices.DeleteFunc(slices.Clone(m.Algorithms), func(name string) bool { return !slices.Contains(signatures(), name) })
	if len(m.Algorithms) > 0 && len(algorithms) == 0 {
		return nil, misconfigured("issuer", "%s signs ID tokens with %s, none of which is accepted", address, strings.Join(m.Algorithms, ", "))
	}
	config := oidc.ProviderConfig{IssuerURL: m.Issuer, AuthURL: m.Authorization, TokenURL: m.Token, UserInfoURL: m.UserInfo, JWKSURL: m.Keys, Algorithms: algorithms}
	m.provider = config.NewProvider(oidc.ClientContext(ctx, o.client))
	m.verifier = m.provider.Verifier(&oidc.Config{
		ClientID: o.clientID, Now: o.now,
		SkipIssuerCheck: true, // checkToken does it, for the issuers of tenants too
	})
	return &m, nil
}

// documentOf returns the address of the discovery document of an issuer.
func documentOf(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// fetch fetches a document of an issuer. Only an answer of the issuer can be a *Misconfigured.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, misconfigured("issuer", "the issuer is no address: %v", err)
	}
	answer, err := client.Do(request)
	if errors.Is(err, errRedirect) {
		return nil, misconfigured("issuer", "%s redirects to another host: is this the issuer?", address)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	switch {
	case answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests:
		return nil, fmt.Errorf("%s answers %s", address, answer.Status)
	case answer.StatusCode != http.StatusOK:
		return nil, misconfigured("issuer", "%s answers %s: %q; is this the issuer?", address, answer.Status, errs.Clip(string(body), 200))
	}
	return body, err
}

func noDocument(address string, body []byte) error {
	return misconfigured("issuer", "%s answers with something else than a discovery document: %q", address, errs.Clip(string(body), 200))
}

// check checks a discovery document, and completes it.
func (o *openID) check(address string, m *metadata) error {
	if !o.acceptsDiscovered(m.Issuer) {
		return misconfigured("issuer", "%s names the issuer %q, which is not %q: write exactly what the provider calls itself", address, m.Issuer, o.issuer)
	}
	for _, endpoint := range []struct{ name, address string }{
		{"authorization_endpoint", m.Authorization}, {"token_endpoint", m.Token}, {"jwks_uri", m.Keys}, {"userinfo_endpoint", m.UserInfo},
	} {
		isOptional := endpoint.name == "userinfo_endpoint" && endpoint.address == ""
		if !isOptional && !isSafe(endpoint.address, o.issuer) {
			return misconfigured("issuer", "%s has the %s %q: it must be an https address", address, endpoint.name, endpoint.address)
		}
	}
	if m.ResponseTypes != nil && !slices.Contains(m.ResponseTypes, "code") {
		return misconfigured("issuer", "%s has no response type code: the provider must support the code flow", address)
	}
	if m.ChallengeMethods != nil && !slices.Contains(m.ChallengeMethods, "S256") {
		return misconfigured("issuer", "%s has no challenge method S256: the provider must support PKCE", address)
	}
	switch {
	case m.TokenMethods == nil || slices.Contains(m.TokenMethods, "client_secret_basic"):
		m.style = oauth2.AuthStyleInHeader
	case slices.Contains(m.TokenMethods, "client_secret_post"):
		m.style = oauth2.AuthStyleInParams
	default:
		return misconfigured("client_secret", "%s takes no client secret at its token endpoint, only %s", address, strings.Join(m.TokenMethods, ", "))
	}
	return nil
}

// isSafe reports whether an endpoint may be called. A provider on this machine may do without TLS, as in a development.
func isSafe(address, issuer string) bool {
	endpoint, err := url.Parse(address)
	if err != nil || endpoint.Host == "" || endpoint.User != nil {
		return false
	}
	return endpoint.Scheme == "https" || (endpoint.Scheme == "http" && isLoopback(endpoint.Hostname()) && strings.HasPrefix(issuer, "http:"))
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}
