package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"twaudit/internal/audit"
	"twaudit/internal/fleet"
	"twaudit/internal/inventory"
	"twaudit/internal/probe"
	"twaudit/internal/scan"
	"twaudit/internal/text"
	"twaudit/report"
)

// importCommand declares import: the flags of scan about results and judgement.
// What a host is asked was decided when the script ran there.
func (a *App) importCommand() *cobra.Command {
	flags := newScanFlags()
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Judge saved outputs of the script, from hosts that cannot be reached",
		Long: `Makes a run of what the script printed on hosts that cannot be reached. On each
of them, with the script that "twaudit probe > probe.sh" saves:

  sh probe.sh > web1.out

A host is named after its file, without directory and extension; - is standard
input, and is named by the host itself, or stdin where what it calls itself is no
host name. It is judged as of the time at which the script ran there.

` + exitHelp,
		Example: "  twaudit import web1.out db1.out\n  twaudit import answers/*.out -f table -f json=run.json\n  twaudit import - < web1.out",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importFiles(cmd.Context(), flags, args)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	flags.declareOutputs(set)
	flags.declareEnding(set)
	flags.declareMeasures(set)
	// Answers may be those of other people's hosts, with names that ours have too:
	// they share a history only when that is asked for.
	declareHistoryFile(set, &flags.history)
	set.Lookup("history").Usage = "know and keep runs in `FILE`; without it an import has no history"
	withoutVariable(set, "history")
	flags.complete(cmd, report.Formats())
	return cmd
}

// importFiles runs the command: what cannot be read at all is found out before
// anything is written, and what was read and makes no sense is that host's
// failure.
func (a *App) importFiles(ctx context.Context, flags *scanFlags, paths []string) error {
	a.quiet = flags.quiet
	a.end.failOn = audit.Verdict(flags.failOn.value)
	if len(paths) == 0 {
		return &usageError{errors.New("no files given"), "name files that hold what the script printed; - is standard input"}
	}
	if err := flags.checkMeasures(); err != nil {
		return err
	}
	outputs, err := parseOutputs(flags.formats, flags.output)
	if err != nil {
		return err
	}
	files, err := a.savedFiles(paths)
	if err != nil {
		return err
	}
	redactor, err := flags.redactor()
	if err != nil {
		return err
	}
	set, err := openOutputs(outputs, a.Stdout, append(slices.Clone(paths), flags.redactKey, flags.history))
	if err != nil {
		return err
	}
	defer set.discard() // what was committed stays
	a.onAbruptEnd(set.removal())
	flags.noHistory = flags.history == ""
	memory, err := a.openMemory(ctx, flags)
	if err != nil {
		return err
	}
	defer memory.close()
	auditor := &scan.Auditor{Limits: flags.limits(), Now: a.Now, Past: memory.past(ctx)}
	// Judging is work, not waiting, and each worker holds a file in memory.
	workers := runtime.GOMAXPROCS(0)
	m := &mission{
		memory: memory, selection: memory.selected(files.selection()),
		jobs: files.jobs(), audited: files.judgedBy(auditor), judged: auditor.Limits,
		limits:  fleet.Limits{Concurrency: workers, Dials: workers},
		outputs: set, look: flags.look, redactor: redactor, progress: !flags.quiet && !flags.noProgress,
	}
	run := a.conduct(ctx, m)
	if note := ageNote(run); note != "" {
		a.say("%s", note)
		run.Notes = append(run.Notes, note)
	}
	memory.keep(ctx, run)
	return a.write(m, run)
}

// savedFile is one answer to be imported.
type savedFile struct {
	path string
	raw  []byte // already read when the path cannot be read twice; else nil
}

// savedFiles are files by the name of their host.
type savedFiles map[string]savedFile

// savedFiles names the hosts. All that is wrong with the files is said at once:
// they came by one shell pattern, and are mended together.
func (a *App) savedFiles(paths []string) (savedFiles, error) {
	defer a.sayPipes(paths...)()
	files := savedFiles{}
	var errs []error
	for i, path := range paths {
		if path == stdoutPath && slices.Contains(paths[:i], path) {
			errs = append(errs, errors.New("- can be given once: standard input ends after one reading"))
			continue
		}
		name, file, err := a.savedFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, taken := files[name]; taken {
			errs = append(errs, fmt.Errorf("%s and %s are both host %s: rename one of them", other.path, path, name))
			continue
		}
		files[name] = file
	}
	if len(errs) > 0 {
		return nil, &usageError{errors.Join(errs...), ""}
	}
	return files, nil
}

// savedFile looks at one path. What is no regular file (standard input, the pipe
// of a shell's process substitution) has no name of its own and can be read only
// once, which is now.
func (a *App) savedFile(path string) (name string, file savedFile, err error) {
	if path == stdoutPath { // the same word for both streams
		raw, err := readAnswer(a.Stdin)
		if err != nil {
			return "", file, fmt.Errorf("read standard input: %w", err)
		}
		return nameInside(raw), savedFile{"standard input", raw}, nil
	}
	opened, err := os.Open(path)
	if err != nil {
		return "", file, err
	}
	defer opened.Close()
	info, err := opened.Stat()
	switch {
	case err != nil:
		return "", file, err
	case info.IsDir():
		return "", file, fmt.Errorf("%s is a directory: name the files in it", path)
	case info.Mode().IsRegular():
		name = nameOfFile(path)
		if err := cmp.Or(checkFileName(path), checkName(name)); err != nil {
			return "", file, fmt.Errorf("%s: %w: rename the file, its host is named after it", text.CleanMax(path, maxName), err)
		}
		return name, savedFile{path: path}, nil
	}
	raw, err := readAnswer(opened)
	if err != nil {
		return "", file, err
	}
	return nameInside(raw), savedFile{path, raw}, nil
}

