package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// newGuardian returns the judge of addresses. It knows the registries of IANA for special addresses: of IPv4 all of them are
// refused, and of IPv6 everything but global unicast without its special networks.
func newGuardian() *ssrf.Guardian {
	// Azure answers virtual machines at an address that the registries call public, with keys of the machine's extensions.
	azure := netip.MustParsePrefix("168.63.129.16/32")
	return ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azure))
}

// control returns the function that a dialer calls between the look-up of a name and the connection.
func (e *Egress) control(target string, plain bool) func(context.Context, string, string, syscall.RawConn) error {
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = target
	}
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return &Refused{Host: host, Why: "it has no address of the internet"}
		}
		if err := e.checkAddress(host, at.Addr(), plain); err != nil {
			return err
		}
		if e.cfg.reached != nil {
			return e.cfg.reached(address)
		}
		return nil
	}
}

// checkAddress decides whether a host that nobody gave may be called at an address.
func (e *Egress) checkAddress(host string, address netip.Addr, plain bool) error {
	address = address.Unmap()
	if e.allows(address) {
		return nil
	}
	if plain {
		return &Refused{host, address, "plain HTTP goes only to networks of --allow-private"}
	}
	if e.public.SafeAddr(address) != nil {
		return &Refused{host, address, "it is not a public address; --allow-private allows a network"}
	}
	return nil
}

// allows reports whether an address is in a network that the operator allows. The address of a NAT64 gateway stands for an
// IPv4 address, which must be public or allowed itself.
func (e *Egress) allows(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	for _, network := range e.cfg.Allow {
		if !network.Contains(address) {
			continue
		}
		if !ssrf.IPv6NAT64Prefix.Contains(address) {
			return true
		}
		bytes := address.As16()
		inner := netip.AddrFrom4([4]byte(bytes[12:]))
		return e.public.SafeAddr(inner) == nil || e.allows(inner)
	}
	return false
}

// GivenHost returns the host of a URL with its port, in the form that Use.Given has.
func GivenHost(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

const maxURL = 2000

// CheckURL returns what is wrong with a URL that comes from a row. A nil error promises nothing about the address that its name
// has: the dial checks that.
func (e *Egress) CheckURL(text string) error {
	if len(text) > maxURL {
		return errors.New("the address is longer than " + strconv.Itoa(maxURL) + " bytes")
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" {
		return errors.New("write an address such as https://hooks.example.com/orders")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return errors.New("leave out the fragment")
	}
	if err := checkForm(u); err != nil {
		return publicError(err)
	}
	return publicError(e.checkHost(u))
}

// checkForm refuses what no client calls.
func checkForm(u *url.URL) error {
	host := u.Hostname()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return &Refused{Host: host, Why: "the address must begin with https://"}
	case u.User != nil:
		return &Refused{Host: host, Why: "the address must not hold a user or a password"}
	case host == "":
		return &Refused{Why: "the address has no host"}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return &Refused{Host: host, Why: "the port must be from 1 to 65535"}
		}
	}
	return nil
}

// checkHost refuses hosts that nobody gave, as far as that is possible without a look-up.
func (e *Egress) checkHost(u *url.URL) error {
	host, plain := u.Hostname(), u.Scheme == "http"
	if address, err := netip.ParseAddr(host); err == nil {
		return e.checkAddress(host, address, plain)
	}
	if err := checkName(host); err != nil {
		return err
	}
	if isLocalName(host) && !e.allows(netip.AddrFrom4([4]byte{127, 0, 0, 1})) {
		return &Refused{Host: host, Why: "it is not a public address; --allow-private allows a network"}
	}
	if plain && len(e.cfg.Allow) == 0 {
		return &Refused{Host: host, Why: "the address must begin with https://"}
	}
	return nil
}

// checkName refuses what is no name of a host. Other programs take 2130706433, 0x7f.1 or 0177.0.0.1 for addresses of this
// machine (WHATWG URL, "ends in a number").
func checkName(host string) error {
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	switch {
	case len(host) > 253 || strings.ContainsFunc(host, isNoNameRune):
		return &Refused{Host: host, Why: "the host is no name of letters, digits, hyphens and dots; write other letters in Punycode"}
	case strings.HasSuffix(host, "."):
		return &Refused{Host: host, Why: "leave out the dot at the end of the host"}
	case strings.HasPrefix(host, ".") || strings.Contains(host, ".."):
		return &Refused{Host: host, Why: "the host has an empty part"}
	case isNumber(last):
		return &Refused{Host: host, Why: "the host is a number; write an IPv4 address as four decimal numbers"}
	}
	return nil
}

func isNoNameRune(r rune) bool {
	isLetter := (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
	isDigit := r >= '0' && r <= '9'
	return !isLetter && !isDigit && r != '-' && r != '.' && r != '_'
}

// isNumber reports whether a program may read a label as a decimal, octal or hexadecimal number.
func isNumber(label string) bool {
	if label == "" {
		return false
	}
	digits, isHex := strings.CutPrefix(strings.ToLower(label), "0x")
	return !strings.ContainsFunc(digits, func(r rune) bool {
		return !(r >= '0' && r <= '9') && !(isHex && r >= 'a' && r <= 'f')
	})
}

func isLocalName(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
