package feed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// A digest names a set of rows: the exclusive or of a keyed hash of each row's id. It does not grow with the set, and a row
// is added and taken away by the same step.
type digest [4]uint64

func (d *digest) toggle(row digest) {
	for i := range d {
		d[i] ^= row[i]
	}
}

// hashRow returns the hash of a row's id in a window. Who does not know the key cannot tell a digest of rows that it has not
// seen.
func hashRow(key []byte, window [8]byte, id string) (d digest) {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(window[:]) // never fails
	_, _ = mac.Write([]byte(id))
	sum := mac.Sum(nil)
	for i := range d {
		d[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return d
}

// hashContent returns a hash of a row as the list shows it.
func hashContent(key, json []byte) uint64 {
	hash := sha256.New()
	_, _ = hash.Write(key) // never fails
	_, _ = hash.Write(json)
	return binary.BigEndian.Uint64(hash.Sum(nil))
}

// maxSolved bounds the rows among which subset looks. Two of their 2^128 subsets have one digest of 256 bits with a probability of
// 2^-128 for each.
const maxSolved = 128

// subset returns which of the rows have a digest together. It returns false if no subset has it.
//
// A digest is a vector over the field of two elements, and the digest of a set is a sum. So this solves linear equations by
// elimination. sources[i] says which rows basis[i] is the sum of.
func subset(rows []digest, target digest) (chosen []bool, ok bool) {
	type vector struct {
		sum     digest
		sources [maxSolved / 64]uint64
	}
	var basis [256]*vector // by the highest bit of sum
	reduce := func(v *vector) (bit int, zero bool) {
		for bit := range 256 {
			if v.sum[bit/64]>>(63-bit%64)&1 == 0 {
				continue
			}
			with := basis[bit]
			if with == nil {
				return bit, false
			}
			v.sum.toggle(with.sum)
			for i := range v.sources {
				v.sources[i] ^= with.sources[i]
			}
		}
		return 0, true
	}
	if len(rows) > maxSolved {
		return nil, false
	}
	for i, row := range rows {
		v := &vector{sum: row}
		v.sources[i/64] = 1 << (i % 64)
		bit, zero := reduce(v)
		if zero { // the answer would not be the only one
			return nil, false
		}
		basis[bit] = v
	}
	left := &vector{sum: target}
	if _, zero := reduce(left); !zero {
		return nil, false
	}
	chosen = make([]bool, len(rows))
	for i := range rows {
		chosen[i] = left.sources[i/64]>>(i%64)&1 == 1
	}
	return chosen, true
}
