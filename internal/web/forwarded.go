package web

import (
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// hops yields the addresses in the lines of X-Forwarded-For, or of Forwarded (RFC 7239), from the last to the first. It ends at
// the first element that is no address.
//
// It reads from the right, since only the right end comes from a proxy. A client may send an open quote or half an element:
// read from the left, that could swallow what the proxy appended.
func hops(header string, lines []string) iter.Seq[netip.Addr] {
	read := ipOf
	if header == forwarded {
		read = elementAddress
	}
	return func(yield func(netip.Addr) bool) {
		for _, line := range slices.Backward(lines) {
			for more := true; more; {
				var element string
				line, element, more = cutLast(line, ',')
				address, ok := read(strings.Trim(element, " \t"))
				if !ok || !yield(address) {
					return
				}
			}
		}
	}
}

// cutLast cuts text around the last separator that is not between quotes. It reads from the right, and so takes a quote for an
// escaped one if an odd number of backslashes stands before it.
func cutLast(text string, separator byte) (before, last string, found bool) {
	quoted := false
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case '"':
			backslashes := i - len(strings.TrimRight(text[:i], `\`))
			quoted = quoted == (backslashes%2 == 1)
		case separator:
			if !quoted {
				return text[:i], text[i+1:], true
			}
		}
	}
	return "", text, false
}

// elementAddress returns the address in the one parameter "for" of an element of Forwarded.
func elementAddress(element string) (address netip.Addr, ok bool) {
	for more := true; more; {
		var pair string
		element, pair, more = cutLast(element, ';')
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "for") {
			continue
		}
		if ok {
			return netip.Addr{}, false // given twice
		}
		if address, ok = nodeAddress(strings.Trim(value, " \t")); !ok {
			return netip.Addr{}, false
		}
	}
	return address, ok
}

// nodeAddress reads an identifier of RFC 7239, 6: an address with an optional port, which may be obfuscated. "unknown" and an
// obfuscated identifier are no address. Proxies often leave out the quotes and brackets of IPv6, so it needs neither.
func nodeAddress(node string) (netip.Addr, bool) {
	if inner, quoted := strings.CutPrefix(node, `"`); quoted {
		if node, quoted = strings.CutSuffix(inner, `"`); !quoted {
			return netip.Addr{}, false
		}
	}
	if host, port, err := net.SplitHostPort(node); err == nil && strings.HasPrefix(port, "_") {
		node = host
	}
	return ipOf(node)
}
