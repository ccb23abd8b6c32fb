package app

import (
	"net/url"

	"github.com/ashlar-dev/ashlar/internal/web"
)

// underOwnNames returns routes of pages that answer only under the names of the server, if it knows them.
func (a *App) underOwnNames(pages []web.Route) []web.Route {
	names := append([]string(nil), a.cfg.Names...)
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
	if len(names) == 0 && !a.cfg.Loopback {
		return pages
	}
	return web.OnlyNames(names, pages)
}
