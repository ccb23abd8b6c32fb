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
func textFaults(f *model.Field, s, pointer string) []errs.Fault {
	var faults []errs.Fault
	if strings.IndexByte(s, 0) >= 0 {
		faults = append(faults, fault(pointer, "nul", "must not hold the character U+0000"))
	}
	length := int64(utf8.RuneCountInString(s))
	if least := minLength(f); length < least {
		faults = append(faults, fault(pointer, "too_short", "must be at least %s long, is %d", count(least, "character"), length))
	}
	if f.Max != nil && length > *f.Max {
		faults = append(faults, fault(pointer, "too_long", "must be at most %s long, is %d", count(*f.Max, "character"), length))
	}
	if f.Pattern != nil && !f.Pattern.MatchString(s) {
		faults = append(faults, fault(pointer, "pattern", "must match %s", f.Pattern))
	}
	if want := formatFault(f.Format, s); want != "" {
		faults = append(faults, fault(pointer, "format", "must be %s", want))
	}
	return faults
}

// minLength is 1 for a key: an empty id has no path.
func minLength(f *model.Field) int64 {
	least := int64(0)
	if f.System && f.Name == "id" {
		least = 1
	}
	if f.Min != nil {
		least = max(least, *f.Min)
	}
	return least
}

// formatFault returns what s should be and is not, or "".
func formatFault(format, s string) string {
	switch {
	case format == "email" && !isEmail(s):
		return "an email address such as ann@example.com"
	case format == "url" && !isURL(s):
		return "an address that begins with https:// or http://"
	case format == "slug" && !isSlug(s):
		return "lower-case letters a to z, digits, and single hyphens between them"
	}
	return ""
}

// isEmail asks for one @ between two texts without blanks or controls. Whether mail arrives there, only mail can tell.
func isEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && !strings.Contains(domain, "@") && !strings.ContainsFunc(s, isBlank)
}

// isBlank is true of what does not show by itself: blanks, controls, marks of direction.
func isBlank(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// isURL accepts http and https alone: an address of a row ends up as a link on somebody's page, and javascript: runs there.
func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && !strings.ContainsFunc(s, isBlank)
}

func isSlug(s string) bool {
	for word := range strings.SplitSeq(s, "-") {
		if word == "" || strings.TrimLeft(word, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}
