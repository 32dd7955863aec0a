// Package packaging holds what turns the program into packages, and the tests of
// what contrib offers to run it unattended: `make dist` builds the binaries and,
// by nfpm.yaml, a deb and an rpm; the tests build those of this machine, install
// the deb in a fresh Debian and run there what its timer would. nfpm has a
// go.mod of its own, nfpm.mod, so that none of its modules is one of the program.
//
// There is nothing here to import. Start with nfpm.yaml.
package packaging
