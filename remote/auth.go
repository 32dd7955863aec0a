package remote

import (
	"slices"

	"golang.org/x/crypto/ssh"
)

// offer is what one login had to offer, and what the server said to it.
type offer struct {
	keys     []offered
	problems []problem // of keys that could not be offered
	locked   []string  // files of keys that only a passphrase opens
	sealed   []string  // those of them that only an agent can hold
	shut     []string  // files of keys that a passphrase was given for in vain
	accepts  []string  // methods that the server lets us try, as it said last
	passed   []string  // methods that it took and found not enough
	banners  int       // bytes of banner so far
	sent     string    // the method by which the password was sent; empty: it was not
	question string    // what the server asked beside it
	unsigned bool      // the time was up while the agent was to sign
}

// maxBanner is how much a server may say before it lets us in or not. Nobody
// reads it, and one that never stops would keep a core busy until the limit.
const maxBanner = 256 << 10

type offered struct {
	signer ssh.Signer
	from   string // the agent, or the file
}

// observe keeps what the server says between two methods. It chooses none.
func (o *offer) observe(ctx *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	o.accepts, o.passed = ctx.AllowedMethods, ctx.PartialSuccessMethods
	return nil, nil
}

// banner drops what the server says before the login. An endless one is ended by
// hanging up, and not by an error: the library then stops reading packets while
// its own reader hands them on, and that one would wait for ever.
func (a *attempt) banner(message string) error {
	if a.keys.banners += len(message); a.keys.banners > maxBanner {
		a.tcp.Close()
	}
	return nil
}

// collect lists the signers in the order in which they are tried. A server
// counts every key that it does not know (MaxAuthTries, 6), so those that were
// named for the host come first, also before other keys of the agent; of the
// keys at default paths only those come first that the agent holds, as with ssh.
func (o *offer) collect(a *attempt) []ssh.Signer {
	ring := o.ring(a)
	var certs, named, last, other []offered
	for _, file := range ring.files {
		certs = append(certs, ring.certificates(file)...)
		key, held := ring.key(file)
		switch {
		case key.signer == nil && ring.blind(file) && a.route.set.IdentityFilesSet:
			if signer, err := file.unlock(a); err == nil {
				named = append(named, offered{signer, file.path})
			} else {
				o.shut = append(o.shut, file.path)
				o.problems = append(o.problems, problem{what: file.path + ": " + clean(err)})
			}
		case key.signer == nil:
			o.unusable(file)
		case held || a.route.set.IdentityFilesSet:
			named = append(named, key)
		default:
			last = append(last, key)
		}
	}
	// Behind the files': most agents are worth a word only where those fail.
	o.problems = append(o.problems, ring.silent...)
	if !a.route.set.IdentitiesOnly {
		other = ring.others()
	}
	var signers []ssh.Signer
	for _, key := range unique(slices.Concat(certs, named, other, last)) {
		if signer := a.use.limit(key.signer); signer != nil {
			o.keys, signers = append(o.keys, key), append(signers, signer)
		} else {
			told := "PubkeyAcceptedAlgorithms leaves its " + key.signer.PublicKey().Type() + " out"
			o.problems = append(o.problems, problem{key.from + ": " + told, told, ""})
		}
	}
	return signers
}

// unique drops what was offered before: a certificate may be found by two ways,
// and a second try would count against us like a wrong key.
func unique(keys []offered) []offered {
	seen := make(map[string]bool, len(keys))
	return slices.DeleteFunc(keys, func(key offered) bool {
		wire := string(key.signer.PublicKey().Marshal())
		known := seen[wire]
		seen[wire] = true
		return known
	})
}

// unusable notes why a file gives no key. One that does not exist is normal for
// the default paths, and worth a word only when nothing else opens the door.
func (o *offer) unusable(file *keyFile) {
	_, err := file.lock.state()
	switch {
	case err != nil:
		o.shut = append(o.shut, file.path)
		o.problems = append(o.problems, problem{what: file.path + ": " + clean(err)})
	case file.locked && file.lock.data == nil:
		o.sealed = append(o.sealed, file.path)
		o.problems = append(o.problems, problem{what: file.path + ": " + file.wrong})
	case file.locked:
		o.locked = append(o.locked, file.path)
	case file.wrong != "":
		o.problems = append(o.problems, file.problem(file.wrong))
	case file.pub != nil && file.cert == nil:
		o.problems = append(o.problems, file.problem("only the public half, and no agent holds the other"))
	}
}

