package knownhosts

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// certify returns a host certificate for key 10, signed by authority.
func certify(t *testing.T, authority ssh.Signer, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	cert := &ssh.Certificate{
		Key: testKey(t, 10), CertType: ssh.HostCert, ValidPrincipals: []string{"h.example.com"},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
	}
	change(cert)
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCheck_certificates(t *testing.T) {
	t.Parallel()
	ca, otherCA, revokedCA := testSigner(t, 1), testSigner(t, 2), testSigner(t, 3)
	same := func(*ssh.Certificate) {}
	x := indexOf(t,
		"@cert-authority "+entry("*.example.com", ca.PublicKey()),
		"@cert-authority "+entry("[*.example.com]:2222", ca.PublicKey()),
		"@cert-authority "+entry("*", revokedCA.PublicKey()),
		"@revoked "+entry("*", revokedCA.PublicKey()),
		"@revoked "+entry("revoked.example.com", testKey(t, 10)),
		entry("plain.example.com", testKey(t, 10)),
		entry("changed.example.org", testKey(t, 11)),
	)
	for _, test := range []struct {
		name, host string
		port       int
		cert       *ssh.Certificate
		want       string
	}{
		{"good", "h.example.com", 22, certify(t, ca, same), "ok"},
		{"upper case", "H.Example.com", 22, certify(t, ca, same), "ok"},
		{"principal without port", "h.example.com", 2222, certify(t, ca, same), "ok"},
		{"authority known without port", "h.example.com", 2223, certify(t, ca, same), "ok"},
		{"other principal", "g.example.com", 22, certify(t, ca, same), "cert"},
		{"any principal", "g.example.com", 22, certify(t, ca, func(c *ssh.Certificate) { c.ValidPrincipals = nil }), "ok"},
		{"expired", "h.example.com", 22, certify(t, ca, func(c *ssh.Certificate) { c.ValidBefore = c.ValidAfter + 1 }), "cert"},
		{"not yet", "h.example.com", 22, certify(t, ca, func(c *ssh.Certificate) { c.ValidAfter = c.ValidBefore }), "cert"},
		{"user certificate", "h.example.com", 22, certify(t, ca, func(c *ssh.Certificate) { c.CertType = ssh.UserCert }), "cert"},
		{"critical option", "h.example.com", 22, certify(t, ca, func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} }), "cert"},
		{"forged", "h.example.com", 22, forged(certify(t, ca, same)), "cert"},
		{"other authority", "h.example.com", 22, certify(t, otherCA, same), "unknown"},
		{"authority of other hosts", "h.example.org", 22, certify(t, ca, same), "unknown"},
		{"revoked authority", "h.example.com", 22, certify(t, revokedCA, same), "revoked"},
		{"revoked key", "revoked.example.com", 22, certify(t, ca, same), "revoked"},
		{"bad certificate of a known key", "plain.example.com", 22, certify(t, ca, same), "ok"},
		{"no authority and another key", "changed.example.org", 22, certify(t, ca, same), "changed"},
	} {
		if got := kind(x.Lookup(test.host, test.port).Check(test.cert)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	var revoked *RevokedError
	if err := x.Lookup("h.example.com", 22).Check(certify(t, revokedCA, same)); !errors.As(err, &revoked) || !revoked.CA {
		t.Errorf("the authority is revoked, not the key: %+v", revoked)
	}
}

func forged(c *ssh.Certificate) *ssh.Certificate {
	c.Serial++
	return c
}

func TestCheck_refusesCertificatesSignedWithSHA1(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[string]string{ssh.KeyAlgoRSA: "cert", ssh.KeyAlgoRSASHA256: "ok"} {
		ca, err := ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{algorithm})
		if err != nil {
			t.Fatal(err)
		}
		x := indexOf(t, "@cert-authority "+entry("*", ca.PublicKey()))
		cert := certify(t, ca, func(*ssh.Certificate) {})
		if got := kind(x.Lookup("h.example.com", 22).Check(cert)); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

func TestAlgorithms_knownFirstAndNothingLost(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := ssh.NewPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const edCert, rsaCert = ssh.CertAlgoED25519v01, ssh.CertAlgoRSASHA512v01
	supported := []string{edCert, rsaCert, ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	x := indexOf(t,
		entry("ed", testKey(t, 1)), entry("rsa", rsaKey),
		"@cert-authority "+entry("ca", rsaKey),
		"@cert-authority "+entry("ca-and-rsa", testKey(t, 1)), entry("ca-and-rsa", rsaKey),
		"@revoked "+entry("revoked", rsaKey),
	)
	for host, want := range map[string][]string{
		"new":        supported,
		"revoked":    supported,
		"ed":         supported, // it fits the first choice
		"rsa":        {rsaCert, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, edCert, ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519},
		"ca":         supported,
		"ca-and-rsa": {edCert, rsaCert, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519},
	} {
		if got := x.Lookup(host, 22).Algorithms(supported); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", host, got, want)
		}
	}
	plainFirst := []string{ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519, edCert, ssh.CertAlgoSKED25519v01}
	want := []string{edCert, ssh.CertAlgoSKED25519v01, ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519}
	if got := x.Lookup("ca", 22).Algorithms(plainFirst); !slices.Equal(got, want) {
		t.Errorf("certificates are not first: %v", got)
	}
	if got := keyType(ssh.CertAlgoSKED25519v01); got != ssh.KeyAlgoSKED25519 {
		t.Errorf("sk certificate has the plain type %s", got)
	}
}
