package outbound

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// privateAddresses are not public, each for another reason or at the edge of a network.
var privateAddresses = [...]struct{ address, why string }{
	{"0.0.0.0", "this host: Linux connects to itself"},
	{"0.1.2.3", "this network"},
	{"0.255.255.255", "end of this network"},
	{"10.0.0.1", "private"},
	{"10.255.255.255", "private"},
	{"100.64.0.1", "shared by the customers of a carrier"},
	{"100.100.100.200", "metadata of Alibaba"},
	{"100.127.255.254", "shared by the customers of a carrier"},
	{"127.0.0.1", "loopback"},
	{"127.1.2.3", "loopback"},
	{"127.255.255.254", "loopback"},
	{"168.63.129.16", "Azure's wire server"},
	{"169.254.0.1", "link-local"},
	{"169.254.169.254", "metadata of AWS, Google, Azure and others"},
	{"169.254.170.2", "credentials of AWS's tasks"},
	{"169.254.169.123", "time of AWS"},
	{"172.16.0.1", "private"},
	{"172.31.255.255", "private"},
	{"192.0.0.1", "assignments of protocols"},
	{"192.0.0.192", "metadata of Oracle"},
	{"192.0.0.170", "discovery of NAT64"},
	{"192.0.2.1", "documentation"},
	{"192.88.99.1", "relay of 6to4"},
	{"192.168.0.1", "private"},
	{"192.168.255.255", "private"},
	{"198.18.0.1", "benchmarks"},
	{"198.19.255.255", "benchmarks"},
	{"198.51.100.7", "documentation"},
	{"203.0.113.9", "documentation"},
	{"224.0.0.1", "multicast"},
	{"239.255.255.250", "multicast"},
	{"240.0.0.1", "reserved"},
	{"255.255.255.255", "broadcast"},
	{"::", "unspecified: Linux connects to itself"},
	{"::1", "loopback"},
	{"::2", "reserved"},
	{"::7f00:1", "127.0.0.1 in an IPv4-compatible address"},
	{"::a00:1", "10.0.0.1 in an IPv4-compatible address"},
	{"::ffff:127.0.0.1", "loopback in an IPv4-mapped address"},
	{"::ffff:10.0.0.1", "private in an IPv4-mapped address"},
	{"::ffff:169.254.169.254", "metadata in an IPv4-mapped address"},
	{"::ffff:0:127.0.0.1", "loopback in an IPv4-translated address"},
	{"64:ff9b::7f00:1", "127.0.0.1 through NAT64"},
	{"64:ff9b::a00:1", "10.0.0.1 through NAT64"},
	{"64:ff9b::a9fe:a9fe", "metadata through NAT64"},
	{"64:ff9b:1::a00:1", "10.0.0.1 through a local NAT64"},
	{"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"},
	{"100::1", "discarded"},
	{"100:0:0:1::1", "dummy"},
	{"2001::1", "Teredo"},
	{"2001:0:7f00:1::1", "Teredo with 127.0.0.1 as its server"},
	{"2001:2::1", "benchmarks"},
	{"2001:10::1", "ORCHID"},
	{"2001:20::1", "ORCHID, version 2"},
	{"2001:db8::1", "documentation"},
	{"2002:7f00:1::1", "6to4 of 127.0.0.1"},
	{"2002:a00:1::1", "6to4 of 10.0.0.1"},
	{"2002:a9fe:a9fe::1", "6to4 of the metadata"},
	{"2002:c0a8:101::1", "6to4 of 192.168.1.1"},
	{"3fff::1", "documentation"},
	{"5f00::1", "segments of a route"},
	{"fc00::1", "unique local"},
	{"fd00::1", "unique local"},
	{"fd00:ec2::254", "metadata of AWS"},
	{"fd20:ce::254", "metadata of Google"},
	{"fe80::1", "link-local"},
	{"fe80::1%lo", "link-local with a zone"},
	{"febf::1", "link-local"},
	{"fec0::1", "site-local"},
	{"feff::1", "site-local"},
	{"ff02::1", "multicast"},
	{"ff05::2", "multicast"},
	{"4000::1", "not assigned"},
	{"2606:4700::1111%eth0", "public with a zone"},
}

