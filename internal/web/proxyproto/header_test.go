package proxyproto

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strings"
	"testing"
)

// binary2 returns a header of version 2 with a body.
func binary2(command, family byte, body string) string {
	return signature2 + string([]byte{command, family}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + body
}

// checked fills in the checksum of a header of version 2 whose body ends in four zeros for it.
func checked(header string) string {
	sum := crc32.Checksum([]byte(header), crc32.MakeTable(crc32.Castagnoli))
	return header[:len(header)-4] + string(binary.BigEndian.AppendUint32(nil, sum))
}

const (
	four = "\xcb\x00\x71\x09\x7f\x00\x00\x01\x12\x67\x1f\x90" // 203.0.113.9:4711 to 127.0.0.1:8080
	to   = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x12\x67\x1f\x90"
	six  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" + to
	via4 = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xcb\x00\x71\x09" + to
)

func TestParse(t *testing.T) {
	unix, sum := strings.Repeat("/", 216), "\x03\x00\x04\x00\x00\x00\x00"
	for _, tt := range []struct {
		name, header, want string // want is "" for the proxy's own address
		err                error
	}{
		{"1, IPv4", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\r\n", "203.0.113.9:4711", nil},
		{"1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4711 8080\r\n", "[2001:db8::7]:4711", nil},
		{"1, mapped IPv4", "PROXY TCP6 ::ffff:203.0.113.9 ::1 4711 8080\r\n", "203.0.113.9:4711", nil},
		{"1, port 0", "PROXY TCP4 203.0.113.9 127.0.0.1 0 65535\r\n", "203.0.113.9:0", nil},
		{"1, unknown", "PROXY UNKNOWN\r\n", "", nil},
		{"1, unknown with the rest", "PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", "", nil},
		{"1, the longest", "PROXY UNKNOWN " + strings.Repeat("x", longest1-16) + "\r\n", "", nil},
		{"1, longer", "PROXY UNKNOWN " + strings.Repeat("x", longest1-15) + "\r\n", "", errTooLong},
		{"1, without an end", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\n" + strings.Repeat(" ", 100), "", errTooLong},
		{"1, cut off", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\r", "", errShort},
		{"1, another family", "PROXY UDP4 203.0.113.9 127.0.0.1 4711 8080\r\n", "", errInvalid},
		{"1, in small letters", "PROXY tcp4 203.0.113.9 127.0.0.1 4711 8080\r\n", "", errInvalid},
		{"1, IPv6 as IPv4", "PROXY TCP4 2001:db8::7 ::1 4711 8080\r\n", "", errInvalid},
		{"1, IPv4 as IPv6", "PROXY TCP6 203.0.113.9 127.0.0.1 4711 8080\r\n", "", errInvalid},
		{"1, a zone", "PROXY TCP6 fe80::1%eth0 ::1 4711 8080\r\n", "", errInvalid},
		{"1, an octal address", "PROXY TCP4 0313.0.113.9 127.0.0.1 4711 8080\r\n", "", errInvalid},
		{"1, a large port", "PROXY TCP4 203.0.113.9 127.0.0.1 65536 8080\r\n", "", errInvalid},
		{"1, a port with a zero", "PROXY TCP4 203.0.113.9 127.0.0.1 04711 8080\r\n", "", errInvalid},
		{"1, a port with a sign", "PROXY TCP4 203.0.113.9 127.0.0.1 +4711 8080\r\n", "", errInvalid},
		{"1, two spaces", "PROXY TCP4  203.0.113.9 127.0.0.1 4711 8080\r\n", "", errInvalid},
		{"1, a word more", "PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080 x\r\n", "", errInvalid},
		{"1, a word less", "PROXY TCP4 203.0.113.9 127.0.0.1 4711\r\n", "", errInvalid},
		{"1, a bad destination", "PROXY TCP4 203.0.113.9 localhost 4711 8080\r\n", "", errInvalid},

		{"2, IPv4", binary2(0x21, 0x11, four), "203.0.113.9:4711", nil},
		{"2, IPv6", binary2(0x21, 0x21, six), "[2001:db8::7]:4711", nil},
		{"2, mapped IPv4", binary2(0x21, 0x21, via4), "203.0.113.9:4711", nil},
		{"2, Unix", binary2(0x21, 0x31, unix), "", nil},
		{"2, unspecified", binary2(0x21, 0x00, ""), "", nil},
		{"2, unspecified with values", binary2(0x21, 0x00, "\x04\x00\x01x"), "", nil},
		{"2, the proxy itself", binary2(0x20, 0x00, ""), "", nil},
		{"2, the proxy itself, with an address", binary2(0x20, 0x11, four), "", nil},
		{"2, the proxy itself, with nonsense", binary2(0x20, 0xff, "\x03\xff\xff"), "", nil},
		{"2, values", binary2(0x21, 0x11, four+"\x02\x00\x07example\x04\x00\x00"), "203.0.113.9:4711", nil},
		{"2, a checksum", checked(binary2(0x21, 0x11, four+"\x04\x00\x01x"+sum)), "203.0.113.9:4711", nil},
		{"2, a wrong checksum", binary2(0x21, 0x11, four+sum), "", errChecksum},
		{"2, a short checksum", binary2(0x21, 0x11, four+"\x03\x00\x02xx"), "", errInvalid},
		{"2, the longest", binary2(0x21, 0x11, four+"\x04\x0f\xe1"+strings.Repeat("x", 0xfe1)), "203.0.113.9:4711", nil},
		{"2, longer", binary2(0x21, 0x11, four+"\x04\x0f\xe2"+strings.Repeat("x", 0xfe2)), "", errTooLong},
		{"2, a value past the end", binary2(0x21, 0x11, four+"\x04\x00\x02x"), "", errInvalid},
		{"2, a cut value", binary2(0x21, 0x11, four+"\x04\x00"), "", errInvalid},
		{"2, short addresses", binary2(0x21, 0x21, four), "", errInvalid},
		{"2, datagrams", binary2(0x21, 0x12, four), "", errInvalid},
		{"2, another family", binary2(0x21, 0x41, four), "", errInvalid},
		{"2, another command", binary2(0x22, 0x11, four), "", errInvalid},
		{"2, another version", binary2(0x11, 0x11, four), "", errInvalid},
		{"2, cut off", binary2(0x21, 0x11, four)[:27], "", errShort},
		{"2, its signature", signature2, "", errShort},

		{"nothing", "", "", errShort},
		{"a request", "GET / HTTP/1.1\r\n", "", errNoHeader},
		{"another method", "PROPFIND / HTTP/1.1\r\n", "", errNoHeader},
		{"empty lines and a request", "\r\n\r\nGET / HTTP/1.1\r\n", "", errNoHeader},
		{"TLS", "\x16\x03\x01\x02\x00", "", errNoHeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			behind := "GET"
			if tt.err == errShort { // it would be part of the header
				behind = ""
			}
			client, length, err := parse([]byte(tt.header + behind))
			if !errors.Is(err, tt.err) || (err == nil && length != len(tt.header)) {
				t.Fatalf("parse = %d bytes, %v, want %d, %v", length, err, len(tt.header), tt.err)
			}
			if got := map[bool]string{true: client.String()}[client.IsValid()]; got != tt.want {
				t.Errorf("the client is %q, want %q", got, tt.want)
			}
			for i := range len(tt.header) {
				if _, _, err := parse([]byte(tt.header[:i])); err == nil || (tt.err == nil && !errors.Is(err, errShort)) {
					t.Fatalf("of %d bytes: %v, want that more are needed", i, err)
				}
			}
		})
	}
}

// A header ends where it says: bytes behind it change nothing, and it needs each of its own.
func FuzzParse(f *testing.F) {
	f.Add([]byte("PROXY TCP4 203.0.113.9 127.0.0.1 4711 8080\r\nGET"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(checked(binary2(0x21, 0x11, four+"\x04\x00\x01x\x03\x00\x04\x00\x00\x00\x00"))))
	f.Add([]byte(binary2(0x21, 0x21, six)))
	f.Add([]byte(binary2(0x20, 0x00, "")))
	f.Fuzz(func(t *testing.T, start []byte) {
		client, length, err := parse(start)
		if err != nil {
			if client != (netip.AddrPort{}) {
				t.Fatalf("%v with %v", err, client)
			}
			return
		}
		if length > len(start) || length > longest2 || client.Addr().Zone() != "" || client.Addr().Is4In6() {
			t.Fatalf("%d bytes of %d, %v", length, len(start), client)
		}
		again, n, err := parse(append(start[:length:length], "GET / HTTP/1.1\r\n"...))
		if again != client || n != length || err != nil {
			t.Fatalf("with other bytes behind it: %v, %d, %v", again, n, err)
		}
		if _, _, err := parse(start[:length-1]); !errors.Is(err, errShort) {
			t.Fatalf("without its last byte: %v", err)
		}
	})
}
