// Package outbound makes the HTTP clients with which a server calls other services.
//
// A client calls two kinds of hosts. The operator has given some, in the model or by a flag; they may be anywhere. All others
// come from rows, or from documents of other services. A client calls these only at public addresses, or in networks that the
// operator allows.
//
// The files form layers. From the top down:
//   - outbound.go makes clients.
//   - transport.go sends a request, bounds its answer, and counts it.
//   - address.go decides about URLs and about addresses at the dial.
//   - proxy.go and network.go read what an operator configures, errors.go holds the errors.
package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"code.dny.dev/ssrf"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Bounds of every client.
const (
	connectTime = 10 * time.Second // to resolve a name and connect
	secureTime  = 10 * time.Second // for a TLS handshake
	idleTime    = time.Minute      // an unused connection stays open so long
	maxHeader   = 64 << 10         // bytes of an answer's header
	maxIdle     = 100              // unused connections of one client

	defaultTimeout  = 20 * time.Second
	defaultAnswer   = 64 << 10
	defaultMaxConns = 4
)

// Config configures an Egress. The zero value works.
type Config struct {
	Allow []netip.Prefix                                          // networks in which hosts may be called though they are not public
	Proxy Proxy                                                   // default: none
	Roots *x509.CertPool                                          // default: the authorities of the system
	Dial  func(context.Context, string, string) (net.Conn, error) // connects to given hosts; default: a net.Dialer

	resolver *net.Resolver              // default: net.DefaultResolver
	reached  func(address string) error // called before a connection to an address that passed the check; set by tests
}

// An Egress is the way out of a server. It is safe for concurrent use.
type Egress struct {
	cfg    Config
	public *ssrf.Guardian
	counts counts
}

// New returns an Egress.
func New(cfg Config) *Egress {
	cfg.Allow = slices.Clone(cfg.Allow)
	return &Egress{cfg: cfg, public: newGuardian()}
}

// A Use says which hosts the operator gave to a client, and bounds it. The zero value works.
type Use struct {
	Given     []string      // hosts with their ports that the operator named; see GivenHost
	Timeout   time.Duration // of a whole call with its answer; default: 20 s
	MaxAnswer int64         // bytes of an answer's body; default: 64 KiB
	MaxConns  int           // connections to one host; default: 4
}

// Client returns a client. It follows no redirect, sends no cookie and no credential of a URL, and each call has a deadline.
func (e *Egress) Client(use Use) *http.Client {
	if use.Timeout == 0 {
		use.Timeout = defaultTimeout
	}
	if use.MaxAnswer == 0 {
		use.MaxAnswer = defaultAnswer
	}
	if use.MaxConns == 0 {
		use.MaxConns = defaultMaxConns
	}
	base := &http.Transport{
		Proxy:                  proxyOfHop,
		DialContext:            e.dialHop,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: e.cfg.Roots},
		TLSHandshakeTimeout:    min(secureTime, use.Timeout),
		ResponseHeaderTimeout:  use.Timeout,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        idleTime,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    use.MaxConns,
		MaxConnsPerHost:        use.MaxConns,
		MaxResponseHeaderBytes: maxHeader,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // the bound of an answer is in bytes of the network
	}
	return &http.Client{
		Timeout:       use.Timeout,
		Transport:     &transport{egress: e, use: use, base: base, traced: telemetry.Outbound{RoundTripper: base}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
