package password

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapBlocks maps blocks from the system. Giving them back unmaps them, so the memory of a hash is gone when the hash is
// made.
//
// Two hints make this as fast as memory that is used again and cleared: 18 ms a hash on either way. Large pages cost few
// faults. Where there are none, one call for all small pages costs 21 ms, and a fault for each of them 31 ms. A system that
// does not know a hint still works.
func mapBlocks(count int) ([]block, func()) {
	size := count * int(unsafe.Sizeof(block{}))
	raw, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil { // a limit on mappings or address space
		return heapBlocks(count)
	}
	_ = unix.Madvise(raw, unix.MADV_HUGEPAGE)
	_ = unix.Madvise(raw, unix.MADV_POPULATE_WRITE)
	return unsafe.Slice((*block)(unsafe.Pointer(&raw[0])), count), func() { _ = unix.Munmap(raw) }
}
