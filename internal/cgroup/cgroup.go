// Package cgroup reads how much memory the kernel gives to this process and the others of its container.
package cgroup

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// unlimited is where version 1 begins to mean no limit: it writes the largest multiple of a page.
const unlimited = 1 << 60

// A hierarchy is where one version of control groups has its limits.
type hierarchy struct{ folder, file string }

// MemoryLimit returns the smallest limit of the control groups of this process, in bytes. root is the file system of the
// machine, such as os.DirFS("/"). Without a limit, or outside of Linux, found is false.
func MemoryLimit(root fs.FS) (limit int64, found bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	lines := bufio.NewScanner(bytes.NewReader(own))
	for lines.Scan() {
		number, rest, _ := strings.Cut(lines.Text(), ":")
		controllers, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		h := hierarchy{"sys/fs/cgroup/memory", "memory.limit_in_bytes"}
		switch {
		case number == "0" && controllers == "":
			h = hierarchy{"sys/fs/cgroup", "memory.max"}
		case !slices.Contains(strings.Split(controllers, ","), "memory"):
			continue
		}
		if bytes, ok := h.smallest(root, group); ok && (!found || bytes < limit) {
			limit, found = bytes, true
		}
	}
	return limit, found
}

// smallest returns the smallest limit of a group and the groups around it. A container often sees its own group as the root
// while the path still is the one on the host, so a folder that is missing has no limit.
func (h hierarchy) smallest(root fs.FS, group string) (limit int64, found bool) {
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		if bytes, ok := readLimit(root, path.Join(h.folder, group, h.file)); ok && (!found || bytes < limit) {
			limit, found = bytes, true
		}
		if group == "/" {
			return limit, found
		}
	}
}

// readLimit reads a file that holds a number of bytes, or "max".
func readLimit(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return limit, err == nil && limit > 0 && limit < unlimited
}
