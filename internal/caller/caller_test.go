package caller_test

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A session is no key. Its id would be a row of its own wherever work is shown by key.
func TestAProofIsASessionOrAKey(t *testing.T) {
	for _, tt := range []struct {
		kind         caller.ProofKind
		session, key string
	}{
		{caller.ProofNone, "", ""},
		{caller.ProofSession, "1", ""},
		{caller.ProofKey, "", "1"},
		{caller.ProofIdentity, "", ""},
	} {
		who := caller.User(caller.Identity{ID: "ada", Proof: caller.Proof{Kind: tt.kind, ID: "1"}})
		session, isSession := who.Session()
		key, isKey := who.APIKey()
		if session != tt.session || key != tt.key || isSession != (tt.session != "") || isKey != (tt.key != "") {
			t.Errorf("kind %d: Session() = %q, %v, APIKey() = %q, %v", tt.kind, session, isSession, key, isKey)
		}
	}
}
