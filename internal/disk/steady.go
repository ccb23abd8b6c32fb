package disk

import (
	"os"
	"time"
)

// Steady is a writer into a file that stores its bytes while it writes, a few at a time. On file systems such as ext4 a sync of
// any file may wait until the new bytes of all files are stored. So a large file that is written beside a database would make
// its commits wait.
type Steady struct {
	File  *os.File
	fresh int // bytes since the last sync
	step  int // bytes between two syncs; 0: leastStep
}

// The bytes between two syncs grow while the disk stores them within half of stepTime, and shrink when it takes longer than that
// time. Each sync costs the commits beside it something, and a long one makes them wait. leastStep is as many as a disk of 50 MB/s
// stores in 20 ms.
const (
	leastStep = 1 << 20
	mostStep  = 8 << 20
	stepTime  = 10 * time.Millisecond
)

// Write implements io.Writer. After an error of the sync, all bytes count as not written.
func (s *Steady) Write(data []byte) (int, error) {
	n, err := s.File.Write(data)
	s.step = max(s.step, leastStep)
	if s.fresh += n; err != nil || s.fresh < s.step {
		return n, err
	}
	s.fresh = 0
	begun := time.Now()
	if err := s.File.Sync(); err != nil {
		return 0, err
	}
	switch took := time.Since(begun); {
	case took < stepTime/2:
		s.step = min(2*s.step, mostStep)
	case took > stepTime:
		s.step = max(s.step/2, leastStep)
	}
	return n, nil
}
