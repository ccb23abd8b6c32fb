package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Bounds of the time that an ID token was made at.
const (
	maxTokenAge = 10 * time.Minute
	maxSkew     = 2 * time.Minute
)

// claims are the members of an ID token.
type claims map[string]json.RawMessage

// text returns a claim, or "" if it is no text.
func (c claims) text(name string) string {
	var text string
	if json.Unmarshal(c[name], &text) != nil {
		return ""
	}
	return text
}

// isTrue reports whether a claim is true. Some providers send the text "true".
func (c claims) isTrue(name string) bool {
	value := string(c[name])
	return value == "true" || value == `"true"`
}

func (c claims) have(names []string) bool {
	for _, name := range names {
		if _, ok := c[name]; !ok {
			return false
		}
	}
	return true
}

// verify checks an ID token, and returns its claims (OpenID Connect Core, 3.1.3.7).
func (o *openID) verify(ctx context.Context, m *metadata, text, access, nonce string) (claims, error) {
	if text == "" {
		return nil, refused("the token endpoint gave no ID token")
	}
	if kind := typeOf(text); kind != "" && !strings.EqualFold(kind, "JWT") {
		return nil, refused("the token has the type %q", kind)
	}
	token, err := m.verifier.Verify(ctx, text)
	if err != nil {
		if _, isOld := errors.AsType[*oidc.TokenExpiredError](err); !isOld && strings.Contains(err.Error(), "fetching keys") {
			return nil, o.unavailable(err)
		}
		return nil, refused("the ID token: %w", err)
	}
	var all claims
	if err := token.Claims(&all); err != nil {
		return nil, refused("the ID token: %w", err)
	}
	if err := o.checkToken(m, token, all, nonce); err != nil {
		return nil, err
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(access); err != nil {
			return nil, refused("the ID token: %w", err)
		}
	}
	return all, nil
}

// checkToken checks what the library leaves to its caller.
func (o *openID) checkToken(m *metadata, token *oidc.IDToken, all claims, nonce string) error {
	party := all.text("azp")
	_, hasParty := all["azp"]
	age := o.now().Sub(token.IssuedAt)
	switch {
	case !o.accepts(m.Issuer, token.Issuer, all.text("tid")):
		return refused("the ID token has the iss %q, not %q", token.Issuer, m.Issuer)
	case nonce == "" || subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return refused("the ID token has another nonce")
	case len(token.Audience) > 1 && !hasParty:
		return refused("the ID token has several audiences and no azp")
	case hasParty && party != o.clientID:
		return refused("the ID token has the azp %q", party)
	case token.IssuedAt.IsZero() || token.IssuedAt.Unix() <= 0:
		return refused("the ID token has no iat")
	case age > maxTokenAge || age < -maxSkew:
		return refused("the ID token was made at %v", token.IssuedAt)
	}
	return nil
}

// typeOf returns the type in the header of a token, which says that it is no ID token. It returns "" if there is none.
func typeOf(token string) string {
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	var header struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return "unreadable"
	}
	return header.Type
}
