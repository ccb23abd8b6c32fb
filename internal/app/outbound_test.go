package app

import (
	"net/netip"
	"testing"
)

func TestAllowedNetworksReachTheClients(t *testing.T) {
	const local = "http://127.0.0.1:3000/hook"
	loaded := &Loaded{}
	if err := newApp(loaded, Config{}).egress.CheckURL(local); err == nil {
		t.Error("loopback is allowed by default")
	}
	if err := newApp(loaded, Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}).egress.CheckURL(local); err != nil {
		t.Errorf("loopback is allowed by the operator: %v", err)
	}
}
