package cgroup

import (
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const v2, v1 = "0::/\n", "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/docker/ab\n"
	for _, tt := range []struct {
		name, own string
		files     map[string]string
		want      int64 // 0: no limit
	}{
		{"another system", "", nil, 0},
		{"version 2 in a container", v2, map[string]string{"sys/fs/cgroup/memory.max": "67108864\n"}, 64 << 20},
		{"no limit", v2, map[string]string{"sys/fs/cgroup/memory.max": "max\n"}, 0},
		{"the root group has no such file", v2, nil, 0},
		{
			"the smallest of the groups around it", "0::/system.slice/ashlar.service\n",
			map[string]string{"sys/fs/cgroup/system.slice/ashlar.service/memory.max": "max\n", "sys/fs/cgroup/system.slice/memory.max": "536870912\n"}, 512 << 20,
		},
		{
			"its own is smaller", "0::/a/b\n",
			map[string]string{"sys/fs/cgroup/a/b/memory.max": "1048576\n", "sys/fs/cgroup/a/memory.max": "2097152\n"}, 1 << 20,
		},
		{"the path of the host", "0::/docker/ab\n", map[string]string{"sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20},
		{"a path above the root", "0::/../../x\n", map[string]string{"sys/fs/cgroup/memory.max": "1048576\n"}, 1 << 20},
		{"version 1", v1, map[string]string{"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		{"version 1 in a container", v1, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n"}, 256 << 20},
		{"version 1 without a limit", v1, map[string]string{"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		{"nonsense", "x\n0::/\n", map[string]string{"sys/fs/cgroup/memory.max": "-5\n"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fstest.MapFS{}
			if tt.own != "" {
				root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(tt.own)}
			}
			for name, text := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, found := MemoryLimit(root)
			if !found {
				got = 0
			}
			if got != tt.want || found != (tt.want > 0) {
				t.Errorf("MemoryLimit = %d, %t, want %d", got, found, tt.want)
			}
		})
	}
}
