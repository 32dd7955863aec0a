package remote

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"twaudit/internal/text"
	"twaudit/remote/sshconfig"
)

const certSuffix = "-cert-v01@openssh.com"

// hostKeyAlgorithms are in the order in which a host unknown so far is asked for
// its keys, as OpenSSH has it: certificates first, then the small keys.
var hostKeyAlgorithms = []string{
	ssh.CertAlgoED25519v01,
	ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
	ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01,
	ssh.KeyAlgoED25519,
	ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
}

// tokenAlgorithms are those of keys in hardware, which only users have.
var tokenAlgorithms = []string{
	ssh.CertAlgoSKED25519v01, ssh.CertAlgoSKECDSA256v01, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
}

// oldRSA is how a user may prove to have an RSA key when his config says so.
var oldRSA = []string{ssh.KeyAlgoRSA, ssh.CertAlgoRSAv01}

// algorithms are what one host is spoken to with.
type algorithms struct {
	ssh.Config
	hostKeys []string
	pubkeys  []string // as PubkeyAcceptedAlgorithms has them, with those of certificates
}

// goodAlgorithms leaves out what the library still offers by default although it
// calls it insecure: SHA-1 key exchanges and hmac-sha1-96.
func goodAlgorithms() algorithms {
	supported := ssh.SupportedAlgorithms()
	return algorithms{
		Config:   ssh.Config{KeyExchanges: supported.KeyExchanges, Ciphers: supported.Ciphers, MACs: supported.MACs},
		hostKeys: hostKeyAlgorithms,
		pubkeys:  slices.Concat(hostKeyAlgorithms, tokenAlgorithms),
	}
}

// chosen is good as changed by the settings of one host: what the operator adds
// for a host is used for that host alone, and so is what he takes away.
func (good algorithms) chosen(set *sshconfig.Settings) (algorithms, *Error) {
	use := good
	if set.KexAlgorithms+set.Ciphers+set.MACs+set.HostKeyAlgorithms+set.PubkeyAcceptedAlgorithms == "" {
		return use, nil
	}
	old := ssh.InsecureAlgorithms()
	for _, c := range []struct {
		directive, spec string
		list            *[]string
		old             []string
	}{
		{"KexAlgorithms", set.KexAlgorithms, &use.KeyExchanges, old.KeyExchanges},
		{"Ciphers", set.Ciphers, &use.Ciphers, old.Ciphers},
		{"MACs", set.MACs, &use.MACs, old.MACs},
		{"HostKeyAlgorithms", set.HostKeyAlgorithms, &use.hostKeys, old.HostKeys},
		{"PubkeyAcceptedAlgorithms", set.PubkeyAcceptedAlgorithms, &use.pubkeys, oldRSA},
	} {
		if c.spec == "" {
			continue
		}
		// The library adds the other name of this key exchange by itself.
		spec := strings.ReplaceAll(c.spec, "curve25519-sha256@libssh.org", "curve25519-sha256")
		*c.list = sshconfig.Algorithms(spec, *c.list, slices.Concat(*c.list, c.old))
		if len(*c.list) == 0 {
			return use, &Error{Stage: StageConfig, Message: c.directive + " leaves no algorithm that is supported here",
				Hint: fmt.Sprintf("%s is %q; supported are %s", c.directive, text.CleanMax(c.spec, 200), strings.Join(goodList(good, c.directive), ","))}
		}
	}
	return use, nil
}

// goodList is the list that a directive stands for.
func goodList(good algorithms, directive string) []string {
	switch directive {
	case "KexAlgorithms":
		return good.KeyExchanges
	case "Ciphers":
		return good.Ciphers
	case "MACs":
		return good.MACs
	case "HostKeyAlgorithms":
		return good.hostKeys
	}
	return good.pubkeys
}

// signatures are the algorithms that a key of this format may sign with, in the
// order of preference and without the suffix of certificates.
func (use algorithms) signatures(format string) []string {
	formats := []string{format}
	switch format {
	case ssh.KeyAlgoRSA:
		formats = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	case ssh.CertAlgoRSAv01:
		formats = []string{ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01, ssh.CertAlgoRSAv01}
	}
	var names []string
	for _, name := range formats {
		if !slices.Contains(use.pubkeys, name) {
			continue
		}
		plain, isCert := strings.CutSuffix(name, certSuffix)
		if isCert && strings.HasPrefix(plain, "sk-") {
			plain += "@openssh.com"
		}
		names = append(names, plain)
	}
	return names
}

// limit makes signer keep to what the host's settings allow; nil: it may not be
// offered. Without a limit the library falls back to SHA-1 for an RSA key where
// a server does not say what it takes.
func (use algorithms) limit(signer ssh.Signer) ssh.Signer {
	names := use.signatures(signer.PublicKey().Type())
	able, ok := signer.(ssh.AlgorithmSigner)
	switch {
	case len(names) == 0:
		return nil
	case !ok || len(names) == 1 && names[0] == signer.PublicKey().Type():
		return signer
	}
	limited, err := ssh.NewSignerWithAlgorithms(able, names)
	if err != nil {
		return nil
	}
	return limited
}

// oldFirst are the algorithms that only the operator can turn on, the least bad
// first.
var oldFirst = []string{
	ssh.InsecureKeyExchangeDH14SHA1, ssh.InsecureKeyExchangeDHGEXSHA1, ssh.InsecureKeyExchangeDH1SHA1,
	ssh.KeyAlgoRSA, ssh.CertAlgoRSAv01, dsaKey, ssh.InsecureCipherAES128CBC, ssh.InsecureCipherTripleDESCBC,
	ssh.InsecureCipherRC4256, ssh.InsecureCipherRC4128, ssh.InsecureCipherRC4, ssh.InsecureHMACSHA196,
}

// algorithmFailure names the ssh_config line by which we would still speak to a
// host that offers only what is no longer considered safe.
func algorithmFailure(err *ssh.AlgorithmNegotiationError) *Error {
	directive, good := "", goodAlgorithms()
	var safe []string
	for _, d := range []struct {
		word, name string
		safe       []string
	}{
		{"key exchange", "KexAlgorithms", good.KeyExchanges}, {"host key", "HostKeyAlgorithms", good.hostKeys},
		{"cipher", "Ciphers", good.Ciphers}, {"MAC", "MACs", good.MACs},
	} {
		if strings.Contains(err.What, d.word) {
			directive, safe = d.name, d.safe
		}
	}
	offered := make([]string, 0, len(err.RequestedAlgorithms))
	for _, name := range err.RequestedAlgorithms {
		// Markers for extensions are no algorithms.
		if !strings.HasPrefix(name, "ext-info-") && !strings.HasPrefix(name, "kex-strict-") {
			offered = append(offered, name)
		}
	}
	list := text.CleanMax(strings.Join(offered, ","), 300)
	failure := &Error{Stage: StageHandshake, Err: err, Message: fmt.Sprintf("no common %s algorithm: the host offers only %s", err.What, list)}
	isOffered := func(name string) bool { return slices.Contains(offered, name) }
	switch wrong, old := slices.IndexFunc(safe, isOffered), slices.IndexFunc(oldFirst, isOffered); {
	case wrong >= 0:
		failure.Hint = fmt.Sprintf("%s in ssh_config leaves out %s, which the host offers", directive, safe[wrong])
	case old >= 0:
		failure.Hint = fmt.Sprintf("update the host's SSH server; until then put the line %q for this host in ssh_config", directive+" +"+oldFirst[old])
	default:
		failure.Hint = "update the host's SSH server: nothing that it offers is supported here"
	}
	return failure
}
