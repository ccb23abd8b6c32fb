package audit

import (
	"regexp"
	"slices"
	"strings"
)

// redacted stands for a secret.
const redacted = "REDACTED"

// secretForms match texts that are secrets by their form. They are a net below the callers, who must pass no secret: a
// password or a code has no form.
var secretForms = [...]*regexp.Regexp{
	regexp.MustCompile(`ashl_[0-9A-Za-z_-]{12,}`),                                       // an API key
	regexp.MustCompile(`\bey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),         // a token (JWS)
	regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}`),                 // a header
	regexp.MustCompile(`\$(argon2|scrypt|pbkdf2|2[abxy]?\$|[156]\$)\S*`),                // the hash of a password
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*)`),                     // a key file
	regexp.MustCompile(`(?i)\b(token|code|secret|password|state|otpauth)=[^&\s"'<>#]+`), // the query of a link
	regexp.MustCompile(`otpauth://\S+`),
}

// passwordInURL matches the password of a URL, and keeps what stands around it.
var passwordInURL = regexp.MustCompile(`(://[^/\s:@]*):[^/\s@]+@`)

// redact returns text with REDACTED in the place of what looks like a secret.
func redact(text string) string {
	for _, form := range secretForms {
		text = form.ReplaceAllString(text, redacted)
	}
	return passwordInURL.ReplaceAllString(text, "$1:"+redacted+"@")
}

// namesSecret reports whether a member of that name holds a secret.
func namesSecret(name string) bool {
	name = strings.ToLower(name)
	return name == "code" || slices.ContainsFunc([]string{"password", "secret", "token", "cookie", "authorization", "recovery"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}
