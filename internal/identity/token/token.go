package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	issuer    = "ashlar" // iss and aud of the tokens; the key tells databases apart
	tokenType = "at+jwt" // RFC 9068; other JWTs under the same key are no access tokens
	maxToken  = 4 << 10  // bytes
	maxSkew   = 60       // seconds that iat may be ahead of the clock; exp and nbf have no tolerance
)

// claims is the payload of a token.
type claims struct {
	Issuer        string   `json:"iss"`
	Audience      string   `json:"aud"`
	Subject       string   `json:"sub"`
	IssuedAt      int64    `json:"iat"`
	NotBefore     int64    `json:"nbf,omitempty"`
	Expiry        int64    `json:"exp"`
	ID            string   `json:"jti"`
	Roles         []string `json:"roles,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified,omitempty"`
	MFA           bool     `json:"mfa,omitempty"`
	Session       string   `json:"sid,omitempty"`       // the token ends with this session
	Stamp         int64    `json:"stp,omitempty"`       // and when the session has another stamp
	Methods       []string `json:"amr,omitempty"`       // RFC 8176, in the words of caller.Methods
	Since         int64    `json:"auth_time,omitempty"` // of the last proof
}

// Sign returns a token for a user. It is valid from now for ttl: from a second to MaxTTL, cut to whole seconds.
func (k *Keys) Sign(id caller.Identity, ttl time.Duration, now time.Time) (_ string, err error) {
	defer errs.Wrap(&err, "auth.Sign(%s)", id.ID)
	if id.ID == "" {
		return "", errors.New("a token needs the id of a user")
	}
	if ttl < time.Second {
		return "", fmt.Errorf("a token must live for a second at least, not %v", ttl)
	}
	if ttl > MaxTTL {
		return "", fmt.Errorf("a token must not live for longer than %v: %v", MaxTTL, ttl)
	}
	payload, err := json.Marshal(newClaims(id, ttl, now))
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	token, err := k.set.Load().signer(now).sign(payload)
	if err == nil && len(token) > maxToken {
		return "", fmt.Errorf("the token would have %d bytes, more than the %d that are accepted: id, email or roles are too long", len(token), maxToken)
	}
	return token, err
}

// newClaims returns the claims for a user. Only a session can be behind a token: a key is sent itself.
func newClaims(id caller.Identity, ttl time.Duration, now time.Time) claims {
	c := claims{
		Issuer: issuer, Audience: issuer, Subject: id.ID, ID: rand.Text(),
		IssuedAt: now.Unix(), Expiry: now.Add(ttl).Unix(),
		Roles: id.Roles, Email: id.Email, EmailVerified: id.Verified, MFA: id.MFA, Methods: id.Methods,
	}
	if id.Proof.Kind == caller.ProofSession {
		c.Session, c.Stamp = id.Proof.ID, id.Proof.Stamp
	}
	if !id.Since.IsZero() {
		c.Since = id.Since.Unix()
	}
	return c
}

func (k signingKey) sign(payload []byte) (string, error) {
	options := (&jose.SignerOptions{}).WithType(tokenType).WithHeader("kid", k.id)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: k.private}, options)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return signed.CompactSerialize()
}

// verify returns the claims of an access token that one of the keys signed. It does not check times. Its errors hold nothing
// of the token.
func (s *keySet) verify(token string) (claims, error) {
	var c claims
	if !isCompact(token) {
		return c, errors.New("not three parts of base64url")
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return c, fmt.Errorf("not a token of ours: %w", err)
	}
	header := signed.Signatures[0].Protected
	key, known := s.find(header.KeyID)
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != tokenType || !known {
		return c, errors.New("of another type or key")
	}
	payload, err := signed.Verify(key.private.Public().(ed25519.PublicKey))
	if err != nil {
		return c, fmt.Errorf("signature: %w", err)
	}
	if err := json.Unmarshal(payload, &c); err != nil { // json of go-jose refuses a member given twice, and case matters
		return c, fmt.Errorf("claims: %w", err)
	}
	if c.Issuer != issuer || c.Audience != issuer || c.Subject == "" || c.Expiry <= 0 {
		return c, errors.New("iss, aud, sub or exp is missing or has another value")
	}
	return c, nil
}

// isCompact reports whether a token has the only spelling of a compact serialization. The decoder behind go-jose skips line
// ends and the last bits of the signature, so without this check a token would have any number of spellings.
func isCompact(token string) bool {
	dots := 0
	for _, c := range []byte(token) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.':
			dots++
		default:
			return false
		}
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	return dots == 2 && err == nil
}

// identity returns the user of the claims, with the declared roles only.
func (c claims) identity(declared map[string]bool) caller.Identity {
	id := caller.Identity{ID: c.Subject, Email: c.Email, Verified: c.EmailVerified, MFA: c.MFA, Methods: c.Methods}
	if c.Session != "" {
		id.Proof = caller.Proof{Kind: caller.ProofSession, ID: c.Session, Stamp: c.Stamp}
	}
	if c.Since > 0 {
		id.Since = time.Unix(c.Since, 0).UTC()
	}
	for _, role := range c.Roles {
		if declared[role] {
			id.Roles = append(id.Roles, role)
		}
	}
	return id
}
