package sqlite

import (
	"fmt"
	"log/slog"

	"golang.org/x/sys/unix"
)

// networkFileSystems cannot hold a database: their locks and their shared memory do not hold between machines, and
// often not between processes. https://www.sqlite.org/wal.html, "Disadvantages".
var networkFileSystems = map[uint32]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.NCP_SUPER_MAGIC:  "NCP",
	0x0BD00BD3:            "Lustre",
	0x47504653:            "GPFS",
}

// doubtfulFileSystems may be a remote disk (sshfs, a shared folder of a virtual machine) or a sound local one (rootless
// containers). The kernel does not tell which, so they are a warning and not refused.
var doubtfulFileSystems = map[uint32]string{
	unix.FUSE_SUPER_MAGIC: "FUSE",
	unix.V9FS_MAGIC:       "9P",
}

func checkFileSystem(dir string, log *slog.Logger) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("the data folder %s: %w", dir, err)
	}
	return judgeFileSystem(dir, uint32(st.Type), log)
}

func judgeFileSystem(dir string, magic uint32, log *slog.Logger) error {
	if name, bad := networkFileSystems[magic]; bad {
		return fmt.Errorf("%s is on a network file system (%s), where a database can be damaged: use a local disk", dir, name)
	}
	if name, doubtful := doubtfulFileSystems[magic]; doubtful {
		log.Warn("the data folder may be on a remote disk, where a database can be damaged", "folder", dir, "file_system", name)
	}
	return nil
}
