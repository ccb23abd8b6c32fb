package watch

import (
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// The states of a disk. The check of /readyz has the same bounds.
const (
	diskFine = iota
	diskLow
	diskFull
)

const (
	fullBytes = 1 << 20
	lowBytes  = 256 << 20
)

// space finds out when the disk of a folder is nearly full, full, and has room again.
type space struct {
	name  string // of the folder, for people
	state int
}

func (s *space) look(found disk.Space) (events []archive.Event) {
	before := s.state
	s.state = stateOf(found, before)
	switch {
	case s.state == before:
	case s.state == diskFull:
		events = append(events, event(archive.EventDisk, "The disk of %s is full: %s of %s are left.", s.name, disk.SizeText(found.Free), disk.SizeText(found.Total)))
	case s.state == diskLow && before == diskFine:
		events = append(events, event(archive.EventDisk, "The disk of %s is nearly full: %s of %s are left.", s.name, disk.SizeText(found.Free), disk.SizeText(found.Total)))
	default:
		events = append(events, over(archive.EventDisk, "The disk of %s has room again: %s of %s are free.", s.name, disk.SizeText(found.Free), disk.SizeText(found.Total)))
	}
	return events
}

// stateOf judges the free space. A disk at a bound does not flutter: it must have an eighth more to be better.
func stateOf(found disk.Space, before int) int {
	low := min(lowBytes, found.Total/20)
	better := func(bound uint64) uint64 { return bound + bound/8 }
	switch {
	case found.Free < fullBytes, before == diskFull && found.Free < better(fullBytes):
		return diskFull
	case found.Free < low, before != diskFine && found.Free < better(low):
		return diskLow
	}
	return diskFine
}
