package password

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
)

// filter is a Bloom filter of common passwords in lower case. TestWriteFilter makes it. docs/decisions/0017 names the
// sources.
//
//go:embed filter.bloom
var filter string

// probes is the number of bits that each password sets in the filter.
const probes = 13

// isListed reports whether a password is on the list of common passwords. About one in 8,000 others is reported too.
func isListed(password string) bool {
	for _, bit := range bitsOf(password, len(filter)*8) {
		if filter[bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

// bitsOf returns the bits of a password in a filter with the given number of bits.
func bitsOf(password string, size int) [probes]uint64 {
	sum := sha256.Sum256([]byte(password))
	first, step := binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])
	var bits [probes]uint64
	for i := range bits {
		bits[i] = (first + uint64(i)*step) % uint64(size)
	}
	return bits
}
