package trace

import (
	"encoding/binary"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// inRatio reports whether a trace belongs to a share of all traces. It is TraceIDRatioBased of OpenTelemetry: it looks at the
// last 63 bits of the id, so all services decide alike.
func inRatio(id telemetry.TraceID, share float64) bool {
	if share >= 1 {
		return true
	}
	return share > 0 && binary.BigEndian.Uint64(id[8:])>>1 < uint64(share*(1<<63))
}
