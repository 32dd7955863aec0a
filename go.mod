module twaudit

go 1.26.0

// What the binary is made of, each with its reason.
require (
	github.com/jedib0t/go-pretty/v6 v6.8.3 // the terminal table, Markdown and the progress line
	github.com/kevinburke/ssh_config v1.6.0 // the grammar of ssh_config; remote/sshconfig corrects what it resolves
	github.com/klauspost/compress v1.18.3 // deflate whose dictionary can be replaced: history stores hosts in three quarters of the time
	github.com/spf13/cobra v1.10.2 // subcommands, help, completions, man pages
	github.com/spf13/pflag v1.0.9 // flag values of our own under cobra
	github.com/wneessen/go-mail v0.8.1 // SMTP with STARTTLS and authentication for alarms
	go.yaml.in/yaml/v3 v3.0.6 // Ansible inventories and the configuration file, with line numbers
	golang.org/x/crypto v0.58.0 // SSH
	golang.org/x/sync v0.24.0 // errgroup: bounded work
	golang.org/x/term v0.47.0 // width of a terminal, questions without echo
	modernc.org/sqlite v1.61.1 // history without cgo
)

// What only tests and tools of this repository need.
require (
	github.com/google/go-cmp v0.7.0 // differences of structs
	github.com/prometheus/common v0.73.1 // reads back what -f prom writes
	github.com/rogpeppe/go-internal v1.16.0 // testscript: the binary in scripts
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // runs against the published schema
	go.uber.org/goleak v1.3.0 // no goroutine outlives its test
	golang.org/x/sys v0.49.0 // pseudo terminals
	golang.org/x/tools v0.52.0 // txtar files; loads the tree as other systems see it
	mvdan.cc/sh/v3 v3.14.1 // parses the probe as POSIX shell
	pgregory.net/rapid v1.3.0 // properties
)

require (
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/pandatix/go-abnf v0.5.3 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	honnef.co/go/tools v0.8.2 // indirect
	modernc.org/libc v1.79.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)

tool honnef.co/go/tools/cmd/staticcheck
