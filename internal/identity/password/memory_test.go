package password

import (
	"bytes"
	"math"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// TestKeysAreThoseOfXCrypto makes hashes of many parameters.
func TestKeysAreThoseOfXCrypto(t *testing.T) {
	m := &memory{lend: mapBlocks}
	rapid.Check(t, func(t *rapid.T) {
		h := argon2Hash{salt: rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "salt")}
		h.variant = rapid.SampledFrom([]variant{variantI, variantID}).Draw(t, "variant")
		h.lanes = rapid.Uint8Range(1, maxLanes).Draw(t, "lanes")
		h.passes = rapid.Uint32Range(1, 4).Draw(t, "passes")
		h.memory = rapid.Uint32Range(8*uint32(h.lanes), 600).Draw(t, "memory")
		password := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "password")
		size := rapid.IntRange(minKey, maxKey).Draw(t, "size")
		want := argon2.IDKey(password, h.salt, h.passes, h.memory, h.lanes, uint32(size))
		if h.variant == variantI {
			want = argon2.Key(password, h.salt, h.passes, h.memory, h.lanes, uint32(size))
		}
		if got := m.derive(h, password, size); !bytes.Equal(got, want) {
			t.Fatalf("derive = %x, want %x", got, want)
		}
	})
}

// The heap of Go would grow to a multiple of the memory of the hashes.
func TestHashesStayOutOfTheHeap(t *testing.T) {
	if runtime.GOOS != "linux" || effort.Raced {
		t.Skip("memory is mapped on Linux, and the race detector allocates too")
	}
	h := NewHasher(Config{Memory: 4 << 10, Passes: 1, Places: 1})
	least := uint64(math.MaxUint64)
	for range 5 { // other tests may allocate at the same time
		least = min(least, allocated(func() {
			if _, err := h.Hash(t.Context(), nobody, "correct horse"); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if least > 1<<20 {
		t.Errorf("each hash allocates %d bytes", least)
	}
}

func TestLentBlocksAreZero(t *testing.T) {
	for range 3 {
		blocks, giveBack := mapBlocks(100)
		for i := range blocks {
			if blocks[i] != (block{}) {
				t.Fatalf("block %d is not zero", i)
			}
			blocks[i][i] = 1
		}
		giveBack()
	}
}

func TestHashesDoNotShareMemory(t *testing.T) {
	h := NewHasher(Config{Memory: 1 << 10, Passes: 1, Places: 8})
	phc, err := h.Hash(t.Context(), nobody, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			password, want := "correct horse", true
			if i%2 == 0 {
				password, want = "wrong horse", false
			}
			if ok, _, err := h.Verify(t.Context(), nobody, phc, password); ok != want || err != nil {
				t.Errorf("Verify(%q) = %v, %v", password, ok, err)
			}
		})
	}
	wg.Wait()
}
