package health

import (
	"context"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Bounds of the free space. The first is the room that a write may need; see the engine's own test of the disk.
const (
	diskFull = 1 << 20
	diskLow  = 256 << 20
)

// Disk returns the condition that the disk of a folder has room. needed says whether writes need it, because the database is
// there. Otherwise a full disk is only a warning.
func Disk(folder string, needed bool) Check {
	var free atomic.Uint64
	return Check{
		Name: "disk",
		Func: func(context.Context) error {
			space, err := disk.SpaceOf(folder)
			if err != nil {
				return Warning("The free space of the disk is not known.")
			}
			free.Store(space.Free)
			switch {
			case space.Free < diskFull && needed:
				return errs.New(errs.Unavailable, "The disk of the data folder is full.")
			case space.Free < min(diskLow, space.Total/20):
				return Warning("The disk of the data folder is nearly full.")
			}
			return nil
		},
		Figures: func() []Figure { return []Figure{{"free_bytes", float64(free.Load())}} },
	}
}
