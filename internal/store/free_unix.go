//go:build linux || darwin

package store

import "syscall"

// free is how many bytes a process that is not root can still write on a folder's
// disk, or -1.
func free(folder string) int64 {
	var s syscall.Statfs_t
	if syscall.Statfs(folder, &s) != nil {
		return -1
	}
	return int64(s.Bavail) * int64(s.Bsize)
}
