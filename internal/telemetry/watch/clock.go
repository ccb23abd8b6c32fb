package watch

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// leastJump is the least step of the clock that is told. Programs that keep a clock slew it by less than 10 ms between two looks.
const leastJump = time.Second

// clock finds steps of the clock on the wall against the one that only goes forward.
type clock struct {
	seen   bool
	wall   time.Time
	steady time.Duration
}

func (c *clock) look(wall time.Time, steady time.Duration) (events []archive.Event) {
	wall = wall.Round(0)
	jump := wall.Sub(c.wall) - (steady - c.steady)
	if c.seen && jump.Abs() >= leastJump {
		direction := "forward"
		if jump < 0 {
			direction = "back"
		}
		events = append(events, event(archive.EventClock, "The clock jumped %s by %s.", direction, span(jump)))
	}
	*c = clock{seen: true, wall: wall, steady: steady}
	return events
}
