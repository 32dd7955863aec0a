package probe

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"
)

// builtins are the words that the shell runs itself. None writes anywhere but
// to its standard output. What exec runs is looked at like any other command.
var builtins = []string{
	":", "[", "break", "command", "continue", "exit", "export", "kill", "printf", "read", "return", "set", "shift",
	"trap", "ulimit", "unset", "wait",
}

// externals are the programs that the script may run, with every form of their
// arguments as a regular expression. PROGRAM stands for an awk program, which is
// checked apart. Nothing here has a form that writes, deletes or changes.
var externals = map[string][]string{
	"awk":   {`(-v [a-z_]+=("\$[a-z0-9]+"|[a-z0-9]+) )*PROGRAM( "\$@")?`},
	"bzip2": {`-dc`},
	"cat":   {``, `(/proc/net/[a-z0-9]+ ?)+`},
	"cut":   {`-b 1-\d+`},
	"date":  {`'\+%s %z'`, `-r "\$(file|path)" (\+%s|"\+%s - \$path")`},
	"dd":    {`bs=65536 skip="\$skip" count=0`, `bs=4096 skip="\$place" count=1`},
	"dmesg": {``},
	"grep": {`-a -q -F x`, `-a( -q| -i| -m 1)* -E -e "\$(own|own_kernel|others)"`, `-q -e --system "\$sysctl"`,
		`-a( -c| -F| -m "\$1"| -[AC] 1)*( -e ('[A-Za-z: _]+'|"\$nonce"))+`},
	"gzip":       {`-dc`},
	"head":       {`-c \d+`},
	"id":         {`-u`},
	"journalctl": {`-q --no-pager -o short-unix (-b|--since "@\$from") -n \d+ _TRANSPORT=kernel`},
	"logread":    {``},
	"ls":         {`-ld \$links`, `-1td -- "\$@"`},
	"netstat":    {`-ant`},
	"nsenter": {`-t "\$2" -n -u cat /proc/sys/net/ipv4/tcp_max_tw_buckets /proc/sys/kernel/hostname`,
		`--net="\$path" cat /proc/sys/net/ipv4/tcp_max_tw_buckets /proc/net/sockstat /proc/net/netstat`},
	"od":     {`-A n -v -t x1 -N 8192 /etc/localtime`},
	"renice": {`-n 10 -p \$\$`},
	"sleep":  {`"[^"]*"`},
	"ss":     {`-[46]?tano( exclude time-wait)?`},
	"stat":   {`-L -c '[^']*' -- .*`},
	"tail":   {`-c \d+`, `-n 1`},
	"tr":     {`-d '\\000'`},
	"true":   {``},
	"uname":  {`-[sm]`},
	"xz":     {`-dc`},
	"zstd":   {`-dcq`},
}

// readOnly walks the script along its calls, and collects what is not allowed.
type readOnly struct {
	functions map[string]*syntax.FuncDecl
	programs  map[string]string // variables that hold awk programs
	walked    map[string]bool   // functions, with and without an input of their own
	printer   *syntax.Printer
	errs      []error
}

func (r *readOnly) failf(node syntax.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("line %d: "+format, append([]any{node.Pos().Line()}, args...)...))
}

// checkReadOnly returns everything in a script that is not proven harmless.
func checkReadOnly(text string) []error {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
	if err != nil {
		return []error{err}
	}
	r := &readOnly{
		functions: map[string]*syntax.FuncDecl{}, programs: map[string]string{}, walked: map[string]bool{},
		printer: syntax.NewPrinter(),
	}
	syntax.Walk(file, r.declare)
	if len(file.Stmts) != 1 || !isBlock(file.Stmts[0]) {
		r.failf(file, "the script is not one brace group")
	}
	r.stmts(file.Stmts, false)
	for name, f := range r.functions {
		if !r.walked[name+" true"] && !r.walked[name+" false"] {
			r.failf(f, "function %s is never called, so it was not looked at", name)
		}
	}
	return r.errs
}

func isBlock(s *syntax.Stmt) bool { _, ok := s.Cmd.(*syntax.Block); return ok }

// declare finds functions and awk programs before the walk needs them.
func (r *readOnly) declare(node syntax.Node) bool {
	switch node := node.(type) {
	case *syntax.FuncDecl:
		r.functions[node.Name.Value] = node
	case *syntax.Assign:
		if name := node.Name.Value; strings.HasSuffix(name, "_program") {
			program, ok := single(node.Value)
			if !ok || r.programs[name] != "" {
				r.failf(node, "%s is not one constant", name)
			}
			r.programs[name] = program
			r.awk(node, program)
		}
	}
	return true
}

