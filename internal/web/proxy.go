package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is the header to which each proxy appends the address that the request came from.
const forwardedFor = "X-Forwarded-For"

// clientAddress returns the address of the client of a request, as RemoteAddr has it. A proxy that the server trusts has written
// its own client to the end of X-Forwarded-For, and what stands before that may come from anybody. So the client is the last
// address that is no trusted proxy. Without a trusted proxy the header says nothing. proxied says that a trusted one sent it.
func clientAddress(r *http.Request, proxies []netip.Prefix) (client string, proxied bool) {
	peer, ok := ipOf(r.RemoteAddr)
	if !ok || !isAmong(peer, proxies) {
		return r.RemoteAddr, false
	}
	last := peer
	for _, text := range slices.Backward(strings.Split(strings.Join(r.Header[forwardedFor], ","), ",")) {
		address, ok := ipOf(strings.TrimSpace(text))
		if !ok {
			break
		}
		last = address
		if !isAmong(address, proxies) {
			break
		}
	}
	if last == peer {
		return r.RemoteAddr, true
	}
	return net.JoinHostPort(last.String(), "0"), true
}

// ipOf reads an IP address, which may have a port.
func ipOf(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return plain(withPort.Addr()), true
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return plain(address), err == nil
}

// plain returns an address as prefixes hold it: IPv4 is not written as IPv6, and a zone says nothing elsewhere.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func isAmong(address netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}
