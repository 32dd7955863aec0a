package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"twaudit/internal/probe"
)

// version is set by the linker (-X main.version=v1.2.3) and by nothing else; it
// is a variable because the linker can set no constant.
var version string

// toolVersion is the link-time version, else the module's, else devel with the
// revision that Go recorded.
func toolVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" {
		return "devel"
	}
	if settings["vcs.modified"] == "true" {
		revision += "+dirty"
	}
	return "devel-" + revision
}

// versionCommand prints what a bug report needs: the program, the script that it
// sends, and what built it.
func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:         "version",
		Annotations: map[string]string{withoutSettings: "yes"},
		Short:       "Print the versions of twaudit, of its probe and of Go",
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(a.Stdout, "twaudit %s\nprobe sha256 %s\n%s %s/%s\n",
				toolVersion(), probe.SHA256(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
