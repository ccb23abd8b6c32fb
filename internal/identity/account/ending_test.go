package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A5: after the answer to an ending, no node admits the session, whichever node and whichever way ended it. A third node,
// started afterwards, does not either.
func TestReplay_NoNodeAdmitsAnEndedSession(t *testing.T) {
	rounds := effort.Cases(60, 10_000)
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			c := accounttest.NewCluster(t, e, source, accounttest.Config{})
			nodes := []*node{{c.Node(t)}, {c.Node(t)}}
			var ended []caller.Caller
			random := effort.Seeds(t)(0)
			for round := range rounds {
				n, other := nodes[round%2], nodes[random.IntN(2)]
				who := n.Caller(t, n.NewUser(t, fmt.Sprintf("user%d@example.com", round)).Access)
				if !n.admits(t, who) || !other.admits(t, who) {
					t.Fatal("a living session is refused")
				}
				name := endSomehow(t, nodes[random.IntN(2)], who, random.IntN(6))
				for i, node := range nodes {
					if node.admits(t, who) {
						t.Fatalf("node %d admits a session after %s", i, name)
					}
				}
				ended = append(ended, who)
				if round%10 == 9 {
					c.Clock.Pass(3 * time.Hour) // the bounds on mails are not the subject here
				}
			}
			later := &node{c.Node(t)}
			for _, who := range ended {
				if later.admits(t, who) {
					t.Fatal("a node that started later admits an ended session")
				}
			}
		})
	}
}

// endSomehow ends the session of a user in one of six ways and names it.
func endSomehow(t *testing.T, n *node, who caller.Caller, way int) (name string) {
	t.Helper()
	id, _ := who.ID()
	operator := caller.System("test")
	var err error
	switch way {
	case 0:
		name, err = "sign-out", n.SignOut(t.Context(), who, false, home)
	case 1:
		name, err = "sign-out of all", n.SignOut(t.Context(), who, true, home)
	case 2:
		name, err = "suspension", n.Suspend(t.Context(), operator, id, home)
	case 3:
		name, err = "a change of roles", n.SetRoles(t.Context(), operator, id, []string{"editor"}, home)
	case 4:
		name, err = "deletion of the account", n.Delete(t.Context(), operator, id, home)
	default:
		key, _ := value.ParseID(n.users(), id)
		name, err = "deletion of the row in users", n.Rows.Delete(t.Context(), operator, n.users(), key, nil)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return name
}

// Tabs of one browser share a store of tokens. A fifth of all answers is lost. Nobody is signed out.
func TestTabsAreNeverSignedOut(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		random := effort.Seeds(t)(0)
		stored := n.NewUser(t, "ada@example.com").Refresh
		for range effort.Cases(20, 1_000) {
			sent := stored // all tabs read the store before any answer arrives
			for range 10 {
				grant, err := n.Refresh(t.Context(), sent, home)
				if err != nil {
					t.Fatalf("a tab was signed out: %v", err)
				}
				if random.IntN(5) > 0 {
					stored = grant.Refresh
				}
			}
		}
		if _, err := n.Refresh(t.Context(), stored+"A", home); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("an altered token: %v", err)
		}
	})
}
