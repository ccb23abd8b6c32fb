package backup

import (
	"errors"

	"filippo.io/age"
)

// ParseIdentity returns the secret key of age in a text. The error does not repeat the text.
func ParseIdentity(text string) (Identities, error) {
	identity, err := age.ParseX25519Identity(text)
	if err != nil {
		return nil, errors.New("this is no key of age: one begins with AGE-SECRET-KEY-1, as age-keygen writes it")
	}
	return Identities{identity}, nil
}
