package plan_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
)

func TestInOrderFreesNamesFirst(t *testing.T) {
	for _, tt := range []struct {
		name      string
		all, want []plan.Rename
	}{
		{"nothing", nil, nil},
		{"no change", []plan.Rename{{From: "a", To: "a"}}, nil},
		{"a chain", []plan.Rename{{From: "a", To: "b"}, {From: "b", To: "c"}}, []plan.Rename{{From: "b", To: "c"}, {From: "a", To: "b"}}},
		{"a ring", []plan.Rename{{From: "a", To: "b"}, {From: "b", To: "a"}}, []plan.Rename{{From: "a", To: "_old_a"}, {From: "b", To: "a"}, {From: "_old_a", To: "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, plan.InOrder(tt.all)); diff != "" {
				t.Errorf("InOrder (-want +got):\n%s", diff)
			}
		})
	}
}

// Any permutation of names can be carried out: each new name is free, and everything ends under its own.
func TestInOrderOfPermutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var all []plan.Rename
		object := map[string]string{} // by present name, the name that it is to have
		for from, to := range r.Perm(1 + r.IntN(6)) {
			change := plan.Rename{From: fmt.Sprint("n", from), To: fmt.Sprint("n", to)}
			if r.IntN(4) == 0 {
				change.To = fmt.Sprint("m", to)
			}
			all, object[change.From] = append(all, change), change.To
		}
		for _, change := range plan.InOrder(all) {
			if object[change.To] != "" {
				t.Fatalf("InOrder(%v): %v is not free", all, change.To)
			}
			object[change.To] = object[change.From]
			delete(object, change.From)
		}
		for name, want := range object {
			if name != want {
				t.Fatalf("InOrder(%v): %v is left as %v", all, want, name)
			}
		}
	}
}
