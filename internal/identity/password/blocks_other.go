//go:build !linux

package password

// mapBlocks returns blocks of the heap, since the hints of blocks_linux.go are Linux's.
func mapBlocks(count int) ([]block, func()) { return heapBlocks(count) }
