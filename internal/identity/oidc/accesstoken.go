package oidc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"
	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	maxAccessToken = 16 << 10 // bytes
	tokenSkew      = time.Minute
	maxTime        = 1 << 40 // seconds since 1970; beyond the year 30,000
)

// A parsedToken is an access token whose signature was not verified.
type parsedToken struct {
	text    string
	header  tokenHeader
	payload []byte
	claims  claims
	issuer  string
}

// tokenHeader is the header of a signed token. Whatever else it has, such as a key of its own, does not count.
type tokenHeader struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

// errForm holds nothing of the token.
var errForm = errors.New("not a signed token: three parts of base64url with JSON inside")

// parseToken reads a token in its only spelling.
func parseToken(text string) (*parsedToken, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxAccessToken {
		return nil, errForm
	}
	var decoded [3][]byte
	for i, part := range parts {
		if strings.ContainsAny(part, "\r\n") { // the decoder skips them
			return nil, errForm
		}
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil || len(decoded[i]) == 0 {
			return nil, errForm
		}
	}
	p := &parsedToken{text: text, payload: decoded[1]}
	// This decoder refuses a member that is given twice, and the case of names matters to it.
	if strictjson.Unmarshal(decoded[0], &p.header) != nil || strictjson.Unmarshal(decoded[1], &p.claims) != nil {
		return nil, errForm
	}
	p.issuer = p.claims.text("iss")
	return p, nil
}

// verify checks the signature. One of the keys must have made it.
func (p *parsedToken) verify(keys []publicKey) error {
	signed, err := jose.ParseSignedCompact(p.text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(p.header.Algorithm)})
	if err != nil {
		return badToken("%v", err)
	}
	for _, key := range keys {
		if payload, err := signed.Verify(key.key); err == nil && bytes.Equal(payload, p.payload) {
			return nil
		}
	}
	return badToken("the signature is wrong")
}

// checkHeader checks what a token says of itself.
func (i *Issuer) checkHeader(p *parsedToken) error {
	kind := strings.TrimPrefix(strings.ToLower(p.header.Type), "application/")
	switch {
	case !slices.Contains(i.algorithms, p.header.Algorithm):
		return badToken("the algorithm %q is not accepted", errs.Clip(p.header.Algorithm, 20))
	case p.header.Critical != nil:
		return badToken("the header has crit")
	case kind != "at+jwt" && kind != "jwt" && p.header.Type != "":
		return badToken("the type is %q", errs.Clip(p.header.Type, 20))
	case kind != "at+jwt" && looksOtherwise(p.claims):
		return badToken("it is an ID token or another token, no access token")
	}
	return nil
}

// looksOtherwise reports whether the claims belong to an ID token, a logout token or a refresh token. Only issuers of RFC 9068
// give access tokens a type of their own.
func looksOtherwise(all claims) bool {
	for _, name := range []string{"nonce", "at_hash", "c_hash", "s_hash", "events"} {
		if _, ok := all[name]; ok {
			return true
		}
	}
	use, kind := all.text("token_use"), all.text("typ") // of Cognito, of Keycloak
	return (all["token_use"] != nil && use != "access") || (all["typ"] != nil && !strings.EqualFold(kind, "Bearer"))
}

// checkClaims checks the claims of a token, and returns what they say.
func (i *Issuer) checkClaims(all claims) (Token, error) {
	now := i.now()
	expires, hasExpiry := all.time("exp")
	made, isDated := all.time("iat")
	begins, _ := all.time("nbf")
	since, _ := all.time("auth_time")
	subject := all.text("sub")
	switch {
	case !slices.ContainsFunc(all.texts("aud"), func(name string) bool { return slices.Contains(i.audience, name) }):
		return Token{}, badToken("the audience is another one")
	case !hasExpiry || !isDated || all.isBadTime("nbf") || all.isBadTime("auth_time"):
		return Token{}, badToken("exp or iat is missing, or a time is none")
	case made.After(now.Add(tokenSkew)), begins.After(now.Add(tokenSkew)), since.After(now.Add(tokenSkew)):
		return Token{}, badToken("it is from the future")
	case subject == "" || len(subject) > maxSubject || strings.ContainsFunc(subject, isOdd):
		return Token{}, badToken("the subject is missing, too long, or has odd characters")
	case all["cnf"] != nil: // RFC 9449 and 8705: whoever sends it must prove that he has a key
		return Token{}, badToken("the token is bound to a key of its client, so it is no bearer token")
	}
	methods, mfa := methodsOf(all.texts("amr"))
	token := Token{
		Identity: Identity{Issuer: i.name, Subject: subject, Email: all.text("email"), Name: all.text("name"), Claims: i.some(all)},
		Methods:  methods, MFA: mfa || i.isMFA(all), Since: since, Expires: expires,
	}
	token.EmailVerified = token.Email != "" && all.isTrue("email_verified")
	return token, i.checkExpiry(expires)
}

func isOdd(char rune) bool { return unicode.IsControl(char) || char == unicode.ReplacementChar }

func (i *Issuer) checkExpiry(expires time.Time) error {
	if !i.now().Before(expires.Add(tokenSkew)) {
		return errs.New(errs.Unauthenticated, "the token has expired")
	}
	return nil
}

// some returns the claims that the caller wants.
func (i *Issuer) some(all claims) map[string]json.RawMessage {
	var some map[string]json.RawMessage
	for _, name := range i.wanted {
		if value, ok := all[name]; ok {
			if some == nil {
				some = map[string]json.RawMessage{}
			}
			some[name] = value
		}
	}
	return some
}

// isMFA reports whether acr says that a second factor was used. phr and phrh stand for proofs that nobody can phish (OpenID
// Connect Extended Authentication Profile).
func (i *Issuer) isMFA(all claims) bool {
	switch acr := all.text("acr"); acr {
	case "":
		return false
	case "mfa", "phr", "phrh", "http://schemas.openid.net/pape/policies/2007/06/multi-factor":
		return true
	default:
		return slices.Contains(i.mfa, acr)
	}
}

// methodsOf returns the words of caller.Methods for the values of amr (RFC 8176), and whether they name several factors.
func methodsOf(amr []string) (methods []string, mfa bool) {
	methods = []string{"oidc"}
	for _, value := range amr {
		word := ""
		switch value {
		case "pwd":
			word = "password"
		case "otp":
			word = "totp"
		case "sms", "tel":
			word = "code"
		case "hwk", "swk", "pop", "fido":
			word = "passkey"
		case "mfa":
			mfa = true
		}
		if word != "" && !slices.Contains(methods, word) {
			methods = append(methods, word)
		}
	}
	return methods, mfa
}

// texts returns a claim that is a text or a list of texts. Any other value has none.
func (c claims) texts(name string) []string {
	var several []string
	if json.Unmarshal(c[name], &several) == nil {
		return several
	}
	if one := c.text(name); one != "" {
		return []string{one}
	}
	return nil
}

// time returns a claim that is a time (RFC 7519, NumericDate).
func (c claims) time(name string) (time.Time, bool) {
	seconds, err := strconv.ParseFloat(string(c[name]), 64)
	if err != nil || !(seconds > 0 && seconds < maxTime) {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// isBadTime reports whether a claim is there and is no time.
func (c claims) isBadTime(name string) bool {
	_, ok := c.time(name)
	return c[name] != nil && !ok
}
