package doctor

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/limit/redisledger"
)

// sharedLimits finds out whether Redis could keep the limits that servers share.
func sharedLimits(ctx context.Context, e *examination) {
	bounded, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	if err := redisledger.Check(bounded, e.Limits); err != nil {
		e.add(Warning, "Servers do not share their limits: "+err.Error()+".", "Compare the address and the password of --limits (ASHLAR_LIMITS), and the firewall. Until then each server counts by itself.")
	}
}