// ring is every key within reach of one host.
type ring struct {
	files []*keyFile
	held  []agentKey
	sign  func(ssh.PublicKey) ssh.Signer // with the agent
	asker *attempt                       // who may ask for passphrases; nil: nobody

	silent []problem // why the agent says nothing; empty: it answers, or there is none
}

// ring reads the key files, and asks the agent for its keys.
func (o *offer) ring(a *attempt) *ring {
	set, r := a.route.set, &ring{}
	if a.mayAsk(a.d.opts.Passphrase) {
		r.asker = a
	}
	for _, path := range slices.Concat(set.IdentityFiles, set.CertificateFiles) {
		if file := a.d.keyFile(a.ctx, path); !slices.Contains(r.files, file) {
			r.files = append(r.files, file)
		}
	}
	pool := a.d.agent(set)
	if pool == nil {
		return r
	}
	held, err := pool.list(a.ctx)
	if err != nil {
		why := " does not answer: " + innermost(err)
		r.silent = []problem{{"the agent at " + pool.socket + why, "the agent" + why, ""}}
	}
	r.held = held
	r.sign = func(pub ssh.PublicKey) ssh.Signer { return &agentSigner{ctx: a.ctx, pool: pool, key: pub, offer: o} }
	return r
}

// key is what signs for a file: the file itself, since that costs no way to the
// agent, else the agent when it holds the same key.
func (r *ring) key(file *keyFile) (_ offered, held bool) {
	if file.pub == nil {
		return offered{}, false
	}
	for _, key := range r.held {
		if key.plain != file.plain || isCertificate(key.pub) {
			continue
		}
		if file.signer == nil {
			return offered{r.sign(key.pub), "agent"}, true
		}
		held = true
	}
	return offered{r.own(file), file.path}, held
}

// own is what signs with the file itself; nil: nothing does. A passphrase that
// was asked for in vain is not asked for again.
func (r *ring) own(file *keyFile) ssh.Signer {
	if file.signer != nil {
		return file.signer
	}
	if opened, err := file.lock.state(); opened != nil {
		return opened
	} else if err != nil || !r.opens(file) || file.pub == nil {
		return nil
	}
	return &lockedSigner{r.asker, file}
}

// opens tells whether a passphrase would open the file, and may be asked for.
func (r *ring) opens(file *keyFile) bool { return r.asker != nil && file.lock.data != nil }

// blind tells whether only its passphrase shows which key is in the file.
func (r *ring) blind(file *keyFile) bool {
	_, err := file.lock.state()
	return r.opens(file) && file.pub == nil && err == nil
}

// certificates are the one beside the file, signed for by whatever has its key,
// and those that the agent holds for the same key.
func (r *ring) certificates(file *keyFile) (certs []offered) {
	if file.cert != nil {
		if key := r.signerOf(string(file.cert.Key.Marshal())); key.signer != nil {
			if signer, err := ssh.NewCertSigner(file.cert, key.signer); err == nil {
				certs = append(certs, offered{signer, key.from})
			}
		}
	}
	if file.pub == nil {
		return certs
	}
	for _, key := range r.held {
		if isCertificate(key.pub) && key.plain == file.plain {
			certs = append(certs, offered{r.sign(key.pub), "agent"})
		}
	}
	return certs
}

// signerOf finds the key with that wire form among the files and in the agent.
func (r *ring) signerOf(plain string) offered {
	for _, file := range r.files {
		if signer := r.own(file); signer != nil && file.plain == plain {
			return offered{signer, file.path}
		}
	}
	for _, key := range r.held {
		if key.plain == plain && !isCertificate(key.pub) {
			return offered{r.sign(key.pub), "agent"}
		}
	}
	return offered{}
}

// others are the agent's keys that no file names.
func (r *ring) others() (keys []offered) {
	for _, key := range r.held {
		named := func(file *keyFile) bool { return file.pub != nil && file.plain == key.plain }
		if !slices.ContainsFunc(r.files, named) {
			keys = append(keys, offered{r.sign(key.pub), "agent"})
		}
	}
	return keys
}

func isCertificate(pub ssh.PublicKey) bool {
	_, is := pub.(*ssh.Certificate)
	return is
}
