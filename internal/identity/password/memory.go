package password

import (
	"encoding/binary"
	"sync"
	_ "unsafe" // for go:linkname

	_ "golang.org/x/crypto/argon2" // defines what go:linkname names
	"golang.org/x/crypto/blake2b"
)

// A memory lends the memory of argon2 to one hash after another.
//
// The functions of x/crypto allocate it anew for each hash. With two hashes at a time, a process with a heap of 33 MB then
// grew to 260 MB: the garbage collector does not keep up. With this memory it grew to 86 MB. So memory calls the steps of
// x/crypto's deriveKey itself. The linker fails if a later x/crypto lacks one of these functions. TestKeysAreThoseOfXCrypto
// fails if one of them changes its meaning.
type memory struct {
	spare sync.Pool // of []block: the collector takes it when nobody signs in
}

// A block is 1 KiB of the memory of argon2.
type block [128]uint64

//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out []byte, in []byte)

//go:linkname processBlocks golang.org/x/crypto/argon2.processBlocks
func processBlocks(blocks []block, time, memory, threads uint32, mode int)

//go:linkname extractKey golang.org/x/crypto/argon2.extractKey
func extractKey(blocks []block, memory, threads, keyLen uint32) []byte

// syncPoints is the number of slices of a lane.
const syncPoints = 4

// derive returns the key of a password, like argon2.IDKey and argon2.Key.
func (m *memory) derive(h argon2Hash, password []byte, size int) []byte {
	mode := 2
	if h.variant == variantI {
		mode = 1
	}
	lanes := uint32(h.lanes)
	seed := initHash(password, h.salt, nil, nil, h.passes, h.memory, lanes, uint32(size), mode)
	count := max(h.memory/(syncPoints*lanes), 2) * syncPoints * lanes
	blocks := m.take(int(count))
	defer m.spare.Put(&blocks)
	fillFirst(blocks, &seed, lanes)
	processBlocks(blocks, h.passes, count, lanes, mode)
	return extractKey(blocks, count, lanes, uint32(size))
}

// take returns blocks of zeros.
func (m *memory) take(count int) []block {
	if spare, ok := m.spare.Get().(*[]block); ok && cap(*spare) >= count {
		blocks := (*spare)[:count]
		clear(blocks)
		return blocks
	}
	return make([]block, count)
}

// fillFirst fills the first two blocks of each lane.
func fillFirst(blocks []block, seed *[blake2b.Size + 8]byte, lanes uint32) {
	var bytes [1024]byte
	for lane := range lanes {
		binary.LittleEndian.PutUint32(seed[blake2b.Size+4:], lane)
		for column := range uint32(2) {
			binary.LittleEndian.PutUint32(seed[blake2b.Size:], column)
			blake2bHash(bytes[:], seed[:])
			first := &blocks[lane*(uint32(len(blocks))/lanes)+column]
			for i := range first {
				first[i] = binary.LittleEndian.Uint64(bytes[i*8:])
			}
		}
	}
}
