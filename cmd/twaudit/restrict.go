package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/probe"
	"twaudit/internal/text"
)

// installedPath is where a host keeps its own copy of the script.
const installedPath = "/usr/local/lib/twaudit/probe"

// firstLine makes a program of the script: sshd leaves it to the login shell to
// start it, and not every shell starts a file without one.
const firstLine = "#!/bin/sh\n"

// installedProbe is the copy, byte for byte as installSteps make it.
func installedProbe() string { return firstLine + probe.Script() }

func installedSHA256() string {
	sum := sha256.Sum256([]byte(installedProbe()))
	return hex.EncodeToString(sum[:])
}

// installSteps begin with a number sign: they may stay in the file that they are
// about. Only root may change the copy, or who logs in could run anything by it.
func installSteps() string {
	return fmt.Sprintf(`#   here:      { echo '#!/bin/sh'; twaudit probe; } >probe
#              (sha256 %s)
#   as root:   install -d -o root -g root -m 0755 %s
#              install -o root -g root -m 0755 probe %s
`, installedSHA256(), strings.TrimSuffix(installedPath, "/probe"), installedPath)
}

// printForcedCommand prints lines for authorized_keys, one for each public key
// in the files.
func (a *App) printForcedCommand(files []string) error {
	keys := []string{"KEY"}
	if len(files) > 0 {
		keys = nil
	}
	for _, file := range files {
		found, err := publicKeys(file)
		if err != nil {
			return &usageError{err, "name files that hold public keys, such as ~/.ssh/id_ed25519.pub"}
		}
		keys = append(keys, found...)
	}
	var out strings.Builder
	out.WriteString("# A key that may run the twaudit probe and nothing else. On each host:\n#\n# 1. Install a copy of the script that only root can change:\n" + installSteps() +
		"#\n# 2. Add what follows to ~/.ssh/authorized_keys of the user that twaudit logs in\n#    as, in place of any other line with that key")
	if len(files) == 0 {
		out.WriteString(" (KEY is the public key; name its\n#    file after --authorized-keys to have it filled in)")
	}
	out.WriteString(".\n#\n# 3. Repeat step 1 when twaudit was updated; `twaudit scan` needs no other flags.\n#\n")
	for _, key := range keys {
		fmt.Fprintf(&out, "restrict,command=\"%s\" %s\n", installedPath, key)
	}
	_, err := fmt.Fprint(a.Stdout, out.String())
	return err
}

// publicKeys reads a file such as id_ed25519.pub or an authorized_keys, whose
// options are left out: ours take their place.
func publicKeys(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var keys []string
	for n, line := range bytes.Split(data, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		key, comment, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: no public key", path, n+1)
		}
		marshalled := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
		keys = append(keys, strings.TrimSpace(marshalled+" "+text.CleanMax(comment, 100)))
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no public key", path)
	}
	return keys, nil
}

// userName is what useradd allows, and nothing that sudoers(5) could read as
// something else.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)

// printSudoers prints what gives a user more to read, the least first.
func (a *App) printSudoers(args []string) error {
	user := "USER"
	if len(args) > 0 {
		user = args[0]
	}
	if !userName.MatchString(user) {
		return &usageError{fmt.Errorf("%q is no name of a user for sudoers", text.CleanMax(user, 40)), ""}
	}
	_, err := fmt.Fprintf(a.Stdout, `# Most hosts need no sudo: the kernel log is open to two groups, and all else that
# matters to everybody. First try
#
#   usermod -a -G adm,systemd-journal %[1]s
#
# adm reads the files below /var/log (Debian, Ubuntu), systemd-journal the journal.
# Root alone reads the limits of other network namespaces, and on some systems
# /var/log/messages. Where that is wanted, on each host:
#
# 1. Install a copy of the script that only root can change:
%[2]s#
# 2. Put what follows into a file of its own, checked by visudo -c -f FILE, below
#    /etc/sudoers.d (mode 0440). The rule holds for these bytes of the script and
#    no others (sudo 1.8.7 or later), and for no shell.
#
# 3. In ~/.ssh/authorized_keys of %[1]s begin the line of the key with
#      restrict,command="sudo -n %[3]s"
#    (twaudit probe --authorized-keys). The request comes in a variable, of which
#    the script takes numbers and words from its own list only; scan needs no --sudo.
#
# 4. Repeat step 1 and replace the rule when twaudit was updated.
#
Defaults!%[3]s env_reset, secure_path="/usr/sbin:/usr/bin:/sbin:/bin"
Defaults!%[3]s env_keep += "SSH_ORIGINAL_COMMAND"
%[1]s ALL=(root) NOPASSWD: sha256:%[4]s %[3]s ""
`, user, installSteps(), installedPath, installedSHA256())
	return err
}
