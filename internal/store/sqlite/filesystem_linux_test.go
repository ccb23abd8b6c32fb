package sqlite

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNetworkFileSystem(t *testing.T) {
	for _, tt := range []struct {
		name       string
		magic      uint32
		want, warn string
	}{
		{"ext4", unix.EXT4_SUPER_MAGIC, "", ""},
		{"nfs", unix.NFS_SUPER_MAGIC, "network file system (NFS)", ""},
		{"cifs", unix.CIFS_SUPER_MAGIC, "network file system (CIFS)", ""},
		{"fuse", unix.FUSE_SUPER_MAGIC, "", "FUSE"},
	} {
		var logged bytes.Buffer
		err := judgeFileSystem("/data", tt.magic, slog.New(slog.NewTextHandler(&logged, nil)))
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if (logged.Len() == 0) != (tt.warn == "") || !strings.Contains(logged.String(), tt.warn) {
			t.Errorf("%s: logged %q, want %q", tt.name, logged.String(), tt.warn)
		}
	}
}
