package password

import (
	"bytes"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
	"pgregory.net/rapid"
)

// TestKeysAreThoseOfXCrypto lends one memory to hashes of many parameters.
func TestKeysAreThoseOfXCrypto(t *testing.T) {
	m := &memory{}
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

func TestMemoryIsUsedAgain(t *testing.T) {
	h := NewHasher(Config{Memory: 4 << 10, Passes: 1, Places: 1})
	hash := func() {
		if _, err := h.Hash(t.Context(), nobody, "correct horse"); err != nil {
			t.Fatal(err)
		}
	}
	hash()
	least := allocated(hash)
	for range 10 { // the collector may take the memory at any time
		least = min(least, allocated(hash))
	}
	if least > 1<<20 {
		t.Errorf("each hash allocates %d bytes", least)
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
