package web

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
)

// The headers in which proxies say where a request came from. Each proxy appends its own client.
const (
	forwardedFor = "X-Forwarded-For"
	forwarded    = "Forwarded" // RFC 7239
)

// proxies knows the trusted proxies, and the one header that they append to. A client can send the other header, and a proxy
// passes it on as it came. So the server never reads both.
type proxies struct {
	trusted []netip.Prefix
	header  string // forwardedFor or forwarded
	log     *slog.Logger

	warnedOfStranger, warnedOfHeader atomic.Bool
}

// client returns the address of the client of a request, as RemoteAddr has it. A trusted proxy has written its own client to
// the end of the header, and what stands before that may come from anybody. So the client is the last address that is no
// trusted proxy. Without a trusted proxy the header says nothing. proxied says that a trusted one sent the request.
func (p *proxies) client(r *http.Request) (client string, proxied bool) {
	peer, ok := ipOf(r.RemoteAddr)
	if !ok || !p.trusts(peer) {
		p.warnOfStranger(r, peer)
		return r.RemoteAddr, false
	}
	p.warnOfHeader(r, peer)
	last := peer
	for address := range hops(p.header, r.Header[p.header]) {
		last = address
		if !p.trusts(address) {
			break
		}
	}
	if last == peer {
		return r.RemoteAddr, true
	}
	return net.JoinHostPort(last.String(), "0"), true
}

func (p *proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p.trusted, func(network netip.Prefix) bool { return network.Contains(address) })
}

// warnOfStranger warns once if a peer looks like a proxy that nobody named. A public address may be any client that plays
// with headers, so the log says nothing of it.
func (p *proxies) warnOfStranger(r *http.Request, peer netip.Addr) {
	name := forwardedFor
	if len(r.Header[name]) == 0 {
		name = forwarded
	}
	if len(r.Header[name]) == 0 || p.warnedOfStranger.Load() || !isNear(peer) || p.warnedOfStranger.Swap(true) {
		return
	}
	p.log.Warn("a request came through a proxy that --trusted-proxies does not name: name it, or all its clients share one address, its limits and its counts of wrong passwords",
		"peer", peer.String(), "header", name)
}

// warnOfHeader warns once if a trusted proxy sends only the header that is not read. It may also have passed on what its client
// sent. So the advice must not be to read that header.
func (p *proxies) warnOfHeader(r *http.Request, peer netip.Addr) {
	other := forwarded
	if p.header == forwarded {
		other = forwardedFor
	}
	if len(r.Header[other]) == 0 || len(r.Header[p.header]) > 0 || p.warnedOfHeader.Swap(true) {
		return
	}
	p.log.Warn("a trusted proxy does not send the header of --forwarded-header, so its clients share one address: let it send that header, or name the one that it appends to",
		"peer", peer.String(), "reads", p.header, "sent", other)
}

// isNear reports whether an address belongs to this machine or to a private network, where proxies are.
func isNear(address netip.Addr) bool {
	return address.IsLoopback() || address.IsPrivate() || address.IsLinkLocalUnicast()
}

// ClientAddress returns the IP address of the client of a request, without a port. It is the address that the log names and
// that limits count by.
func ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
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
