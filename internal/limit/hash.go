package limit

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// A hashKey is the secret of SipHash-2-4. Nobody who does not know it can find two names with the same hash, so buckets go
// by a hash of 64 bits instead of a name. Package hash/maphash has no hash that survives a restart.
type hashKey [2]uint64

func newHashKey() hashKey {
	var secret [16]byte
	_, _ = rand.Read(secret[:]) // never fails
	return hashKey{binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:])}
}

// hashKeyOf returns the key that nodes with the same secret share.
func hashKeyOf(secret [32]byte) hashKey {
	return hashKey{binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:16])}
}

// sum returns the hash of data.
func (k hashKey) sum(data []byte) uint64 {
	s := sipState{k[0] ^ 0x736f6d6570736575, k[1] ^ 0x646f72616e646f6d, k[0] ^ 0x6c7967656e657261, k[1] ^ 0x7465646279746573}
	last := uint64(len(data)) << 56
	for len(data) >= 8 {
		s.add(binary.LittleEndian.Uint64(data))
		data = data[8:]
	}
	for i, b := range data {
		last |= uint64(b) << (8 * i)
	}
	s.add(last)
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	s.round()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

type sipState struct{ v0, v1, v2, v3 uint64 }

func (s *sipState) add(word uint64) {
	s.v3 ^= word
	s.round()
	s.round()
	s.v0 ^= word
}

func (s *sipState) round() {
	s.v0 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 += s.v3
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 += s.v1
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
