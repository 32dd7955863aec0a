package main

import (
	"cmp"
	"os/user"
	"path/filepath"
)

// noHome is the home directory of who has none. Nothing is found there, and in
// particular not in the working directory instead, which anybody may have filled.
const noHome = "/nonexistent"

// whoami is the home directory and the name of who runs this: those of the user
// database, as for ssh. That has no entry for the users of a container, and a
// static binary sees none of those in a directory service: they have what cron or
// a login put into the environment. Either may be empty.
func whoami(env func(string) string) (home, name string) {
	if me, err := user.Current(); err == nil {
		return me.HomeDir, me.Username
	}
	if home = env("HOME"); !filepath.IsAbs(home) {
		home = ""
	}
	return home, cmp.Or(env("LOGNAME"), env("USER"))
}

// sshHome is what ~ means in ssh_config, never relative to the working directory.
func (a *App) sshHome() string {
	if !filepath.IsAbs(a.Home) {
		return noHome
	}
	return a.Home
}
