package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"twaudit/internal/audit"
	"twaudit/internal/sshtest"
	"twaudit/report"
)

// demoFlags are the flags of demo.
type demoFlags struct {
	hosts   countFlag
	save    string
	formats []string       // as those of scan
	look    report.Options // of the table
}

// defaultDemoHosts has each pattern of the fleet once.
const defaultDemoHosts = 12

func (a *App) demoCommand() *cobra.Command {
	flags := &demoFlags{hosts: countFlag{defaultDemoHosts, maxDemoHosts}}
	cmd := &cobra.Command{
		Use:         "demo",
		Annotations: map[string]string{withoutSettings: "yes"},
		Short:       "Audit an embedded fleet over real SSH on loopback",
		Long: `Starts SSH servers on 127.0.0.1 that answer like believable hosts, audits them
as scan would, and prints the table. It reads no file of yours, reaches no other
machine, and leaves nothing behind but what --save and --format name.

The exit status is 0 when every host was judged as it had to be (with scan, such
a fleet would end with 1), and 4 otherwise.`,
		Example: "  twaudit demo\n  twaudit demo -n 100 --save demo-run\n  twaudit demo -f table -f html=demo.html",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), flags) },
	}
	cmd.Flags().VarP(&flags.hosts, "hosts", "n", "number of hosts")
	cmd.Flags().StringVar(&flags.save, "save", "", "write run.json and hosts.csv to `DIR`")
	cmd.Flags().StringArrayVarP(&flags.formats, "format", "f", nil, "write `FORMAT[=FILE]`, as scan does (repeatable)")
	declareLook(cmd.Flags(), &flags.look)
	return cmd
}

// demo runs the command. The scan under it is the ordinary one, with flags that
// keep it away from the operator's own ssh files.
func (a *App) demo(ctx context.Context, flags *demoFlags) error {
	if flags.save != "" {
		if err := os.MkdirAll(flags.save, 0o755); err != nil {
			return &usageError{err, "give --save a directory that you may write to"}
		}
	}
	dir, err := os.MkdirTemp("", "twaudit-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a.mu.Lock()
	a.scratch = dir
	a.mu.Unlock()
	hosts := demoFleet(flags.hosts.value)
	lab, err := a.startDemoLab(dir, hosts)
	if err != nil {
		return err
	}
	defer lab.close()
	a.say("demo: %d hosts behind real SSH servers on 127.0.0.1; nothing leaves this machine", len(hosts))
	if err := a.scan(ctx, lab.scanFlags(flags), nil); err != nil || a.end.interrupted {
		return err
	}
	if err := surprises(hosts, a.end.run); err != nil {
		return err
	}
	scanned := a.end.status()
	a.end.run = nil // its findings are the point of a demo, and no failure
	a.say("demo: all %d hosts were judged as they had to be", len(hosts))
	a.say("demo: exit status 0 says so; a scan of such a fleet ends with %d", scanned)
	a.sayKept(flags)
	return nil
}

// sayKept says how to look into a host: the fleet is gone, so that only a saved
// run can be asked.
func (a *App) sayKept(flags *demoFlags) {
	saved := flags.savedRun()
	switch {
	case flags.save != "":
		a.say("demo: the run is in %s and %s", saved, filepath.Join(flags.save, "hosts.csv"))
	case len(flags.formats) > 0:
		return
	default:
		saved = filepath.Join("DIR", savedName)
		a.say("demo: nothing was kept; twaudit demo --save DIR keeps the run")
	}
	if show := showFrom(saved); show != "" {
		a.say("demo: %s shows a host of it", show)
	}
}

// savedName is the file of the run in the directory of --save.
const savedName = "run.json"

// savedRun is the file that --save names, whether or not it was given.
func (f *demoFlags) savedRun() string { return filepath.Join(f.save, savedName) }

// again is the command that keeps such a run.
func (f *demoFlags) again() string {
	words := []string{"demo"}
	if f.hosts.value != defaultDemoHosts {
		words = append(words, "-n", f.hosts.String())
	}
	return command(append(words, "--save", "demo")...)
}

// withoutScratch takes a hint away that names files of a demo: they are gone
// before anybody could follow it.
func (a *App) withoutScratch(h audit.HostResult) audit.HostResult {
	a.mu.Lock()
	dir := a.scratch
	a.mu.Unlock()
	if dir == "" || h.Failure == nil || !strings.Contains(h.Failure.Hint, dir) {
		return h
	}
	failure := *h.Failure
	failure.Hint = "in a scan, this names the files and the commands that help"
	if failure.Stage == audit.StageHostKey {
		failure.Hint = "compare the fingerprint out of band; in a scan, this names the line of known_hosts and the commands that replace it"
	}
	h.Failure = &failure
	return h
}

// demoLab is the running fleet and the client's files.
type demoLab struct {
	client    *sshtest.Client
	inventory string
	servers   []*sshtest.Server
}

func (a *App) startDemoLab(dir string, hosts []demoHost) (*demoLab, error) {
	answers, err := newDemoAnswers(a.Now)
	if err != nil {
		return nil, err
	}
	client, err := sshtest.NewClient(dir)
	if err != nil {
		return nil, err
	}
	lab := &demoLab{client: client, inventory: filepath.Join(dir, "hosts")}
	var list strings.Builder
	for i := range hosts {
		if err := lab.add(&hosts[i], answers); err != nil {
			lab.close()
			return nil, fmt.Errorf("demo host %s: %w", hosts[i].name, err)
		}
		fmt.Fprintf(&list, "%s groups=%s\n", hosts[i].name, hosts[i].group)
	}
	if err := os.WriteFile(lab.inventory, []byte(list.String()), 0o600); err != nil {
		lab.close()
		return nil, err
	}
	return lab, nil
}

func (l *demoLab) add(h *demoHost, answers *demoAnswers) error {
	if h.absent {
		addr, err := deadAddress()
		if err != nil {
			return err
		}
		return l.client.Add(h.name, addr, l.client.Key)
	}
	server, err := sshtest.Start(sshtest.Config{
		Authorized: []ssh.PublicKey{l.client.Key},
		Fault:      h.fault,
		Handler: func(_ context.Context, e sshtest.Exec) int {
			return answers.serve(h, e)
		},
	})
	if err != nil {
		return err
	}
	l.servers = append(l.servers, server)
	return l.client.Add(h.name, server.Addr(), server.HostKey())
}

// serve takes the script, as a shell would, and answers with what it would
// print on such a host.
func (a *demoAnswers) serve(h *demoHost, e sshtest.Exec) int {
	if _, err := io.Copy(io.Discard, e.Stdin); err != nil {
		return sshtest.NoStatus
	}
	nonce := demoNonce.FindString(e.Command)
	if nonce == "" {
		fmt.Fprintf(e.Stderr, "%s: this host of a demo knows one command only\n", h.name)
		return 127
	}
	if a.write(e.Stdout, h, nonce) != nil {
		return sshtest.NoStatus
	}
	return 0
}

// deadAddress is one where nobody listens. Ports below 1024 are given away by
// no system by itself, so nobody will a moment later either.
func deadAddress() (string, error) {
	for port := 1; port < 1024; port++ {
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return addr, nil
		}
		conn.Close()
	}
	return "", errors.New("somebody listens on every port of 127.0.0.1")
}