func single(w *syntax.Word) (string, bool) {
	if w == nil || len(w.Parts) != 1 {
		return "", false
	}
	quoted, ok := w.Parts[0].(*syntax.SglQuoted)
	if !ok {
		return "", false
	}
	return quoted.Value, true
}

// stmts walks a list. Input says whether standard input is something else than
// the script itself, which a child must never get.
func (r *readOnly) stmts(list []*syntax.Stmt, input bool) {
	for _, s := range list {
		r.stmt(s, input)
		if call, ok := s.Cmd.(*syntax.CallExpr); ok && len(call.Args) == 1 && call.Args[0].Lit() == "exec" {
			input = input || r.redirects(s)
		}
	}
}

func (r *readOnly) stmt(s *syntax.Stmt, input bool) {
	input = r.redirects(s) || input
	switch c := s.Cmd.(type) {
	case nil, *syntax.FuncDecl:
	case *syntax.CallExpr:
		r.call(c, input)
	case *syntax.BinaryCmd:
		r.stmt(c.X, input)
		r.stmt(c.Y, input || c.Op == syntax.Pipe)
	case *syntax.Block:
		r.stmts(c.Stmts, input)
	case *syntax.Subshell:
		r.stmts(c.Stmts, input)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			r.stmts(c.Cond, input)
			r.stmts(c.Then, input)
		}
	case *syntax.WhileClause:
		r.stmts(c.Cond, input)
		r.stmts(c.Do, input)
	case *syntax.ForClause:
		r.words(c.Loop, input)
		r.stmts(c.Do, input)
	case *syntax.CaseClause:
		r.words(c.Word, input)
		for _, item := range c.Items {
			r.stmts(item.Stmts, input)
		}
	default:
		r.failf(s, "%T is not looked at", c)
	}
}

// redirects checks where a statement reads and writes, and reports whether it
// has an input of its own.
func (r *readOnly) redirects(s *syntax.Stmt) (input bool) {
	for _, redirect := range s.Redirs {
		switch target := r.text(redirect.Word); {
		case redirect.Op == syntax.RdrIn:
			input = true
		case redirect.Op == syntax.RdrOut && target == "/dev/null":
		case redirect.Op == syntax.DplOut && (target == "1" || target == "2"):
		default:
			r.failf(redirect, "redirection %s%s", redirect.Op, target)
		}
	}
	return input
}

// words walks the command substitutions within words.
func (r *readOnly) words(node syntax.Node, input bool) {
	syntax.Walk(node, func(n syntax.Node) bool {
		if subst, ok := n.(*syntax.CmdSubst); ok {
			r.stmts(subst.Stmts, input)
			return false
		}
		_, process := n.(*syntax.ProcSubst)
		if process {
			r.failf(n, "process substitution")
		}
		return true
	})
}

func (r *readOnly) call(c *syntax.CallExpr, input bool) {
	for _, a := range c.Assigns {
		r.words(a, input)
		if len(c.Args) > 0 {
			r.failf(c, "a command with an environment of its own")
		}
	}
	for _, arg := range c.Args {
		r.words(arg, input)
	}
	r.command(c, c.Args, input)
}

// command checks what runs: through limited, timeout and exec too.
func (r *readOnly) command(c *syntax.CallExpr, args []*syntax.Word, input bool) {
	if len(args) == 0 {
		return
	}
	name, rest := args[0].Lit(), args[1:]
	switch {
	case name == "exec":
		r.command(c, rest, input)
	case name == "timeout" && r.text(args[1]) == `"$@"`, r.text(args[0]) == `"$@"`:
		// The body of limited, whose calls are looked at where they stand.
		if len(rest) > 1 {
			r.failf(c, "more than the arguments")
		}
	case name == "limited", name == "timeout":
		if name == "limited" {
			r.function(name, true)
		}
		r.command(c, rest[1:], input)
	case name == "command" && (len(rest) != 2 || rest[0].Lit() != "-v"):
		r.failf(c, "command without -v")
	case name == "read" && !input:
		r.failf(c, "read from the script itself")
	case r.functions[name] != nil:
		r.function(name, input)
	case slices.Contains(builtins, name):
	default:
		r.external(c, name, rest, input)
	}
}

// function walks a function once for callers with an input, once for others.
func (r *readOnly) function(name string, input bool) {
	key := fmt.Sprint(name, " ", input)
	if !r.walked[key] {
		r.walked[key] = true
		r.stmt(r.functions[name].Body, input)
	}
}

