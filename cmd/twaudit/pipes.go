package main

import (
	"io/fs"
	"os"
	"time"

	"twaudit/internal/text"
)

// pipeSilence is how long a pipe may keep us waiting without a word.
const pipeSilence = 2 * time.Second

// sayPipes says which of paths are pipes, when the reading of all takes long: one
// that nobody opens for writing would else look like a program that hangs. What it
// returns is to be called when they are read.
func (a *App) sayPipes(paths ...string) (read func()) {
	silence := a.silence
	if silence == 0 {
		silence = pipeSilence
	}
	timer := time.AfterFunc(silence, func() {
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && info.Mode()&fs.ModeNamedPipe != 0 {
				a.say("waiting for %s, a pipe: its writer has not come, or has not ended", text.CleanMax(path, 200))
			}
		}
	})
	return func() { timer.Stop() }
}
