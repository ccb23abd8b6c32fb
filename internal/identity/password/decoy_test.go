package password

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// cost is what a hash costs: its algorithm with the parameters, and the size of the key.
func cost(t *testing.T, phc string) any {
	t.Helper()
	stored, err := parse(phc)
	if err != nil {
		t.Fatalf("%s: %v", phc, err)
	}
	switch h := stored.(type) {
	case argon2Hash:
		return []any{h.variant, h.memory, h.passes, h.lanes, len(h.key)}
	case bcryptHash:
		return string(h.text[4:7])
	case scryptHash:
		return []int{h.cost, h.block, h.lanes, len(h.key)}
	case pbkdf2Hash:
		return []int{h.digest().Size(), h.iterations, len(h.key)}
	}
	return nil
}

func TestOracle_DecoysCostAsMuch(t *testing.T) {
	h := small()
	for _, tt := range vectors() {
		t.Run(tt.name, func(t *testing.T) {
			decoy := h.Decoy(tt.phc)
			if decoy == "" || decoy == tt.phc || h.Decoy(decoy) != decoy {
				t.Fatalf("Decoy = %q", decoy)
			}
			if diff := cmp.Diff(cost(t, tt.phc), cost(t, decoy)); diff != "" {
				t.Errorf("the cost (-hash +decoy):\n%s", diff)
			}
			if strings.Contains(decoy, "m=65536") || strings.Contains(decoy, "ln=16") {
				return // slow
			}
			if ok, _, err := h.Verify(t.Context(), nobody, decoy, tt.password); ok || err != nil {
				t.Errorf("Verify of the decoy = %v, %v", ok, err)
			}
		})
	}
}

// Two hashes of one system have one decoy, which holds nothing of them. Our own hashes need none.
func TestDecoysTellKindsAlone(t *testing.T) {
	h := small()
	for want, phc := range map[string]string{
		"$2b$10$.....................................................": "$2b$10$abcdefghijklmnopqrstuu5LlcNX5Yl6uDhwwVd.AvAKYrlzQvQhO",
		"": "no hash",
	} {
		if got := h.Decoy(phc); got != want {
			t.Errorf("Decoy(%s) = %s, want %s", phc, got, want)
		}
	}
	own, err := h.Hash(t.Context(), nobody, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Decoy(own); got != "" {
		t.Errorf("Decoy of our own = %s", got)
	}
	if got := NewHasher(Config{}).Decoy(own); got != "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" {
		t.Errorf("Decoy of former parameters = %s", got)
	}
}
