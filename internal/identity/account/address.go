package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Bounds of an email address (RFC 5321, 4.5.3.1).
const (
	maxAddress = 254 // bytes
	maxLocal   = 64  // bytes before the @
)

// canonical returns the one form of an email address that Ashlar stores, compares and counts guesses for: NFC, in lower case.
// Every look-up uses it, so two spellings of one address share one account and one counter.
func canonical(text string) (string, bool) {
	if !utf8.ValidString(text) || len(text) > maxAddress {
		return "", false
	}
	address := norm.NFC.String(strings.ToLower(norm.NFC.String(text)))
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || len(local) > maxLocal || len(address) > maxAddress || !isDomain(domain) {
		return "", false
	}
	return address, !strings.ContainsFunc(local, isNoLetterOfAddress)
}

// isDomain reports whether text is a name with at least two labels.
func isDomain(text string) bool {
	labels := strings.Split(text, ".")
	if len(labels) < 2 {
		return text == "localhost"
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.ContainsFunc(label, isNoLetterOfDomain) {
			return false
		}
	}
	return true
}

func isNoLetterOfDomain(char rune) bool {
	return char != '-' && !unicode.IsLetter(char) && !unicode.IsDigit(char) && !unicode.IsMark(char)
}

// isNoLetterOfAddress reports characters that no unquoted local part holds (RFC 5322, 3.2.3; RFC 6531, 3.3). Characters that
// NFKC turns into others are refused too: some look like the @ of another address.
func isNoLetterOfAddress(char rune) bool {
	if char < utf8.RuneSelf {
		return char <= ' ' || char == 0x7f || strings.ContainsRune(`"(),:;<>@[\]`, char)
	}
	return !unicode.IsGraphic(char) || unicode.IsSpace(char) || norm.NFKC.String(string(char)) != string(char)
}

// address returns the canonical form of the address in a member of a body.
func address(text, pointer string) (string, error) {
	email, ok := canonical(text)
	if !ok {
		return "", invalid(pointer, "email", "this is not an email address")
	}
	return email, nil
}

// invalid returns an errs.Invalid with one fault.
func invalid(pointer, code, detail string) error {
	return &errs.Error{Kind: errs.Invalid, Message: "the body is not acceptable", Faults: []errs.Fault{{Pointer: pointer, Code: code, Detail: detail}}}
}