// publicAddresses stand at the edges of refused networks, or are well known.
var publicAddresses = [...]string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1", "168.63.129.15",
	"168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
	"192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"2001:200::1", "2001:4860:4860::8888", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e", "2003::1", "::ffff:8.8.8.8",
}

func TestAttack_PrivateAddressesAreRefusedAtTheDial(t *testing.T) {
	if len(privateAddresses) < 60 {
		t.Fatalf("%d addresses", len(privateAddresses))
	}
	for _, tt := range privateAddresses {
		t.Run(tt.address, func(t *testing.T) {
			address := parseAll(t, tt.address)[0]
			zone := &names{answer: func(string, int) []netip.Addr { return []netip.Addr{address.WithZone("")} }}
			e := watch(t, Config{resolver: zone.resolver()})
			hosts := []string{net.JoinHostPort(tt.address, "443")}
			if address.Zone() == "" { // DNS has no zones
				hosts = append(hosts, "hooks.example.com:443")
			}
			for _, host := range hosts {
				ctx := context.WithValue(t.Context(), hopKey{}, hop{})
				if _, err := e.dialHop(ctx, "tcp", host); !isRefused(err) {
					t.Errorf("the dial of %s: %v, want it refused (%s)", host, err, tt.why)
				}
				if _, err := e.dialHop(t.Context(), "tcp", host); !isRefused(err) {
					t.Errorf("a dial that nobody prepared: %v", err)
				}
				target := url.URL{Scheme: "https", Host: host, Path: "/"}
				if _, err := e.Client(Use{}).Get(target.String()); err == nil || FailureOf(err) != Unreachable {
					t.Errorf("GET %s: %v, want it refused (%s)", &target, err, tt.why)
				}
			}
			literal := url.URL{Scheme: "https", Host: net.JoinHostPort(tt.address, "443")}
			if err := e.CheckURL(literal.String()); err == nil {
				t.Errorf("CheckURL takes %s (%s)", &literal, tt.why)
			}
			if len(e.reached) > 0 {
				t.Errorf("connects to %v", e.reached)
			}
		})
	}
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*Refused](err)
	return ok
}

func TestPublicAddressesPass(t *testing.T) {
	for _, text := range publicAddresses {
		address := parseAll(t, text)[0]
		zone := &names{answer: func(string, int) []netip.Addr { return []netip.Addr{address} }}
		for _, host := range []string{net.JoinHostPort(text, "8443"), "hooks.example.com:8443"} {
			e := watch(t, Config{resolver: zone.resolver()})
			target := url.URL{Scheme: "https", Host: host}
			_, err := e.Client(Use{}).Get(target.String())
			if want := net.JoinHostPort(address.Unmap().String(), "8443"); !errors.Is(err, errReached) || !slices.Contains(e.reached, want) {
				t.Errorf("GET %s: %v, reached %v, want %s", &target, err, e.reached, want)
			}
			if err := e.CheckURL(target.String()); err != nil {
				t.Errorf("CheckURL(%s) = %v", &target, err)
			}
		}
	}
}

