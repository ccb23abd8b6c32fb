package web

import (
	"net/http"
	"net/netip"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// OnlyNames returns routes that answer only requests for one of these names, in lower case and without a port. A page of a
// stranger can point its own name to this server, and then reads answers as if they were its own (DNS rebinding). The browser
// still sends the stranger's name as Host.
//
// Names of this machine and addresses need not be listed: neither can be pointed elsewhere. A trusted proxy has chosen the server
// itself, and may send any name.
func OnlyNames(names []string, routes []Route) []Route {
	guarded := slices.Clone(routes)
	for i, route := range routes {
		guarded[i].Handler = func(w http.ResponseWriter, r *http.Request) error {
			if !isNameOf(r, names) {
				return errs.New(errs.Forbidden, "this server does not know the name that the request asks for: start it with --public, or list further names with --host")
			}
			return route.Handler(w, r)
		}
	}
	return guarded
}

func isNameOf(r *http.Request, names []string) bool {
	if x := exchangeOf(r); x != nil && x.proxied {
		return true
	}
	host := HostName(r.Host)
	_, err := netip.ParseAddr(host)
	return err == nil || IsLoopback(r.Host) || slices.Contains(names, host)
}
