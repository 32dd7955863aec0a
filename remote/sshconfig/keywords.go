package sshconfig

import "strings"

// use says what is done with a keyword.
type use int

const (
	ignore  use = iota + 1 // changes neither where, as whom nor through what we connect
	single                 // one value
	list                   // values separated by blanks
	command                // the rest of the line
	host                   // begins a section
	match                  // begins a section
	include                // other files
	beware                 // harmless when it says no or none, else only ssh knows what it does
	forbid                 // harmless when it says no or none, else we do not do it
)

// handled are the keywords that mean something to us, in lower case.
var handled = map[string]use{
	"host": host, "match": match, "include": include,

	"hostname": single, "port": single, "user": single, "addressfamily": single, "bindaddress": single,
	"identityfile": single, "certificatefile": single, "identitiesonly": single, "identityagent": single,
	"hostkeyalias": single, "stricthostkeychecking": single, "hashknownhosts": single,
	"connecttimeout": single, "ignoreunknown": single,
	"userknownhostsfile": list, "globalknownhostsfile": list,
	"proxycommand": command, "proxyjump": command,

	"hostkeyalgorithms": single, "kexalgorithms": single, "ciphers": single, "macs": single,
	"pubkeyacceptedalgorithms": single, "controlpath": single, "preferredauthentications": single,
	"pubkeyauthentication": single, "passwordauthentication": single, "kbdinteractiveauthentication": single,
	"batchmode": single, "numberofpasswordprompts": single,
	"serveraliveinterval": single, "serveralivecountmax": single,

	"canonicalizehostname": beware, "canonicalizepermittedcnames": beware, "refuseconnection": beware,
	"bindinterface": forbid, "proxyusefdpass": forbid, "revokedhostkeys": forbid,
}

// ignored are the other keywords of OpenSSH from its first to its newest
// version, those of the GSSAPI patches that distributions carry, Debian's two
// and Apple's one.
var ignored = words(`
addkeystoagent afstokenpassing canonicaldomains canonicalizefallbacklocal canonicalizemaxdots casignaturealgorithms
channeltimeout checkhostip cipher clearallforwardings compression compressionlevel connectionattempts controlmaster
controlpersist dynamicforward enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fallbacktorsh
fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
globalknownhostsfile2 gssapiauthentication gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms
gssapikeyexchange gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns hostbasedacceptedalgorithms
hostbasedauthentication hostbasedkeytypes ipqos kbdinteractivedevices keepalive kerberosauthentication
kerberostgtpassing knownhostscommand localcommand localforward loglevel logverbose nohostauthenticationforlocalhost
obscurekeystroketiming permitlocalcommand permitremoteopen pkcs11provider protocol protocolkeepalives rekeylimit
remotecommand remoteforward requesttty requiredrsasize rhostsauthentication rhostsrsaauthentication rsaauthentication
securitykeyprovider sendenv sessiontype setenv setuptimeout smartcarddevice stdinnull streamlocalbindmask
streamlocalbindunlink syslogfacility tag tcpkeepalive tunnel tunneldevice updatehostkeys usekeychain useprivilegedport
userknownhostsfile2 useroaming usersh verifyhostkeydns versionaddendum visualhostkey warnweakcrypto xauthlocation`)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// canonical maps an old spelling to its keyword.
func canonical(keyword string) string {
	keyword = strings.ToLower(keyword)
	switch keyword {
	case "identityfile2":
		return "identityfile"
	case "pubkeyacceptedkeytypes":
		return "pubkeyacceptedalgorithms"
	case "dsaauthentication":
		return "pubkeyauthentication"
	case "challengeresponseauthentication", "skeyauthentication", "tisauthentication":
		return "kbdinteractiveauthentication"
	}
	return keyword
}

// useOf returns 0 for a keyword that OpenSSH does not have.
func useOf(keyword string) use {
	if u, ok := handled[keyword]; ok {
		return u
	}
	if ignored[keyword] {
		return ignore
	}
	return 0
}
