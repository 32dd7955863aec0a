// Command twaudit finds the hosts of a fleet whose TIME_WAIT bucket table
// overflows. This package is the command line: it reads flags, wires the rooms
// together, and is the only one that prints, handles signals and ends the
// process. It judges nothing itself. Start with App.
package main

import "os"

func main() {
	os.Exit(processApp().Main(os.Args[1:]))
}