func (l *demoLab) close() {
	for _, s := range l.servers {
		s.Close()
	}
}

// scanFlags are those of a scan without any flag, but for where it looks and
// what it writes.
func (l *demoLab) scanFlags(demo *demoFlags) *scanFlags {
	flags, save := newScanFlags(), demo.save
	flags.look = demo.look
	flags.look.Show = demo.again() // a saved run has a better one
	flags.noHistory = true         // its hosts are nobody's
	flags.sshConfig = l.client.Config
	flags.inventories = []string{l.inventory}
	flags.formats = demo.formats
	if save != "" {
		if len(flags.formats) == 0 {
			flags.formats = []string{defaultFormat}
		}
		flags.formats = append(flags.formats, "json="+demo.savedRun(), "csv="+filepath.Join(save, "hosts.csv"))
	}
	return flags
}

// surprises compares a run with what the demo was built to show. The error
// names every host that came out otherwise.
func surprises(hosts []demoHost, run *audit.Run) error {
	got := map[string]string{}
	for i := range run.Hosts {
		h := &run.Hosts[i]
		got[h.Name] = string(h.Verdict)
		if h.Failure != nil {
			got[h.Name] = fmt.Sprintf("failed: %s, %s", h.Failure.Stage, h.Failure.Message)
		}
	}
	var wrong []string
	for _, h := range hosts {
		want := string(h.verdict)
		if h.failure != "" {
			want = "failed: " + string(h.failure) + ","
		}
		if !strings.HasPrefix(got[h.name], want) {
			wrong = append(wrong, fmt.Sprintf("%s should be %q and is %q", h.name, strings.TrimSuffix(want, ","), got[h.name]))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("demo: %d of %d hosts came out otherwise than expected: %s", len(wrong), len(hosts), strings.Join(wrong, "; "))
}