// Resolvers of C libraries read these hosts as addresses of this machine or of the network. The dial refuses them even then.
func TestAttack_OtherSpellingsOfPrivateAddresses(t *testing.T) {
	for _, tt := range []struct{ host, address string }{
		{"2130706433", "127.0.0.1"}, {"0x7f000001", "127.0.0.1"}, {"0X7F.0.0.1", "127.0.0.1"}, {"017700000001", "127.0.0.1"}, {"0177.0.0.1", "127.0.0.1"},
		{"127.1", "127.0.0.1"}, {"127.0.1", "127.0.0.1"}, {"0", "0.0.0.0"}, {"0x0", "0.0.0.0"}, {"3232235521", "192.168.0.1"},
		{"0xa9fea9fe", "169.254.169.254"}, {"2852039166", "169.254.169.254"}, {"169.254.43518", "169.254.169.254"}, {"0251.0376.0251.0376", "169.254.169.254"},
		{"127.0.0.1.", "127.0.0.1"}, {"10.1.", "10.0.0.1"}, {"hooks.example.com.", "10.0.0.1"}, {"localhost", "127.0.0.1"}, {"LOCALHOST", "127.0.0.1"},
		{"api.localhost", "127.0.0.1"}, {"localhost.", "127.0.0.1"}, {"127.0.0.1.nip.example", "127.0.0.1"}, {"metadata.google.internal", "169.254.169.254"},
		{"１２７.0.0.1", "127.0.0.1"}, {"127。0。0。1", "127.0.0.1"}, {"ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "127.0.0.1"}, {"0x7f.1", "127.0.0.1"},
	} {
		zone := &names{answer: func(string, int) []netip.Addr { return parseAll(t, tt.address) }}
		e := watch(t, Config{resolver: zone.resolver()})
		ctx := context.WithValue(t.Context(), hopKey{}, hop{})
		if _, err := e.dialHop(ctx, "tcp", net.JoinHostPort(tt.host, "443")); err == nil || len(e.reached) > 0 {
			t.Errorf("the dial of %s: %v, reached %v", tt.host, err, e.reached)
		}
		e.reached = nil
		if _, err := e.Client(Use{}).Get("https://" + tt.host + "/"); err == nil || len(e.reached) > 0 {
			t.Errorf("GET https://%s/: %v, reached %v", tt.host, err, e.reached)
		}
	}
}

// A name may have another address each time that somebody asks.
func TestAttack_RebindingIsRefused(t *testing.T) {
	public, private := parseAll(t, "93.184.215.14"), parseAll(t, "127.0.0.1", "::1")
	zone := &names{answer: func(_ string, question int) []netip.Addr {
		if question == 0 {
			return public
		}
		return private
	}}
	e := watch(t, Config{resolver: zone.resolver()})
	const target = "https://rebind.example.com/"
	if found, err := e.cfg.resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com"); err != nil || found[0] != public[0] {
		t.Fatalf("the first look-up = %v, %v", found, err) // what a check before the dial would see
	}
	if err := e.CheckURL(target); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := e.Client(Use{}).Get(target); !isRefused(err) || len(e.reached) > 0 {
			t.Errorf("after the look-up: %v, reached %v", err, e.reached)
		}
	}
}

// A name with several addresses is called at the public ones alone.
func TestAttack_AMixOfAddresses(t *testing.T) {
	mix := parseAll(t, "10.0.0.1", "::1", "93.184.215.14", "fd00::1", "2606:4700::1", "127.0.0.1")
	zone := &names{answer: func(string, int) []netip.Addr { return mix }}
	e := watch(t, Config{resolver: zone.resolver()})
	if _, err := e.Client(Use{}).Get("https://mix.example.com/"); err == nil {
		t.Error("no error")
	}
	slices.Sort(e.reached)
	if got := slices.Compact(e.reached); !slices.Equal(got, []string{"93.184.215.14:443", "[2606:4700::1]:443"}) {
		t.Errorf("reached %v", got)
	}
}

