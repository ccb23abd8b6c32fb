package cli

import (
	"bytes"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSoftLimit(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		container int64
		embedded  bool
		want      int64
	}{
		{64 * mib, true, 41},
		{512 * mib, true, 404},
		{512 * mib, false, 460},
	} {
		if got := softLimit(tt.container, tt.embedded) / mib; got != tt.want {
			t.Errorf("softLimit(%d MiB, %t) = %d MiB, want %d", tt.container/mib, tt.embedded, got, tt.want)
		}
	}
}

func TestTheContainerLimitsTheHeap(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	root := fstest.MapFS{
		"proc/self/cgroup":         &fstest.MapFile{Data: []byte("0::/\n")},
		"sys/fs/cgroup/memory.max": &fstest.MapFile{Data: []byte("4294967296\n")},
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))

	t.Setenv("GOMEMLIMIT", "3GiB")
	limitMemory(root, false, log)
	if got := debug.SetMemoryLimit(-1); got != before || out.Len() > 0 {
		t.Errorf("with GOMEMLIMIT the limit is %d, and the log has %q", got, out.String())
	}
	t.Setenv("GOMEMLIMIT", "")
	limitMemory(fstest.MapFS{}, false, log)
	if got := debug.SetMemoryLimit(-1); got != before || out.Len() > 0 {
		t.Errorf("without a container the limit is %d, and the log has %q", got, out.String())
	}
	limitMemory(root, false, log)
	if got := debug.SetMemoryLimit(-1); got != softLimit(4<<30, false) || !strings.Contains(out.String(), "container=4294967296") {
		t.Errorf("the limit is %d, and the log has %q", got, out.String())
	}
}
