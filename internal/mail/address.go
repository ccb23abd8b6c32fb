package mail

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// The bounds of an address in bytes (RFC 5321).
const (
	maxAddress = 254
	maxLocal   = 64
)

// CheckAddress returns an errs.Invalid unless text is a plain address that a mail can go to: ada@example.com, without a
// name, quotes or comments. Both parts may have letters of any script.
func CheckAddress(text string) error {
	if !isAddress(text) {
		return errs.New(errs.Invalid, "not an email address: write it as ada@example.com")
	}
	return nil
}

func isAddress(text string) bool {
	if len(text) > maxAddress || !utf8.ValidString(text) || strings.ContainsFunc(text, isUnprintable) || strings.ContainsAny(text, `"()<>[]\,;: `) {
		return false
	}
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at > maxLocal {
		return false
	}
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Name == "" && parsed.Address == text
}

func isUnprintable(char rune) bool { return !unicode.IsPrint(char) }

// A From is the sender of mails.
type From struct{ address mail.Address }

// ParseFrom parses a sender: `Careers <no-reply@example.com>` or an address alone.
func ParseFrom(text string) (From, error) {
	parsed, err := mail.ParseAddress(text)
	if err != nil || !isAddress(parsed.Address) {
		return From{}, errs.New(errs.Invalid, "not a sender: write it as Careers <no-reply@example.com>")
	}
	parsed.Name = OneLine(parsed.Name, maxName)
	return From{*parsed}, nil
}

// domain returns the part of the address behind the @.
func (f From) domain() string {
	_, domain, _ := strings.Cut(f.address.Address, "@")
	return domain
}