func TestAllowedNetworks(t *testing.T) {
	allow := []netip.Prefix{
		netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("64:ff9b::/96"),
	}
	for _, tt := range []struct {
		target, want string // want is the address reached; "": refused
	}{
		{"https://10.1.2.3/", "10.1.2.3:443"},
		{"http://10.1.2.3:8080/", "10.1.2.3:8080"},
		{"https://[::ffff:10.1.2.3]/", "10.1.2.3:443"},
		{"http://localhost:3000/", "127.0.0.1:3000"},
		{"https://10.2.0.1/", ""},
		{"https://127.0.0.2/", ""},
		{"http://8.8.8.8/", ""}, // without TLS, and not allowed
		{"http://hooks.example.com/", ""},
		{"https://hooks.example.com/", "8.8.8.8:443"},
		{"https://[64:ff9b::808:808]/", "[64:ff9b::808:808]:443"},
		{"https://[64:ff9b::a01:203]/", "[64:ff9b::a01:203]:443"}, // 10.1.2.3, which is allowed itself
		{"https://[64:ff9b::7f00:2]/", ""},                        // 127.0.0.2 behind the gateway
		{"https://[64:ff9b::a9fe:a9fe]/", ""},
	} {
		zone := &names{answer: func(name string, _ int) []netip.Addr {
			if name == "localhost" {
				return parseAll(t, "127.0.0.1")
			}
			return parseAll(t, "8.8.8.8")
		}}
		e := watch(t, Config{Allow: allow, resolver: zone.resolver()})
		_, err := e.Client(Use{}).Get(tt.target)
		if tt.want == "" {
			if !isRefused(err) || len(e.reached) > 0 {
				t.Errorf("%s: %v, reached %v, want it refused", tt.target, err, e.reached)
			}
			continue
		}
		if !slices.Contains(e.reached, tt.want) {
			t.Errorf("%s: %v, reached %v, want %s", tt.target, err, e.reached, tt.want)
		}
	}
}

func TestCheckURL(t *testing.T) {
	e := New(Config{})
	for _, tt := range []struct{ text, want string }{
		{"https://hooks.example.com/orders?token=1", ""},
		{"https://xn--bcher-kva.example:8443", ""},
		{"https://1.1.1.1/x", ""},
		{"https://[2606:4700::1]:443/x", ""},
		{"https://my_host.example.com/", ""},
		{"http://hooks.example.com/", "must begin with https://"},
		{"ftp://hooks.example.com/", "must begin with https://"},
		{"file:///etc/passwd", "write an address"},
		{"//hooks.example.com/", "must begin with https://"},
		{"https:hooks.example.com", "write an address"},
		{"hooks.example.com", "write an address"},
		{"https://", "write an address"},
		{"https://:443/", "no host"},
		{"https://user@hooks.example.com/", "user or a password"},
		{"https://user:word@hooks.example.com/", "user or a password"},
		{"https://127.0.0.1@hooks.example.com/", "user or a password"},
		{"https://hooks.example.com@127.0.0.1/", "user or a password"},
		{"https://hooks.example.com:443@127.0.0.1/", "user or a password"},
		{"https://hooks.example.com#@127.0.0.1/", "fragment"},
		{"https://hooks.example.com\\@127.0.0.1/", "write an address"},
		{"https://hooks.example.com/#x", "fragment"},
		{"https://hooks.example.com:0/", "1 to 65535"},
		{"https://hooks.example.com:65536/", "1 to 65535"},
		{"https://127.0.0.1/", "not public"},
		{"https://[::1]/", "not public"},
		{"https://[fe80::1%25eth0]/", "not public"},
		{"https://localhost/", "not a public"},
		{"https://2130706433/", "number"},
		{"https://0x7f.1/", "number"},
		{"https://hooks.example.0x/", "number"},
		{"https://127.0.0.1./", "dot at the end"},
		{"https://hooks..example.com/", "empty part"},
		{"https://.example.com/", "empty part"},
		{"https://bücher.example/", "Punycode"},
		{"https://127。0。0。1/", "Punycode"},
		{"https://%31%32%37.0.0.1/", "write an address"},
		{"https://hooks.example.com/" + strings.Repeat("x", maxURL), "longer"},
		{"https://hooks.example.com/\n", "write an address"},
		{"https://hooks.example.com /", "write an address"},
	} {
		err := e.CheckURL(tt.text)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("CheckURL(%.60q) = %v, want %q", tt.text, err, tt.want)
		}
	}
	open := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for _, text := range []string{"http://127.0.0.1:3000/hook", "http://localhost:3000/hook", "https://localhost/"} {
		if err := open.CheckURL(text); err != nil {
			t.Errorf("CheckURL(%q) = %v with loopback allowed", text, err)
		}
	}
}

