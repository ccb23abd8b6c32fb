package app

import (
	"net/url"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// underOwnNames returns routes of pages that answer only under the names of the server, if it knows them.
func (a *App) underOwnNames(pages []web.Route) []web.Route {
	names := a.configuredNames()
	if len(names) == 0 && !a.cfg.Loopback {
		return pages
	}
	return web.OnlyNames(names, pages)
}

// configuredNames returns the names of the server in its settings and in its model.
func (a *App) configuredNames() []string {
	names := slices.Concat(a.cfg.Names, a.cfg.TLS.Domains)
	addresses := []string{a.cfg.URL}
	if own := a.Rules.Model.Accounts; own != nil {
		addresses = append(addresses, own.URL)
		if own.Passkeys != nil {
			addresses = append(addresses, own.Passkeys.Origins...)
		}
	}
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			names = append(names, web.HostName(u.Host))
		}
	}
	return names
}
