package passkey

import (
	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// user is an Owner as the library wants to see it.
type user struct{ owner Owner }

func (u user) WebAuthnID() []byte          { return []byte(u.owner.Handle) }
func (u user) WebAuthnName() string        { return u.owner.Name }
func (u user) WebAuthnDisplayName() string { return u.owner.Title }

// WebAuthnCredentials leaves out passkeys that cannot be decoded, which no authenticator made.
func (u user) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, 0, len(u.owner.Passkeys))
	for _, p := range u.owner.Passkeys {
		id, errID := encoding.DecodeString(p.ID)
		key, errKey := encoding.DecodeString(p.Key)
		model, errModel := encoding.DecodeString(p.Traits.Model)
		if errID != nil || errKey != nil || errModel != nil {
			continue
		}
		transports := make([]protocol.AuthenticatorTransport, len(p.Traits.Transports))
		for i, name := range p.Traits.Transports {
			transports[i] = protocol.AuthenticatorTransport(name)
		}
		all = append(all, webauthn.Credential{
			ID: id, PublicKey: key, Transport: transports,
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: p.Traits.UserVerified, BackupEligible: p.Traits.BackupEligible, BackupState: p.Traits.BackedUp},
			Authenticator: webauthn.Authenticator{AAGUID: model, SignCount: p.Count},
		})
	}
	return all
}

// keep returns what the server keeps of a credential.
func keep(c *webauthn.Credential) Passkey {
	p := Passkey{
		ID: encoding.EncodeToString(c.ID), Key: encoding.EncodeToString(c.PublicKey), Count: c.Authenticator.SignCount,
		Traits: Traits{
			Model: encoding.EncodeToString(c.Authenticator.AAGUID), BackupEligible: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
			UserVerified: c.Flags.UserVerified,
		},
	}
	for _, transport := range c.Transport {
		p.Traits.Transports = append(p.Traits.Transports, string(transport))
	}
	return p
}
