package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ashlar-dev/ashlar/internal/disk"
)

// clock looks whether the clock of this machine is set by others, and whether it steps. It waits for a moment, because a step
// shows against the clock that only goes forward.
func clock(_ context.Context, e *examination) {
	const most = 50 * time.Millisecond
	begin := time.Now()
	time.Sleep(e.Watch)
	end := time.Now()
	if step := end.Round(0).Sub(begin.Round(0)) - end.Sub(begin); step.Abs() > most {
		e.add(Warning, fmt.Sprintf("The clock of this machine moved by %v while this ran.", step), "Let one program set the clock, such as chrony, and let it slew instead of step.")
	}
	if year := e.Now().Year(); year < 2026 {
		e.add(Error, fmt.Sprintf("The clock of this machine says %d.", year), "Set it, and let NTP keep it. Tokens and certificates count as not valid yet.")
	}
	if !synchronized() {
		e.add(Note, "The kernel says that nothing keeps the clock of this machine.", "Run an NTP client, such as chrony or systemd-timesyncd, unless the host of this machine does.")
	}
}

// Bounds of the disk.
const (
	fullDisk   = 64 << 20
	lowDisk    = 1 << 30
	slowSync   = 20 * time.Millisecond
	hopeless   = 200 * time.Millisecond
	tooFast    = 20 * time.Microsecond
	syncWrites = 15
)

// diskOf looks at the free space of the data folder, and at how long a commit takes to reach the disk.
func diskOf(_ context.Context, e *examination) {
	folder, err := existing(e.Data)
	if err != nil {
		return // the check of files has told
	}
	space, err := disk.SpaceOf(folder)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		e.add(Warning, "The free space of the disk is not known: "+err.Error()+".", "Run this as the user who runs the server.")
	case space.Free < fullDisk:
		e.add(Error, fmt.Sprintf("The disk of %s has %s left.", e.Data, disk.SizeText(space.Free)), "Make room. Writes fail when the disk is full.")
	case space.Free < lowDisk || space.Free < space.Total/20:
		e.add(Warning, fmt.Sprintf("The disk of %s has %s left, of %s.", e.Data, disk.SizeText(space.Free), disk.SizeText(space.Total)), "Make room, or move the data folder with --data.")
	}
	if space.Memory {
		e.add(Warning, "The data folder is in memory (tmpfs): its rows are lost when the machine restarts.", "Name a folder on a disk with --data.")
	}
	if e.Database == "" {
		e.syncTime(folder)
	}
}

func (e *examination) syncTime(folder string) {
	took, err := disk.SyncTime(folder, syncWrites, time.Second)
	switch {
	case err != nil:
		e.add(Warning, "This user cannot write to "+folder+": "+err.Error()+".", "Run this as the user who runs the server.")
	case took > hopeless:
		e.add(Error, fmt.Sprintf("The disk takes %v to keep a write. Each group of writes waits for that.", took.Round(time.Millisecond)), "Use a local disk, such as an SSD or NVMe.")
	case took > slowSync:
		e.add(Warning, fmt.Sprintf("The disk takes %v to keep a write. Each group of writes waits for that.", took.Round(time.Millisecond)), "Use a faster disk, such as an SSD or NVMe.")
	case took < tooFast:
		e.add(Note, fmt.Sprintf("The disk says after %v that it keeps a write, which few disks can.", took), "Make sure that it does not only cache: a power cut would then lose acknowledged writes.")
	}
}

// existing returns the folder, or the nearest one above it that is there.
func existing(folder string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	for {
		info, err := os.Stat(folder)
		if err == nil && info.IsDir() {
			return folder, nil
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", err
		}
		folder = above
	}
}

// limits compares the requests that a server takes at once with the files that this user may open.
func limits(_ context.Context, e *examination) {
	open, ok := openFiles()
	if need := uint64(2*e.MaxConcurrent + 128); ok && open < need {
		e.add(Warning, fmt.Sprintf("A process of this user may have %d files and connections open, and --max-concurrent is %d.", open, e.MaxConcurrent),
			fmt.Sprintf("Raise the limit to %d or more (LimitNOFILE= of systemd, ulimit -n), or lower --max-concurrent.", need))
	}
}
