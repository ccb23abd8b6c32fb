package tlscert

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// parse reads a certificate with its chain, and its key, and refuses what no client would accept.
func parse(certPEM, keyPEM []byte, now time.Time) (*tls.Certificate, error) {
	if !bytes.Contains(certPEM, []byte("-----BEGIN CERTIFICATE-----")) {
		return nil, errors.New("the file of the certificate holds no CERTIFICATE in PEM")
	}
	if bytes.Contains(keyPEM, []byte("ENCRYPTED")) {
		return nil, errors.New("the key is locked with a passphrase: store it without one, readable by the server alone")
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, misfit(certPEM, err)
	}
	return &pair, judge(pair.Leaf, now)
}

// misfit explains why a certificate and a key are no pair.
func misfit(certPEM []byte, cause error) error {
	leaf := firstIn(certPEM)
	if leaf == nil {
		return cause
	}
	return fmt.Errorf("the certificate %s does not fit its key: give the key that its request was made with, and the certificate of the server first in its file (%w)", describe(leaf), cause)
}

func firstIn(certPEM []byte) *x509.Certificate {
	for block, rest := pem.Decode(certPEM); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			leaf, _ := x509.ParseCertificate(block.Bytes)
			return leaf
		}
	}
	return nil
}

// judge refuses a certificate outside of its dates.
func judge(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate %s has expired: renew it (now it is %s)", describe(leaf), now.UTC().Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate %s is not valid yet: compare the clock of this machine (now it is %s)", describe(leaf), now.UTC().Format(time.DateTime))
	}
	return nil
}

// describe names a certificate with its dates.
func describe(leaf *x509.Certificate) string {
	return fmt.Sprintf("for %s, valid from %s to %s,", enumerate(namesOf(leaf)), leaf.NotBefore.UTC().Format(time.DateTime), leaf.NotAfter.UTC().Format(time.DateTime))
}

func enumerate(names []string) string {
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > 3:
		return fmt.Sprintf("%s and %d more names", names[0], len(names)-1)
	}
	return fmt.Sprint(names)
}

// namesOf returns the names and addresses for which a certificate is valid.
func namesOf(leaf *x509.Certificate) []string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// statusOf fills what a certificate says of itself.
func statusOf(pair *tls.Certificate, source string) Status {
	leaf := pair.Leaf
	issuer := leaf.Issuer.CommonName
	if issuer == "" && len(leaf.Issuer.Organization) > 0 {
		issuer = leaf.Issuer.Organization[0]
	}
	return Status{Names: namesOf(leaf), Issuer: issuer, NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter, Source: source}
}

// encode returns a certificate with its chain and key as PEM. decode reads it.
func encode(pair *tls.Certificate) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range pair.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text, nil
}

func decode(text []byte) (*tls.Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	return &pair, err
}

// keyOf returns the key of a PEM text.
func keyOf(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}
