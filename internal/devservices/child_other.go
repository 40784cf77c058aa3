//go:build !linux

package devservices

import "syscall"

// dieWithParent does nothing where the kernel has no such thing. A server that
// outlives a killed run is stopped by the next start on its directory.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}
