package webhook

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// publicJWK is a public key as a JSON Web Key (RFC 8037), with the text of Standard Webhooks beside it.
type publicJWK struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	X         string `json:"x"`
	Text      string `json:"public_key"`
}

// KeySet returns the JSON Web Key Set of the public keys among some keys, for /.well-known/webhook-keys.json. While a key is
// replaced, the set has the old and the new one. Shared secrets are left out.
func KeySet(keys []VerifyingKey) []byte {
	set := struct {
		Keys []publicJWK `json:"keys"`
	}{[]publicJWK{}}
	for _, key := range keys {
		text, ok := key.Public()
		if !ok {
			continue
		}
		x := base64.RawURLEncoding.EncodeToString(key.public)
		set.Keys = append(set.Keys, publicJWK{
			Type: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", ID: thumbprint(x), X: x, Text: text,
		})
	}
	document, err := json.Marshal(set)
	if err != nil {
		panic("webhook: texts do not encode as JSON: " + err.Error())
	}
	return document
}

// thumbprint returns the id of a key that RFC 7638 defines: the hash of its required members in alphabetical order.
func thumbprint(x string) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