func (r *readOnly) external(c *syntax.CallExpr, name string, args []*syntax.Word, input bool) {
	forms, ok := externals[name]
	if !ok {
		r.failf(c, "command %q is not in the table", r.text(c.Args[0]))
		return
	}
	if !input {
		r.failf(c, "%s has the script as its input", name)
	}
	var words []string
	for _, arg := range args {
		words = append(words, r.argument(c, name, arg))
	}
	line := strings.Join(words, " ")
	if !slices.ContainsFunc(forms, func(form string) bool {
		return regexp.MustCompile("^(" + form + ")$").MatchString(line)
	}) {
		r.failf(c, "%s with arguments that are not in the table: %s", name, line)
	}
}

// argument is a word as it stands, awk programs folded to PROGRAM.
func (r *readOnly) argument(c *syntax.CallExpr, command string, w *syntax.Word) string {
	text := r.text(w)
	if command != "awk" {
		return text
	}
	if program, ok := single(w); ok {
		r.awk(c, program)
		return "PROGRAM"
	}
	if name := strings.Trim(text, `"$`); r.programs[name] != "" && text == `"$`+name+`"` {
		return "PROGRAM"
	}
	return text
}

func (r *readOnly) text(n syntax.Node) string {
	var b bytes.Buffer
	if err := r.printer.Print(&b, n); err != nil {
		r.errs = append(r.errs, err)
	}
	return b.String()
}

var (
	// A slash begins a regular expression where no value stands before it.
	awkQuoted  = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"|(^|[(,{};!~&|=\n?:]\s*)/(?:\[[^\]]*\]|[^/\\\n]|\\.)+/|#[^\n]*`)
	awkRead    = regexp.MustCompile(`\(getline < file\)`)
	awkRefused = regexp.MustCompile(`\b(system|close|fflush|getline|ENVIRON|ARGV|nextfile)\b|>>|@`)
	awkPrint   = regexp.MustCompile(`\bprintf?\b[^;}\n]*>`)
)

// awk looks for what lets an awk program write or run something. It reads files
// with (getline < file) only.
func (r *readOnly) awk(node syntax.Node, program string) {
	bare := awkQuoted.ReplaceAllString(program, "${1}0")
	bare = awkRead.ReplaceAllString(bare, "")
	if word := awkRefused.FindString(bare); word != "" {
		r.failf(node, "awk: %q", word)
	}
	if strings.Contains(strings.ReplaceAll(bare, "||", ""), "|") {
		r.failf(node, "awk: a pipe")
	}
	if word := awkPrint.FindString(bare); word != "" {
		r.failf(node, "awk: redirection in %q", word)
	}
}

func TestScript_isReadOnly(t *testing.T) {
	t.Parallel()
	if err := errors.Join(checkReadOnly(Script())...); err != nil {
		t.Error(err)
	}
}

// TestScript_readOnlyCheckBites puts into the script what must never be there.
func TestScript_readOnlyCheckBites(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"rm -f /tmp/x </dev/null", "say x >/tmp/x", "say x >>/dev/null", "cat </dev/null >/etc/passwd", "date",
		"sort </dev/null", "sysctl -w net.ipv4.tcp_max_tw_buckets=1 </dev/null", "dmesg -C </dev/null", "read -r x",
		"journalctl --vacuum-size=1 </dev/null", "dd of=/dev/sda </dev/null", "$x </dev/null", "eval x",
		"dd bs=65536 skip=\"$skip\" count=0 of=/x </dev/null", "cat </dev/null <<E\nx\nE", "limited 5 rm x </dev/null",
		"x=$(rm y </dev/null)", "date -s 0 </dev/null", `awk '{ print > "/tmp/x" }' </dev/null`, "exec rm x </dev/null",
		`awk '{ print | "sh" }' </dev/null`, `awk '{ system("x") }' </dev/null`, `awk '"x" | getline' </dev/null`,
		"ss -K </dev/null", "ss -tan", "grep -r x / </dev/null", "sed -i s/a/b/ f </dev/null", "X=1 date '+%s %z' </dev/null",
		"unused() { date; }", `awk '{ getline < "/etc/shadow" }' </dev/null`, `top_program='BEGIN { system("x") }'`,
	} {
		text := strings.Replace(Script(), "\nmain \"$@\"\n", "\n"+line+"\nmain \"$@\"\n", 1)
		if text == Script() {
			t.Fatal("the script has no call of main")
		}
		if len(checkReadOnly(text)) == 0 {
			t.Errorf("nothing is said about %q", line)
		}
	}
}
