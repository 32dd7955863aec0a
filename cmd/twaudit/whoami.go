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

// home is the user's, as the environment or else the user database has it; empty
// where both have none.
func (a *App) home() string {
	for _, dir := range []string{a.Env("HOME"), a.Home} {
		if filepath.IsAbs(dir) {
			return dir
		}
	}
	return ""
}

// ownDir is our directory below the one that variable names for the programs of a
// user, else below that part of the home; empty where both are missing. A relative
// directory counts as unset, as the XDG specification demands.
func (a *App) ownDir(variable, inHome string) string {
	base := a.Env(variable)
	if !filepath.IsAbs(base) {
		home := a.home()
		if home == "" {
			return ""
		}
		base = filepath.Join(home, inHome)
	}
	return filepath.Join(base, "twaudit")
}
