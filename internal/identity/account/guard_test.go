package account

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// An engine does not run a guard if one with the same Check has accepted. So each proof has a Check of its own.
func TestGuardsOfDifferentProofsHaveDifferentChecks(t *testing.T) {
	seen := map[store.GuardCheck]caller.Proof{{}: {}}
	for _, proof := range []caller.Proof{
		{Kind: caller.ProofSession, ID: "one", Stamp: 1},
		{Kind: caller.ProofSession, ID: "one", Stamp: 2},
		{Kind: caller.ProofSession, ID: "two", Stamp: 1},
		{Kind: caller.ProofKey, ID: "one", Stamp: 1},
		{Kind: caller.ProofKey, ID: "one", Stamp: 2},
		{Kind: caller.ProofKey, ID: "two", Stamp: 1},
		{Kind: caller.ProofIdentity, ID: "one", Stamp: 1},
		{Kind: caller.ProofIdentity, ID: "one", Stamp: 2},
		{Kind: caller.ProofIdentity, ID: "two", Stamp: 1},
	} {
		step, ok := new(Service).Guard(caller.User(caller.Identity{ID: "u", Proof: proof}))
		if !ok {
			t.Fatalf("no guard for %v", proof)
		}
		if other, known := seen[step.Check]; known {
			t.Errorf("%v and %v have the same check, %v", proof, other, step.Check)
		}
		seen[step.Check] = proof
	}
}
