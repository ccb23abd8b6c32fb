package record

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// An answer counts all faults of a body but tells only some, so it is not far larger than its request.
func TestFaultsAreBounded(t *testing.T) {
	db := withUsers(t)
	for _, tt := range []struct {
		members, told int
		message       string
	}{
		{1, 1, "the body has 1 fault"},
		{100, 100, "the body has 100 faults"},
		{5000, 100, "the body has 5000 faults, of which these are the first 100"},
	} {
		var text strings.Builder
		for i := range tt.members {
			fmt.Fprintf(&text, `"x%d":0,`, i)
		}
		_, err := create(t, db, ann, "notes", "{"+text.String()+`"title":"x"}`)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || len(e.Faults) != tt.told || e.Message != tt.message || e.Faults[0].Pointer != "/x0" {
			t.Errorf("%d unknown members: %d faults, %v", tt.members, len(e.Faults), err)
		}
	}
}
