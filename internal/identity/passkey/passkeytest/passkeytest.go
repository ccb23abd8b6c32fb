// Package passkeytest makes passkeys for tests.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/x509"

	"github.com/descope/virtualwebauthn"
)

// NewCredential returns a credential with a new key. virtualwebauthn cuts the leading zeros of a coordinate, which one key in 128
// has, and no server takes such an answer. So NewCredential draws again. It panics if there is no randomness.
func NewCredential(kind virtualwebauthn.KeyType) virtualwebauthn.Credential {
	for {
		credential := virtualwebauthn.NewCredential(kind)
		if kind != virtualwebauthn.KeyTypeEC2 || hasFullCoordinates(credential.Key.Data) {
			return credential
		}
	}
}

// hasFullCoordinates reports whether neither coordinate of a public key begins with a zero byte. data is the key in PKCS #8.
func hasFullCoordinates(data []byte) bool {
	parsed, err := x509.ParsePKCS8PrivateKey(data)
	if err != nil {
		panic(err)
	}
	point, err := parsed.(*ecdsa.PrivateKey).PublicKey.Bytes() // 4, then both coordinates of 32 bytes
	if err != nil {
		panic(err)
	}
	return point[1] != 0 && point[33] != 0
}
