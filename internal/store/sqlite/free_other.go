//go:build !unix

package sqlite

func freeSpace(string) int64 { return -1 }
