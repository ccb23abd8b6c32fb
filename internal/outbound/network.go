package outbound

import (
	"errors"
	"net/netip"
)

// ParseNetwork reads an address or a network in CIDR notation. All of the internet is none: it would include the services that
// give a cloud's machines their credentials.
func ParseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if address, bad := netip.ParseAddr(text); bad == nil && address.Zone() == "" {
		network, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	switch {
	case err != nil || network.Addr().Is4In6():
		return netip.Prefix{}, errors.New("write an address or a network, such as 127.0.0.1 or 10.1.0.0/16")
	case network.Bits() == 0:
		return netip.Prefix{}, errors.New("every address would be allowed: name the networks that are meant")
	}
	return network.Masked(), nil
}