// readAnswer reads as much as Saved has to see to refuse the rest: a file of any
// size costs no more memory than that.
func readAnswer(r io.Reader) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, scan.MaxAnswer+1))
}

// maxName is as long as a name of the DNS may be.
const maxName = 255

// nameOfFile is the host that a file is of: web1 for answers/web1.out, and
// web1.example.net with .out and without. An end that is none of the usual ones
// belongs to the name when that has further dots: 10.0.0.1 has no extension.
func nameOfFile(path string) string {
	base := filepath.Base(path)
	extension := filepath.Ext(base)
	name := strings.TrimSuffix(base, extension)
	if name == "" || strings.Contains(name, ".") && !usualExtension(extension) {
		name = base
	}
	return text.CleanMax(name, maxName)
}

func usualExtension(extension string) bool {
	return slices.Contains([]string{".out", ".txt", ".log", ".raw", ".dat", ".probe", ".answer"}, strings.ToLower(extension))
}

// checkFileName looks at the name as it is: cleaning turns some control characters
// into nothing, and two files into one host.
func checkFileName(path string) error {
	base := filepath.Base(path)
	switch {
	case strings.ContainsFunc(base, unicode.IsControl):
		return errors.New("control characters in the name")
	case strings.HasPrefix(base, ".") && nameOfFile(path) == base && usualExtension(base):
		return errors.New("nothing stands before the extension")
	}
	return nil
}

// nameInside is what a host calls itself in its answer; one that gives no answer,
// or calls itself what no inventory may hold, gets the name of the stream. Facts
// keep what it said.
func nameInside(raw []byte) string {
	answer, err := probe.Parse(raw, "", time.Time{})
	if err != nil || checkName(answer.Facts.Host.Hostname) != nil {
		return "stdin"
	}
	return answer.Facts.Host.Hostname
}

// checkName demands of a name what inventories demand: it goes the same ways, into
// the history, into reports, and from there onto command lines. One with a user or
// a port, or that stands for several hosts, is no host's own; nor is one of which
// cleaning has left a part.
func checkName(name string) error {
	if strings.ContainsAny(name, "\ufffd…") {
		return fmt.Errorf("host %q: too long, or with invisible characters", name)
	}
	return inventory.CheckName(name)
}

// jobs are the hosts, in no order: that of the result is by verdict.
func (f savedFiles) jobs() []scan.Job {
	jobs := make([]scan.Job, 0, len(f))
	for name := range f {
		jobs = append(jobs, scan.Job{Name: name})
	}
	slices.SortFunc(jobs, func(a, b scan.Job) int { return strings.Compare(a.Name, b.Name) })
	return jobs
}

// selection is by the hosts: which files belong together, nobody has said.
func (f savedFiles) selection() (key, label string) {
	parts := []string{"import"}
	for _, job := range f.jobs() {
		parts = append(parts, job.Name)
	}
	return selectionKey(parts), "import " + fewHosts(parts[1:])
}

// judgedBy reads the file of a host when its turn comes.
func (f savedFiles) judgedBy(auditor *scan.Auditor) func(context.Context, scan.Job, fleet.Slot) audit.HostResult {
	return func(_ context.Context, job scan.Job, _ fleet.Slot) audit.HostResult {
		file := f[job.Name]
		if file.raw != nil {
			return auditor.Saved(job, file.raw)
		}
		raw, err := readFile(file.path)
		if err != nil {
			result := job.Blank()
			result.Status = audit.StatusFailed
			result.Failure = &audit.Failure{Stage: audit.StageProbe, Message: "the file could not be read: " + reason(err), Hint: "look at " + file.path}
			return result
		}
		return auditor.Saved(job, raw)
	}
}

// readFile opens the file again: holding all of them open since savedFile looked
// would need as many descriptors as hosts.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAnswer(file)
}

// reason is err without a path: messages of a run are for others too.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return text.CleanMax(err.Error(), 200)
}

// fresh is how old an answer may be without a word about it.
const fresh = time.Hour

// ageNote says how old the answers are, when they are: "now" in a verdict is the
// time at which the host was asked.
func ageNote(run *audit.Run) string {
	old, oldest, age := 0, "", fresh
	for i := range run.Hosts {
		h := &run.Hosts[i]
		if h.Facts == nil || h.Facts.Host.Clock == nil {
			continue
		}
		since := run.Meta.StartedAt.Sub(*h.Facts.Host.Clock)
		if since < fresh {
			continue
		}
		old++
		if since > age || oldest == "" {
			oldest, age = h.Name, since
		}
	}
	switch {
	case old == 0:
		return ""
	case old == 1:
		return fmt.Sprintf("the answer of %s is %s old by its host's clock: its verdict holds for then", oldest, text.Duration(age))
	}
	return fmt.Sprintf("%d answers are more than %s old by their hosts' clocks, that of %s %s: their verdicts hold for then",
		old, text.Duration(fresh), oldest, text.Duration(age))
}
