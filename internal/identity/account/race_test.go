package account_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A5: a sign-in that runs at the same time as an ending opens nothing that lives on after the answer to the ending.
func TestReplay_SignInsDuringAnEndingOpenNothing(t *testing.T) {
	const formerly, newPassword = "editor", "another long secret"
	endings := []struct {
		name string
		end  func(t *testing.T, n *node, who caller.Caller, id string) error
	}{
		{"suspension", func(t *testing.T, n *node, _ caller.Caller, id string) error {
			return n.Suspend(t.Context(), caller.System("test"), id, home)
		}},
		{"removal of a role", func(t *testing.T, n *node, _ caller.Caller, id string) error {
			return n.SetRoles(t.Context(), caller.System("test"), id, []string{"reader"}, home)
		}},
		{"a change of the password", func(t *testing.T, n *node, who caller.Caller, _ string) error {
			return n.ChangePassword(t.Context(), who, secret, newPassword, home)
		}},
		{"deletion", func(t *testing.T, n *node, _ caller.Caller, id string) error {
			return n.Delete(t.Context(), caller.System("test"), id, home)
		}},
	}
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			c := accounttest.NewCluster(t, e, source, accounttest.Config{Change: unchanged})
			nodes := []*node{{c.Node(t)}, {c.Node(t)}}
			n := nodes[0]
			for round := range effort.Cases(12, 2_000) {
				ending := endings[round%len(endings)]
				email := fmt.Sprintf("user%d@example.com", round)
				grant := n.NewUser(t, email)
				id, _ := n.Caller(t, grant.Access).ID()
				if err := n.SetRoles(t.Context(), caller.System("test"), id, []string{formerly}, home); err != nil {
					t.Fatal(err)
				}
				grant, err := n.Refresh(t.Context(), grant.Refresh, home)
				if err != nil {
					t.Fatal(err)
				}
				who := n.Caller(t, grant.Access)
				var mu sync.Mutex
				var opened []*account.Grant
				parallel(8, func(i int) error {
					if i == 4 {
						if err := ending.end(t, n, who, id); err != nil {
							t.Errorf("%s: %v", ending.name, err)
						}
						return nil
					}
					step, err := nodes[i%2].SignIn(t.Context(), email, secret, at(i))
					if err == nil && step.Grant != nil {
						mu.Lock()
						defer mu.Unlock()
						opened = append(opened, step.Grant)
					}
					return err
				})
				for _, grant := range opened {
					got := nodes[round%2].Caller(t, grant.Access)
					if nodes[0].admits(t, got) && (ending.name != "removal of a role" || slices.Contains(got.Roles(), formerly)) {
						t.Errorf("round %d: a session that was opened during %s lives on", round, ending.name)
					}
				}
				c.Clock.Pass(2 * time.Hour)
			}
		})
	}
}
