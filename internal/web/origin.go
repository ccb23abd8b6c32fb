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

// checkOrigin refuses a text that no browser sends as an origin. A request's Origin is compared as text, so the
// spelling must be the browser's.
func checkOrigin(text string) error {
	address, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("an origin is empty: leave the setting out, or write it as https://app.example.com")
	case err != nil || (address.Scheme != "https" && address.Scheme != "http") || address.Host == "" || address.Scheme+"://"+address.Host != text:
		return fmt.Errorf("%q is not an origin: write it as https://app.example.com, without a path; * and null are not accepted", text)
	case strings.Contains(address.Host, "*"):
		return fmt.Errorf("the origin %q has a wildcard, which never matches: name each origin", text)
	case address.Port() == defaultPorts[address.Scheme]:
		return fmt.Errorf("the origin %q never matches: browsers leave out the port %s of %s, so write %s://%s", text, address.Port(), address.Scheme, address.Scheme, strings.TrimSuffix(address.Host, ":"+address.Port()))
	case strings.HasSuffix(address.Host, ":"):
		return fmt.Errorf("the origin %q never matches: it ends in a colon without a port", text)
	case !browserPort(address.Port()):
		return fmt.Errorf("the origin %q never matches: browsers send a port as a number up to 65535, without zeros before it", text)
	case addressOf(address.Hostname()) != address.Hostname():
		return fmt.Errorf("the origin %q never matches: browsers send its address as %s", text, addressOf(address.Hostname()))
	case !browserHost(address.Hostname()):
		return fmt.Errorf("the origin %q never matches: browsers send host names in lower-case ASCII (an international one as xn--…)", text)
	}
	return nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// browserPort reports whether a browser could send this port in Origin. No port is fine.
func browserPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || (err == nil && port == strconv.FormatUint(n, 10))
}

// addressOf returns the browsers' spelling of an IP address. It returns any other host unchanged.
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
