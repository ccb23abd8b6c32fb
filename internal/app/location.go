package app

import (
	"regexp"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/store/postgres"
)

// A Location says where a database is.
type Location struct {
	Folder string // data folder; empty for PostgreSQL
	Name   string // for people, without a password
}

// Locate distinguishes a folder from the address of a PostgreSQL database: a URL, or the key=value words of libpq.
func Locate(address string) (Location, error) {
	if !isAddress(address) {
		return Location{Folder: address, Name: "the data folder " + address}, nil
	}
	name, err := postgres.Name(address)
	return Location{Name: name}, err
}

// The patterns find user:password@host and a key of libpq in a text that looks like a folder.
var (
	withUser     = regexp.MustCompile(`^[^/]*:.*@`)
	withPassword = regexp.MustCompile(`(?i)pass\w*\s*=`)
)

// MayHoldPassword reports whether a text may be the address of a database. Commands do not print such a text.
func MayHoldPassword(text string) bool {
	return strings.Contains(text, "://") || withUser.MatchString(text) || withPassword.MatchString(text)
}

func isAddress(address string) bool {
	name, _, words := strings.Cut(address, "=")
	return MayHoldPassword(address) || (words && !strings.ContainsAny(name, `/\.`))
}
