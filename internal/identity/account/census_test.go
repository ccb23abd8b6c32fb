package account_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// counts counts what a hasher verifies, by the beginning of the hash.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(phc string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[strings.Join(append(strings.Split(phc, "$"), "", "")[:3], "$")]++
}

func (c *counts) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.of
	c.of = map[string]int{}
	return taken
}

// Imported hashes cost another time than our own. Sign-ins to addresses without an account cost the hashes of users, as often
// as users have them. So nobody learns by the time of a sign-in which addresses have an account.
func TestOracle_UnknownAddressesCostWhatUsersCost(t *testing.T) {
	effort.SkipRaced(t)
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			seen := &counts{of: map[string]int{}}
			hasher := password.NewHasher(password.Config{Memory: 64, Passes: 1, Verified: seen.add})
			n := &node{accounttest.New(t, e, source, accounttest.Config{Hasher: hasher})}
			own, err := hasher.Hash(t.Context(), home.Who.Client(), secret)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for i := range 1004 { // more than a page of the census: half bcrypt, a quarter PBKDF2, a quarter our own
				hash := []string{bcryptOfSecret, bcryptOfSecret, "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso=", own}[i%4]
				lines = append(lines, fmt.Sprintf(`{"email": "user%d@example.com", "password_hash": %q}`, i, hash))
			}
			if _, err := n.Import(t.Context(), strings.NewReader(strings.Join(lines, "\n")), account.Import{}); err != nil {
				t.Fatal(err)
			}
			guess := func(name string, from int) {
				address := fmt.Sprintf("203.%d.%d.1", from/200, from%200)
				if _, err := n.SignIn(t.Context(), name+"@example.com", "a wild guess", client(address)); errs.KindOf(err) != errs.Unauthenticated {
					t.Fatalf("SignIn = %v", err)
				}
			}
			if guess("nobody", 0); seen.take()["$$"] != 1 {
				t.Error("before the census an unknown address cost something else")
			}
			if err := n.CountHashes(t.Context()); err != nil {
				t.Fatal(err)
			}
			const guesses = 240
			for i := range guesses {
				guess(fmt.Sprintf("nobody%d", i), i+1)
			}
			got := seen.take()
			for kind, want := range map[string]int{"$2b$04": guesses / 2, "$pbkdf2-sha256$1000": guesses / 4, "$$": guesses / 4} {
				if got[kind] < want-50 || got[kind] > want+50 { // six times the deviation
					t.Errorf("%s: %d of %d, want about %d: %v", kind, got[kind], guesses, want, got)
				}
			}
			for i := range 4 { // an address costs the same each time
				for range 2 {
					guess(fmt.Sprintf("nobody%d", i), 2000+i)
				}
			}
			for kind, count := range seen.take() {
				if count%2 != 0 {
					t.Errorf("%s: %d", kind, count)
				}
			}
			if _, err := n.SignIn(t.Context(), "nobody@example.com", secret, home); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("a decoy signs in: %v", err)
			}
			seen.take()
			if _, err := n.OperatorSignIn(t.Context(), "nobody@example.com", secret, home); errs.KindOf(err) != errs.Unauthenticated || seen.take()["$$"] != 1 {
				t.Errorf("an unknown operator costs what users cost: %v", err)
			}
		})
	}
}
