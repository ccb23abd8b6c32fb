package account

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A device cookie says that a browser has signed in to an account before. It is an id and an HMAC over the id and the address.
// It signs nobody in: it only gives the device a counter of its own for guesses.
const (
	deviceID  = 16 // bytes
	deviceMAC = 16
)

// newDevice returns a device cookie for the account of a kind with an address.
func (s *Service) newDevice(kind Kind, email string) string {
	id := make([]byte, deviceID, deviceID+deviceMAC)
	_, _ = rand.Read(id) // never fails
	return base64.RawURLEncoding.EncodeToString(append(id, s.deviceMAC(id, kind, email)...))
}

// knows reports whether a device cookie belongs to the account of a kind with an address.
func (s *Service) knows(kind Kind, email, cookie string) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	return err == nil && len(text) == deviceID+deviceMAC && hmac.Equal(text[deviceID:], s.deviceMAC(text[:deviceID], kind, email))
}

func (s *Service) deviceMAC(id []byte, kind Kind, email string) []byte {
	return mac(s.devices, string(id), string(kind), email)[:deviceMAC]
}

// network returns the unit that counts guesses of an address, as caller.Network does.
func network(address string) string {
	if ip := caller.Network(address); ip.IsValid() {
		return ip.String()
	}
	return address
}
