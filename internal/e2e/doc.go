// Package e2e is the test lab: the built program against real SSH servers. Hosts
// are network, mount, pid and uts namespaces with their own sshd and their own
// TIME_WAIT table, in which real short connections make real overflows; or
// chroots with another kernel's /proc, for what this machine's kernel cannot
// show. It has tests only, needs root on Linux, and everything it makes lives in
// namespaces of its own that end with it.
//
// A chroot host is one file in testdata/hosts: its root as a txtar archive, and
// above it what is expected of it. Adding one needs no Go.
package e2e
