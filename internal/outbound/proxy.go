package outbound

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
)

// A Proxy returns the proxy for a request, or nil.
type Proxy func(*http.Request) (*url.URL, error)

// FromEnvironment is the setting that takes the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
const FromEnvironment = "environment"

// ParseProxy reads FromEnvironment or the URL of a proxy. Errors do not repeat the URL, which may hold a password.
func ParseProxy(text string) (Proxy, error) {
	if text == FromEnvironment {
		return http.ProxyFromEnvironment, nil
	}
	u, err := url.Parse(text)
	isRoot := err == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && u.Opaque == ""
	if !isRoot || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("write an address such as http://proxy.internal:3128, or " + FromEnvironment)
	}
	return func(r *http.Request) (*url.URL, error) {
		if isThisMachine(r.URL.Hostname()) { // the proxy would call itself
			return nil, nil
		}
		return u, nil
	}, nil
}

func isThisMachine(host string) bool {
	address, err := netip.ParseAddr(host)
	return isLocalName(host) || (err == nil && address.Unmap().IsLoopback())
}

// proxy returns the proxy for a request, or nil. A proxy resolves names itself, so it decides about their addresses. Without
// TLS it could also read what it passes on.
func (e *Egress) proxy(r *http.Request, next hop) (*url.URL, error) {
	if e.cfg.Proxy == nil {
		return nil, nil
	}
	to, err := e.cfg.Proxy(r)
	if err == nil && to != nil && next.plain && !next.given {
		return nil, &Refused{Host: r.URL.Hostname(), Why: "plain HTTP does not go through a proxy"}
	}
	return to, err
}

// proxyOfHop returns the proxy that was chosen for a request.
func proxyOfHop(r *http.Request) (*url.URL, error) { return proxyOfContext(r.Context()), nil }

func proxyOfContext(ctx context.Context) *url.URL {
	next, _ := ctx.Value(hopKey{}).(hop)
	return next.proxy
}
