package oidc

import "strings"

// The issuers of the presets.
const (
	googleIssuer    = "https://accounts.google.com"
	gitlabIssuer    = "https://gitlab.com"
	appleIssuer     = "https://appleid.apple.com"
	githubIssuer    = "https://github.com"
	microsoftIssuer = "https://login.microsoftonline.com/"
)

// choose returns the protocol of a provider, and completes the provider.
func (p *Provider) choose(cfg Config) (protocol, error) {
	if p.scopes == nil {
		p.scopes = []string{"openid", "email", "profile"}
	}
	open := &openID{Provider: p, issuer: cfg.Issuer, trustsEmail: emailVerified, turn: make(chan struct{}, 1)}
	if cfg.Issuer != "" {
		return open, nil
	}
	switch cfg.Name {
	case "google":
		p.title, open.issuer = "Google", googleIssuer
	case "gitlab":
		p.title, open.issuer = "GitLab", gitlabIssuer
	case "microsoft":
		p.title, open.issuer, open.trustsEmail = "Microsoft", microsoftIssuer+cfg.Tenant+"/v2.0", domainOwnerVerified
		open.tenant = cfg.Tenant
	case "apple":
		p.title, open.issuer, p.formPost = "Apple", appleIssuer, true
		if cfg.Scopes == nil { // the name comes in the form alone, which the browser could change, so it is left out
			p.scopes = []string{"openid", "email"}
		}
		secret, err := appleSecret(cfg)
		p.secret = secret
		return open, err
	case "github":
		p.title = "GitHub"
		if cfg.Scopes == nil {
			p.scopes = []string{"read:user", "user:email"}
		}
		return &github{Provider: p, login: "https://github.com/login/oauth", api: "https://api.github.com"}, nil
	default:
		return nil, misconfigured("issuer", "the provider %s has no issuer", cfg.Name)
	}
	return open, nil
}

// emailVerified reports whether a provider says that an address was verified. Some send a text.
func emailVerified(claims claims) bool { return claims.isTrue("email_verified") }

// domainOwnerVerified is emailVerified for Microsoft. The owner of a tenant may give his users any address, so only the claim
// xms_edov counts: the owner of the tenant owns the domain of the address.
func domainOwnerVerified(claims claims) bool { return claims.isTrue("xms_edov") }

// consumers is the tenant of personal accounts at Microsoft.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

// tenantMark stands for the tenant in the issuer of a Microsoft application that several tenants use.
const tenantMark = "{tenantid}"

// acceptsDiscovered reports whether a provider may call itself by an issuer.
func (o *openID) acceptsDiscovered(issuer string) bool {
	if o.tenant == "" {
		return issuer == o.issuer
	}
	switch tenant, ok := tenantOf(issuer); {
	case !ok:
		return false
	case o.tenant == "common" || o.tenant == "organizations":
		return tenant == tenantMark
	case o.tenant == "consumers":
		return tenant == consumers
	case isUUID(o.tenant):
		return strings.EqualFold(tenant, o.tenant)
	default: // the domain of a tenant
		return isUUID(tenant)
	}
}

// accepts reports whether the issuer of an ID token is the one of the provider. discovered is the issuer that the provider
// calls itself.
func (o *openID) accepts(discovered, issuer, tid string) bool {
	if !strings.Contains(discovered, tenantMark) {
		return issuer == discovered || (discovered == googleIssuer && "https://"+issuer == discovered)
	}
	tenant, ok := tenantOf(issuer)
	return ok && isUUID(tenant) && tenant == tid && (o.tenant == "common" || tenant != consumers)
}

// tenantOf returns the tenant in an issuer of Microsoft.
func tenantOf(issuer string) (string, bool) {
	rest, ok := strings.CutPrefix(issuer, microsoftIssuer)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(rest, "/v2.0")
}

func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range []byte(text) {
		isDash := i == 8 || i == 13 || i == 18 || i == 23
		if isDash != (c == '-') || (!isDash && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c))) {
			return false
		}
	}
	return true
}
