package value

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// textFaults returns every fault of the text of a field.
func textFaults(field *model.Field, text, pointer string) []errs.Fault {
	var faults []errs.Fault
	if strings.IndexByte(text, 0) >= 0 {
		faults = append(faults, fault(pointer, "nul", "must not hold the character U+0000"))
	}
	length := int64(utf8.RuneCountInString(text))
	if least := minLength(field); length < least {
		faults = append(faults, fault(pointer, "too_short", "must be at least %s long, is %d", count(least, "character"), length))
	}
	if field.Max != nil && length > *field.Max {
		faults = append(faults, fault(pointer, "too_long", "must be at most %s long, is %d", count(*field.Max, "character"), length))
	}
	if field.Pattern != nil && !field.Pattern.MatchString(text) {
		faults = append(faults, fault(pointer, "pattern", "must match %s", field.Pattern))
	}
	if want := formatFault(field.Format, text); want != "" {
		faults = append(faults, fault(pointer, "format", "must be %s", want))
	}
	return faults
}

// minLength is 1 for a key: an empty id has no path.
func minLength(field *model.Field) int64 {
	least := int64(0)
	if field.System && field.Name == "id" {
		least = 1
	}
	if field.Min != nil {
		least = max(least, *field.Min)
	}
	return least
}

// formatFault returns the expected format if the text does not have it, or "".
func formatFault(format, text string) string {
	switch {
	case format == "email" && !isEmail(text):
		return "an email address such as ann@example.com"
	case format == "url" && !isURL(text):
		return "an address that begins with https:// or http://"
	case format == "slug" && !isSlug(text):
		return "lower-case letters a to z, digits, and single hyphens between them"
	}
	return ""
}

// isEmail accepts one @ between two texts without blanks or controls. Only sending mail would show whether the
// address works.
func isEmail(text string) bool {
	local, domain, ok := strings.Cut(text, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !strings.ContainsFunc(text, isBlank)
}

// isBlank reports whether a character is invisible: a blank, a control, a mark of direction.
func isBlank(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// isURL accepts only http and https: a row's address may become a link on a page, and javascript: would run there.
func isURL(text string) bool {
	address, err := url.Parse(text)
	return err == nil && (address.Scheme == "https" || address.Scheme == "http") && address.Hostname() != "" && !strings.ContainsFunc(text, isBlank)
}

func isSlug(text string) bool {
	for word := range strings.SplitSeq(text, "-") {
		if word == "" || strings.TrimLeft(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}
