package app

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// checkTime bounds how long the start waits for providers and issuers.
const checkTime = 5 * time.Second

// openProviders opens the providers at which users sign in and the issuers whose tokens are accepted, and asks each about itself.
// It returns model.Faults for settings that cannot work. One that is out of reach is only logged: the server asks again.
func (a *App) openProviders(ctx context.Context) error {
	if a.Accounts == nil {
		return nil
	}
	var faults model.Faults
	for _, declared := range a.Accounts.Providers {
		provider, err := oidc.New(a.providerConfig(declared))
		if err != nil {
			faults = append(faults, a.providerFault(declared.Name, err))
			continue
		}
		a.accounts.providers = append(a.accounts.providers, provider)
	}
	for _, declared := range a.Accounts.Issuers {
		a.accounts.issuers = append(a.accounts.issuers, oidc.NewIssuer(a.issuerConfig(declared)))
	}
	if faults = append(faults, a.checkProviders(ctx)...); len(faults) > 0 {
		return faults.Sort()
	}
	return nil
}

// checkProviders asks all providers and issuers about themselves, at once. It returns a fault for each that cannot work.
func (a *App) checkProviders(ctx context.Context) (faults model.Faults) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var checks []<-chan error
	for _, provider := range a.accounts.providers {
		checks = append(checks, background.Async("the check of a provider", func() error { return provider.Check(ctx) }))
	}
	for _, issuer := range a.accounts.issuers {
		checks = append(checks, background.Async("the check of an issuer", func() error { return issuer.Check(ctx) }))
	}
	for i, provider := range a.accounts.providers {
		err := <-checks[i]
		if _, ok := errors.AsType[*oidc.Misconfigured](err); ok {
			faults = append(faults, a.providerFault(provider.Name(), err))
		} else if err != nil {
			a.cfg.Logger.Warn("a provider cannot be reached: sign-in with it answers 503 until it can", "provider", provider.Name(), "error", err.Error())
		}
	}
	for i, issuer := range a.accounts.issuers {
		err := <-checks[len(a.accounts.providers)+i]
		if cause, ok := errors.AsType[*oidc.Misconfigured](err); ok {
			faults = append(faults, a.Rules.Model.Fault(a.Accounts.At("issuers", strconv.Itoa(i), cause.Key), "%s", cause.Text))
		} else if err != nil {
			a.cfg.Logger.Warn("an issuer cannot be reached: its tokens are answered with 503 until it can", "issuer", issuer.Name(), "error", err.Error())
		}
	}
	return faults
}

func (a *App) issuerConfig(declared model.Issuer) oidc.IssuerConfig {
	cfg := oidc.IssuerConfig{
		Issuer: declared.Issuer, Audience: declared.Audience, Algorithms: declared.Algorithms, MFA: declared.MFA, Egress: a.egress, Now: a.cfg.Now, Logger: a.cfg.Logger,
	}
	if declared.Roles != nil {
		cfg.Claims = []string{declared.Roles.From}
	}
	return cfg
}

func (a *App) providerConfig(declared model.Provider) oidc.Config {
	cfg := oidc.Config{
		Name: declared.Name, Issuer: declared.Issuer, ClientID: string(declared.ClientID.Value), ClientSecret: declared.ClientSecret.Value,
		Scopes: declared.Scopes, Tenant: declared.Tenant,
		Team: string(declared.Team.Value), KeyID: string(declared.KeyID.Value), Key: declared.Key.Value,
		Redirect: strings.TrimSuffix(a.publicURL(), "/") + "/auth/oidc/" + declared.Name + "/callback",
		Egress:   a.egress, Now: a.cfg.Now,
	}
	if declared.Roles != nil {
		cfg.Claims = []string{declared.Roles.From}
	}
	return cfg
}

// providerFault returns the fault for a provider that cannot work, at the key that is wrong.
func (a *App) providerFault(name string, err error) model.Fault {
	wrong, key := err.Error(), "issuer"
	if cause, ok := errors.AsType[*oidc.Misconfigured](err); ok {
		wrong, key = cause.Text, cause.Key
	}
	return a.Rules.Model.Fault(a.Accounts.At("providers", name, key), "%s", wrong)
}

// redirects returns the origins that a sign-in at a provider may lead back to.
func (a *App) redirects() []string {
	all := slices.Clone(a.cfg.CORS)
	if own := a.Rules.Model.Accounts; own != nil && own.Passkeys != nil {
		all = append(all, own.Passkeys.Origins...)
	}
	return all
}
