package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// appleSecretLife is the life of a client secret. Apple takes up to six months; each exchange makes its own.
const appleSecretLife = 5 * time.Minute

// appleSecret returns the function that makes client secrets for Apple: tokens that the key of the team signs.
func appleSecret(cfg Config) (func(time.Time) (string, error), error) {
	block, _ := pem.Decode([]byte(cfg.Key))
	if block == nil {
		return nil, misconfigured("key", "the key is no PEM: give the file AuthKey_%s.p8 of Apple", cfg.KeyID)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, misconfigured("key", "the key is no private key on P-256: give the file AuthKey_%s.p8 of Apple", cfg.KeyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: cfg.KeyID}}, nil)
	if err != nil {
		return nil, err
	}
	return func(now time.Time) (string, error) {
		payload, err := json.Marshal(map[string]any{
			"iss": cfg.Team, "sub": cfg.ClientID, "aud": appleIssuer, "iat": now.Unix(), "exp": now.Add(appleSecretLife).Unix(),
		})
		if err != nil {
			return "", err
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			return "", err
		}
		return signed.CompactSerialize()
	}, nil
}
