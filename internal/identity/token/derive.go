package token

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// Derive returns the server's secret key for a purpose (HKDF, RFC 5869). Different purposes have independent keys. They stay
// the same when the signing keys change.
func (k *Keys) Derive(purpose string) [32]byte {
	key, err := hkdf.Key(sha256.New, k.secret[:], nil, "ashlar "+purpose, 32)
	if err != nil {
		panic("token: " + err.Error()) // only a longer key could fail
	}
	return [32]byte(key)
}

// sealed begins the text of Seal. A later form has another beginning.
const sealed = "v1."

// Seal encrypts a secret for a column of the database (AES-256-GCM). Open needs the same purpose and context. The context is
// the row that the secret belongs to, so that nobody can copy the text to another row.
func (k *Keys) Seal(purpose string, secret []byte, context string) (string, error) {
	gcm, err := k.gcm(purpose)
	if err != nil {
		return "", err
	}
	return sealed + base64.RawURLEncoding.EncodeToString(gcm.Seal(nil, nil, secret, []byte(context))), nil
}

// Open decrypts a text of Seal.
func (k *Keys) Open(purpose, text, context string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, sealed)
	if !ok {
		return nil, errors.New("the sealed text has an unknown form")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return nil, errors.New("the sealed text is damaged")
	}
	gcm, err := k.gcm(purpose)
	if err != nil {
		return nil, err
	}
	secret, err := gcm.Open(nil, nil, raw, []byte(context))
	if err != nil {
		return nil, errors.New("the text was sealed with another key, or for another row")
	}
	return secret, nil
}

// gcm returns the cipher of a purpose. Its nonces are random: the 32-bit counter of messages under one key stays far away.
func (k *Keys) gcm(purpose string) (cipher.AEAD, error) {
	key := k.Derive("seal " + purpose)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// JWKS returns the public keys that verify access tokens, as a JWK Set (RFC 7517). Cache it for less than ten minutes.
func (k *Keys) JWKS() ([]byte, error) {
	set := jose.JSONWebKeySet{}
	for _, key := range k.set.Load().keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.private.Public(), KeyID: key.id, Algorithm: string(jose.EdDSA), Use: "sig"})
	}
	return json.Marshal(set)
}
