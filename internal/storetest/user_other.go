//go:build !unix

package storetest

import "syscall"

// unprivileged is how to run PostgreSQL.
func unprivileged(string) (*syscall.SysProcAttr, error) { return nil, nil }
