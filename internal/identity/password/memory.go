package password

import (
	"encoding/binary"
	_ "unsafe" // for go:linkname

	_ "golang.org/x/crypto/argon2" // defines what go:linkname names
	"golang.org/x/crypto/blake2b"

	"github.com/ashlar-dev/ashlar/internal/rest"
)

// A memory lends the blocks that argon2 fills, outside of the heap of Go.
//
// The functions of x/crypto allocate them anew for each hash. A heap of 33 MB then grew to 260 MB, because the garbage
// collector lets the heap grow to a multiple of what is in use. So memory calls the steps of x/crypto's deriveKey itself.
// The linker fails if a later x/crypto lacks one of these functions. TestKeysAreThoseOfXCrypto fails if one of them changes
// its meaning.
type memory struct {
	lend func(count int) (blocks []block, giveBack func()) // blocks of zeros
}

// A block is 1 KiB of the memory of argon2.
type block [128]uint64

//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out []byte, in []byte)

//go:linkname processBlock golang.org/x/crypto/argon2.processBlock
func processBlock(out, in1, in2 *block)

//go:linkname processBlockXOR golang.org/x/crypto/argon2.processBlockXOR
func processBlockXOR(out, in1, in2 *block)

//go:linkname indexAlpha golang.org/x/crypto/argon2.indexAlpha
func indexAlpha(rand uint64, lanes, segments, threads, n, slice, lane, index uint32) uint32

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
	blocks, giveBack := m.lend(int(count))
	defer giveBack()
	fillFirst(blocks, &seed, lanes)
	pauses := rest.New()
	defer pauses.Close()
	filled := filling{
		blocks: blocks, lanes: lanes, passes: h.passes, mode: mode, lane: count / lanes, segment: count / lanes / syncPoints,
		rest: pauses,
	}
	filled.run()
	return extractKey(blocks, count, lanes, uint32(size))
}

// heapBlocks returns blocks of the heap of Go.
func heapBlocks(count int) ([]block, func()) { return make([]block, count), func() {} }

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
