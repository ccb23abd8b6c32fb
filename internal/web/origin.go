package web

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// CheckOrigins returns an error if origins holds anything else than an origin.
func CheckOrigins(origins []string) error {
	for _, origin := range origins {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	return nil
}

// checkOrigin refuses what a browser would never send as an origin. The comparison with a request's Origin is by text, so
// the spelling must be the browser's.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return errors.New("an origin is empty: leave the setting out, or write it as https://app.example.com")
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != s:
		return fmt.Errorf("%q is not an origin: write it as https://app.example.com, without a path; * and null are not accepted", s)
	case strings.Contains(u.Host, "*"):
		return fmt.Errorf("the origin %q has a wildcard, which never matches: name each origin", s)
	case u.Port() == defaultPorts[u.Scheme]:
		return fmt.Errorf("the origin %q never matches: browsers leave out the port %s of %s, so write %s://%s", s, u.Port(), u.Scheme, u.Scheme, strings.TrimSuffix(u.Host, ":"+u.Port()))
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("the origin %q never matches: it ends in a colon without a port", s)
	case !browserPort(u.Port()):
		return fmt.Errorf("the origin %q never matches: browsers send a port as a number up to 65535, without zeros before it", s)
	case addressOf(u.Hostname()) != u.Hostname():
		return fmt.Errorf("the origin %q never matches: browsers send its address as %s", s, addressOf(u.Hostname()))
	case !browserHost(u.Hostname()):
		return fmt.Errorf("the origin %q never matches: browsers send host names in lower-case ASCII (an international one as xn--…)", s)
	}
	return nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// browserPort reports whether a browser could send this port in Origin. No port is fine.
func browserPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || (err == nil && port == strconv.FormatUint(n, 10))
}

// addressOf returns the spelling that browsers use for an IP address. It returns any other host unchanged.
func addressOf(host string) string {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return addr.String()
}

// browserHost reports whether browsers could send this host name in Origin.
func browserHost(host string) bool {
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == ':':
		default:
			return false
		}
	}
	return host != ""
}
