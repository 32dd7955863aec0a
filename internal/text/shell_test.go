package text

import (
	"os/exec"
	"testing"
)

func TestShellWord_isOneWordOfTheShell(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"web1", "admin@web1:2222", "~/run.json", "a b", "it's", "$(id)`id`;|&<>*?[a]{b}!#\"\\", "=x", "漢字", "-x"} {
		out, err := exec.Command("sh", "-c", "printf %s "+ShellWord(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%s: the shell reads %q (%v)", s, out, err)
		}
	}
	for _, s := range []string{"", "a\nb", "a\x1b[m", "\xff", "a\uFFFD", "a\u202eb"} {
		if got := ShellWord(s); got != "" {
			t.Errorf("%q: offered as %s", s, got)
		}
	}
}
