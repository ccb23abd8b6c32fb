package disk

import "os"

// Steady is a writer into a file that stores its bytes while it writes, a few at a time. On file systems such as ext4 a sync of
// any file may wait until the new bytes of all files are stored. So a large file that is written beside a database would make
// its commits wait.
type Steady struct {
	File  *os.File
	fresh int // bytes since the last sync
}

// steadyBytes are as many as a slow disk, of 50 MB/s, stores in 20 ms.
const steadyBytes = 1 << 20

// Write implements io.Writer. After an error of the sync, all bytes count as not written.
func (s *Steady) Write(data []byte) (int, error) {
	n, err := s.File.Write(data)
	if s.fresh += n; err != nil || s.fresh < steadyBytes {
		return n, err
	}
	s.fresh = 0
	if err := s.File.Sync(); err != nil {
		return 0, err
	}
	return n, nil
}
