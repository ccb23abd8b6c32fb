package account_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A4: parallel refreshes with one token give one session and one next counter.
func TestReplay_ParallelRefreshesGiveOneNextToken(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		grant := n.NewUser(t, "ada@example.com")
		for round := range effort.Cases(50, 1_000) {
			size := redeemers
			if round%10 != 0 && !effort.Nightly() {
				size = 4
			}
			var mu sync.Mutex
			next := map[string]*account.Grant{}
			got := parallel(size, func(i int) error {
				again, err := n.Refresh(t.Context(), grant.Refresh, at(i))
				if err != nil {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				next[again.Refresh] = again
				return nil
			})
			if got != size || len(next) != 1 {
				t.Fatalf("round %d: %d of %d refreshes succeeded, with %d different tokens; want one token", round, got, size, len(next))
			}
			for _, grant = range next {
			}
		}
		all, err := n.Sessions(t.Context(), n.Caller(t, grant.Access))
		if err != nil || len(all) != 1 {
			t.Errorf("Sessions = %+v, %v, want one", all, err)
		}
	})
}

// Ten tabs of one browser share a store of tokens. When the access token has expired, all of them refresh at once, and each reads
// the store before. A fifth of the answers is lost, and the tab asks again unless another one has stored new tokens by then.
// Nobody is signed out.
func TestTabsAreNeverSignedOut(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		const tabs = 10
		var mu sync.Mutex // guards stored and random
		stored, random := n.NewUser(t, "ada@example.com").Refresh, effort.Seeds(t)(0)
		for round := range effort.Cases(20, 1_000) {
			sent := stored
			for range 2 {
				signedOut := tabs - parallel(tabs, func(int) error {
					grant, err := n.Refresh(t.Context(), sent, home)
					mu.Lock()
					defer mu.Unlock()
					if err == nil && random.IntN(5) > 0 {
						stored = grant.Refresh
					}
					return err
				})
				if signedOut > 0 {
					t.Fatalf("round %d: %d tabs were signed out", round, signedOut)
				}
				if stored != sent {
					break
				}
			}
			n.Clock.Pass(11 * time.Minute)
		}
		if _, err := n.Refresh(t.Context(), stored+"A", home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("an altered token: %v", err)
		}
	})
}

// A token that was stolen at any time, and is used after the owner has used a newer one, ends the session. The audit log says so
// each time.
func TestReplay_ReusedRefreshTokenEndsTheSession(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.NewUser(t, "ada@example.com")
		random := effort.Seeds(t)(0)
		thefts := effort.Cases(10, 1_000)
		for theft := range thefts {
			n.Clock.Pass(time.Hour)
			own := n.signIn(t, "ada@example.com", home).Refresh
			stolen, at, last := "", random.IntN(8), 8
			for i := range last + 2 {
				if i == at {
					stolen = own
				}
				next, err := n.Refresh(t.Context(), own, home)
				if err != nil {
					t.Fatal(err)
				}
				own = next.Refresh
			}
			if _, err := n.Refresh(t.Context(), stolen, client("198.51.100.7")); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("theft %d: the stolen token: %v", theft, err)
			}
			if _, err := n.Refresh(t.Context(), own, home); errs.KindOf(err) != errs.Unauthenticated {
				t.Errorf("theft %d: the session goes on: %v", theft, err)
			}
		}
		page, err := n.Rows.List(t.Context(), caller.System("test"), n.Rows.Table("ashlar_audit"), record.Query{Filter: "action == 'session.reused'", Limit: 500, Total: true}, nil)
		if err != nil || strings.Count(string(page), "198.51.100.7") != min(thefts, 500) {
			t.Errorf("audit = %s, %v, want %d rows", page, err, thefts)
		}
	})
}
