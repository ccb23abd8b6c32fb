package proxyproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
	"strconv"
	"strings"
)

const (
	signature1 = "PROXY "
	signature2 = "\r\n\r\n\x00\r\nQUIT\n"

	longest1 = 107     // bytes of a header of version 1, with its line end
	longest2 = 4 << 10 // bytes of a header of version 2 that are accepted; 64 KiB could be written
	fixed2   = 16      // bytes before the addresses
)

// What is wrong with the start of a connection.
var (
	errShort    = errors.New("the PROXY header is cut off")
	errNoHeader = errors.New("there is no PROXY header")
	errInvalid  = errors.New("the PROXY header is not valid")
	errTooLong  = errors.New("the PROXY header is too long")
	errChecksum = errors.New("the checksum of the PROXY header is wrong")
)

// parse reads the header at the start of a connection, and returns its length. The client is the zero value if the connection is
// the proxy's own, or its client has no IP address. With errShort the header may be whole once more bytes have come.
func parse(start []byte) (client netip.AddrPort, length int, err error) {
	switch {
	case bytes.HasPrefix(start, []byte(signature1)):
		return parse1(start)
	case bytes.HasPrefix(start, []byte(signature2)):
		return parse2(start)
	case strings.HasPrefix(signature1, string(start)), strings.HasPrefix(signature2, string(start)):
		return client, 0, errShort
	}
	return client, 0, errNoHeader
}

// parse1 reads a line such as "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443".
func parse1(start []byte) (client netip.AddrPort, length int, err error) {
	line, _, found := strings.Cut(string(start[:min(len(start), longest1)]), "\r\n")
	switch {
	case !found && len(start) >= longest1:
		return client, 0, errTooLong
	case !found:
		return client, 0, errShort
	}
	length = len(line) + 2
	words := strings.Split(line, " ")
	if words[1] == "UNKNOWN" {
		return client, length, nil
	}
	if len(words) != 6 {
		return client, 0, errInvalid
	}
	from, okFrom := endpoint(words[1], words[2], words[4])
	_, okTo := endpoint(words[1], words[3], words[5])
	if !okFrom || !okTo {
		return client, 0, errInvalid
	}
	return from, length, nil
}

// endpoint reads an address and a port of version 1. It accepts only the one spelling of a port.
func endpoint(family, address, port string) (netip.AddrPort, bool) {
	ip, err := netip.ParseAddr(address)
	number, badPort := strconv.ParseUint(port, 10, 16)
	fits := (family == "TCP4" && ip.Is4()) || (family == "TCP6" && ip.Is6() && ip.Zone() == "")
	if err != nil || badPort != nil || !fits || strconv.FormatUint(number, 10) != port {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), true
}

// parse2 reads a binary header: the signature, version and command, family, length, addresses, and further values.
func parse2(start []byte) (client netip.AddrPort, length int, err error) {
	if len(start) < fixed2 {
		return client, 0, errShort
	}
	length = fixed2 + int(binary.BigEndian.Uint16(start[14:]))
	switch {
	case length > longest2:
		return client, 0, errTooLong
	case len(start) < length:
		return client, 0, errShort
	}
	header := start[:length]
	switch header[12] {
	case 0x20: // LOCAL: the proxy itself asks, and what follows says nothing
		return client, length, nil
	case 0x21: // PROXY
	default:
		return client, 0, errInvalid
	}
	addresses, known := map[byte]int{0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216}[header[13]] // unspecified, IPv4, IPv6, Unix; all as streams
	if !known || length < fixed2+addresses {
		return client, 0, errInvalid
	}
	if err := checkValues(header, fixed2+addresses); err != nil {
		return client, 0, err
	}
	body := header[fixed2:]
	switch header[13] {
	case 0x11:
		client = netip.AddrPortFrom(netip.AddrFrom4([4]byte(body)), binary.BigEndian.Uint16(body[8:]))
	case 0x21:
		client = netip.AddrPortFrom(netip.AddrFrom16([16]byte(body)).Unmap(), binary.BigEndian.Uint16(body[32:]))
	}
	return client, length, nil
}

// typeChecksum is the type of the value that holds the CRC32c of the header.
const typeChecksum = 0x03

// checkValues walks the values from an index of the header on. It skips all but a checksum.
func checkValues(header []byte, at int) error {
	for at < len(header) {
		if len(header) < at+3 {
			return errInvalid
		}
		kind, value := header[at], at+3
		at = value + int(binary.BigEndian.Uint16(header[at+1:]))
		if at > len(header) {
			return errInvalid
		}
		if kind != typeChecksum {
			continue
		}
		if at != value+4 {
			return errInvalid
		}
		zeroed := bytes.Clone(header)
		clear(zeroed[value:at])
		if crc32.Checksum(zeroed, crc32.MakeTable(crc32.Castagnoli)) != binary.BigEndian.Uint32(header[value:]) {
			return errChecksum
		}
	}
	return nil
}
