package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// checkTime bounds how long the start waits for providers.
const checkTime = 5 * time.Second

// openProviders opens the providers at which users sign in, and asks each about itself. It returns model.Faults for settings
// that cannot work. A provider that is out of reach is only logged: its sign-in asks again.
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
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var checks []<-chan error
	for _, provider := range a.accounts.providers {
		checks = append(checks, background.Async("the check of a provider", func() error { return provider.Check(ctx) }))
	}
	for i, check := range checks {
		err, name := <-check, a.accounts.providers[i].Name()
		if _, ok := errors.AsType[*oidc.Misconfigured](err); ok {
			faults = append(faults, a.providerFault(name, err))
		} else if err != nil {
			a.cfg.Logger.Warn("a provider cannot be reached: sign-in with it answers 503 until it can", "provider", name, "error", err.Error())
		}
	}
	if len(faults) > 0 {
		return faults.Sort()
	}
	return nil
}

func (a *App) providerConfig(declared model.Provider) oidc.Config {
	cfg := oidc.Config{
		Name: declared.Name, Issuer: declared.Issuer, ClientID: string(declared.ClientID.Value), ClientSecret: declared.ClientSecret.Value,
		Scopes: declared.Scopes, Tenant: declared.Tenant,
		Team: string(declared.Team.Value), KeyID: string(declared.KeyID.Value), Key: declared.Key.Value,
		Redirect: strings.TrimSuffix(a.publicURL(), "/") + "/auth/oidc/" + declared.Name + "/callback",
		Now:      a.cfg.Now,
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
