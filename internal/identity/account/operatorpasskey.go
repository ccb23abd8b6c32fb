package account

import (
	"context"
	"net/netip"
	"net/url"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/passkey"
)

// ceremoniesOf returns the ceremonies for the passkeys of a kind of account. Passkeys of users belong to the domain that the model
// names. Passkeys of operators belong to the host of the console, so that the console needs no settings.
//
// The host is what the client says. Nobody gains by another one: a browser uses a passkey only at the host where it was
// made, and signs the origin of the page.
func (s *Service) ceremoniesOf(kind Kind, client Client) (*passkey.Ceremonies, error) {
	if kind != KindOperator {
		if s.ceremonies == nil {
			return nil, errNoPasskeys()
		}
		return s.ceremonies, nil
	}
	domain, origins := consoleParty(client.Host)
	if domain == "" {
		return nil, errs.New(errs.Forbidden, "passkeys need a host with a name: open the console as localhost, or by its domain")
	}
	return passkey.New(passkey.Config{App: s.model.Name + " console", Domain: domain, Origins: origins, Lives: s.rules.Codes.Valid})
}

// HasOperatorPasskeys reports whether passkeys of operators work at a host. Browsers have none for an IP address.
func HasOperatorPasskeys(host string) bool {
	domain, _ := consoleParty(host)
	return domain != ""
}

// consoleParty returns the relying party of WebAuthn and the origins of pages at a host, "" if there can be none.
func consoleParty(host string) (domain string, origins []string) {
	at, err := url.Parse("https://" + strings.ToLower(host))
	if err != nil || at.Host != strings.ToLower(host) || len(host) > 260 {
		return "", nil
	}
	domain = at.Hostname()
	if _, err := netip.ParseAddr(domain); err == nil || strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || strings.HasSuffix(domain, ".") {
		return "", nil
	}
	origins = []string{"https://" + strings.TrimSuffix(at.Host, ":443")}
	if domain == "localhost" || strings.HasSuffix(domain, ".localhost") { // browsers trust it without TLS
		origins = append(origins, "http://"+strings.TrimSuffix(at.Host, ":80"))
	}
	return domain, origins
}

// BeginOperatorPasskey begins to register a passkey for an operator's own account. FinishPasskey ends it.
func (s *Service) BeginOperatorPasskey(ctx context.Context, who caller.Caller, client Client) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginOperatorPasskey")
	return s.beginPasskey(ctx, who, client)
}

// BeginOperatorPasskeySignIn begins an operator's sign-in by passkey.
func (s *Service) BeginOperatorPasskeySignIn(ctx context.Context, client Client) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginOperatorPasskeySignIn")
	return s.beginPasskeySignIn(ctx, KindOperator, client)
}

// FinishOperatorPasskeySignIn signs an operator in by passkey.
func (s *Service) FinishOperatorPasskeySignIn(ctx context.Context, flow string, answer []byte, client Client) (step Step, err error) {
	defer errs.Wrap(&err, "account.FinishOperatorPasskeySignIn")
	client.Cookie = true
	return s.finishPasskeySignIn(ctx, KindOperator, flow, answer, client)
}

// BeginOperatorFactor begins the proof of a passkey for an operator's sign-in that waits for its second factor.
func (s *Service) BeginOperatorFactor(ctx context.Context, flow string, client Client) (c Challenge, err error) {
	defer errs.Wrap(&err, "account.BeginOperatorFactor")
	return s.beginFactorAs(ctx, KindOperator, flow, client)
}