// The look-up of a name is an answer about the network, so it is for operators alone.
func TestARefusalHidesTheAddress(t *testing.T) {
	zone := &names{answer: func(name string, _ int) []netip.Addr {
		if name == "secret.internal" {
			return parseAll(t, "10.9.8.7")
		}
		return nil
	}}
	e := watch(t, Config{resolver: zone.resolver()})
	_, there := e.Client(Use{}).Get("https://secret.internal/")
	_, absent := e.Client(Use{}).Get("https://absent.internal/")
	if there == nil || absent == nil || FailureOf(there) != FailureOf(absent) {
		t.Errorf("%q and %q", FailureOf(there), FailureOf(absent))
	}
	if !strings.Contains(there.Error(), "10.9.8.7") || strings.Contains(publicError(there).Error(), "10.9.8.7") {
		t.Errorf("for operators %q, for others %q", there, publicError(there))
	}
}

func TestParseNetwork(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"127.0.0.1", "127.0.0.1/32"}, {"10.1.0.0/16", "10.1.0.0/16"}, {"10.1.2.3/16", "10.1.0.0/16"}, {"fd00::/8", "fd00::/8"}, {"::1", "::1/128"},
		{"", ""}, {"everybody", ""}, {"10.0.0.0/33", ""}, {"10.0.0", ""}, {"0.0.0.0/0", ""}, {"::/0", ""}, {"::ffff:10.0.0.0/104", ""}, {"fe80::1%eth0", ""},
		{"10.0.0.0/8,127.0.0.1", ""}, {" 127.0.0.1", ""}, {"localhost", ""},
	} {
		got, err := ParseNetwork(tt.text)
		if (err == nil) != (tt.want != "") || (err == nil && got.String() != tt.want) {
			t.Errorf("ParseNetwork(%q) = %v, %v, want %q", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParseNetwork(f *testing.F) {
	for _, seed := range []string{"127.0.0.1", "10.1.0.0/16", "::/0", "fe80::1%eth0", "::ffff:10.0.0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		network, err := ParseNetwork(text)
		if err != nil {
			return
		}
		again, err := ParseNetwork(network.String())
		if err != nil || again != network || network.Bits() == 0 {
			t.Errorf("ParseNetwork(%q) = %v, and again %v, %v", text, network, again, err)
		}
	})
}

// A URL that passes names a host as every program reads it, and no address that is not public.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://hooks.example.com/", "https://127.0.0.1@x/", "https://0x7f.1/", "https://[::ffff:10.0.0.1]/", "https://a:65536"} {
		f.Add(seed)
	}
	e := New(Config{})
	f.Fuzz(func(t *testing.T, text string) {
		if e.CheckURL(text) != nil {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || strings.ContainsAny(text, "#\n\r\t ") {
			t.Fatalf("CheckURL takes %q", text)
		}
		address, err := netip.ParseAddr(u.Hostname())
		if err != nil {
			if strings.ContainsFunc(u.Hostname(), func(r rune) bool { return r > 127 }) || isNumber(u.Hostname()[strings.LastIndexByte(u.Hostname(), '.')+1:]) {
				t.Errorf("CheckURL takes the host %q", u.Hostname())
			}
			return
		}
		if address = address.Unmap(); address.IsPrivate() || address.IsLoopback() || address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() {
			t.Errorf("CheckURL takes %q", text)
		}
	})
}
