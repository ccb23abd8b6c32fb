package takeover

import (
	"strings"
	"testing"
)

func TestOnlyTheSameUserAndRootMayAsk(t *testing.T) {
	for _, tt := range []struct {
		user uint32
		own  int
		ok   bool
	}{{1000, 1000, true}, {0, 1000, true}, {0, 0, true}, {1001, 1000, false}, {1000, 0, false}} {
		err := allow(tt.user, 7, tt.own)
		if (err == nil) != tt.ok || (err != nil && !strings.Contains(err.Error(), "process 7 of user")) {
			t.Errorf("allow(%d, server of %d) = %v", tt.user, tt.own, err)
		}
	}
}
