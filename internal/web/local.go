package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// IsLocal reports whether a request comes from a program on this machine that asked for this machine. What is open to such
// requests alone is safe from two tricks. A proxy on this machine makes every request come from here, but its headers tell.
// A page of a stranger can point its own name to this machine, but the browser then sends that name as Host.
//
// Where proxies speak the PROXY protocol, no request is local: a proxy on this machine may leave its client unnamed.
func IsLocal(r *http.Request) bool {
	if x := exchangeOf(r); x != nil && x.relayed {
		return false
	}
	return !isForwarded(r.Header) && IsLoopback(r.RemoteAddr) && IsLoopback(r.Host)
}

// isForwarded reports whether a proxy sent a request on. A header counts by its name, whatever its value.
func isForwarded(header http.Header) bool {
	for name := range header {
		switch name {
		case "Forwarded", "Via", "Cdn-Loop",
			"X-Real-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Fastly-Client-Ip", "Fly-Client-Ip",
			"X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Envoy-External-Address", "X-Azure-Clientip":
			return true
		}
		if strings.HasPrefix(name, "X-Forwarded") {
			return true
		}
	}
	return false
}

// IsLoopback reports whether a host or address, with or without a port, is this machine.
func IsLoopback(hostPort string) bool {
	host := HostName(hostPort)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && ip.Unmap().IsLoopback())
}

// HostName returns the name or address in the value of Host, or in an address: without the port, in lower case.
func HostName(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostPort, "["), "]")
	}
	return strings.ToLower(host)
}
