package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// An address holds a password, and an error about a mistyped address could show it. So no error shows a part of an address
// that could be a piece of its password. What pgx says of a text that it cannot read quotes that text. If an @ or a / of
// the password is not escaped, pgx takes the rest of the password for the host or the database.

// addresses parses the address of Open and the direct address. It returns the settings of usual connections, and of
// connections that need a session of their own. It ignores blanks around an address, such as the line break at the end of a file.
func addresses(url, direct string) (config, session *pgx.ConnConfig, err error) {
	if config, err = parseAddress("address", url); err != nil {
		return nil, nil, err
	}
	config.RuntimeParams[ownSetting] = own
	if strings.TrimSpace(direct) == "" {
		return config, config, nil
	}
	if session, err = parseAddress("direct address", direct); err != nil {
		return nil, nil, err
	}
	session.RuntimeParams = mergeSettings(config.RuntimeParams, session.RuntimeParams)
	return config, session, nil
}

// addressError says what is wrong with an address. It quotes nothing of the address.
type addressError struct{ which, what string }

func (e *addressError) Error() string { return "the " + e.which + " of the database" + e.what }

const addressForm = "write it as postgres://user:password@host:5432/name, with %40 for an @ in the password, %2F for a / and %25 for a %"

// parseAddress parses an address. Errors call it which.
func parseAddress(which, text string) (*pgx.ConnConfig, error) {
	text = strings.TrimSpace(text)
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, &addressError{which, scrub(text, nil, unreadable(err))}
	}
	if isAmbiguous(text, config) {
		return nil, &addressError{which, " may have a piece of the password where another part is read: " + addressForm}
	}
	return config, nil
}

// unreadable says why pgx cannot read an address, in words that do not come from the address itself.
func unreadable(err error) string {
	if missing, ok := errors.AsType[*fs.PathError](err); ok {
		return ": " + missing.Error()
	}
	// What follows is a text of pgx's own, such as noPEM.
	if inner := errors.Unwrap(err); inner != nil && strings.Contains(err.Error(), "failed to configure TLS") {
		return ": " + inner.Error()
	}
	return " cannot be read: " + addressForm
}

// settingName is the form of a setting of the server or of libpq. No setting needs a capital letter.
var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_.]*$`)

// isAmbiguous reports whether pgx may have read a piece of the password as something else.
func isAmbiguous(text string, config *pgx.ConnConfig) bool {
	if _, rest, isURL := strings.Cut(text, "://"); isURL && strings.HasPrefix(text, "postgres") {
		// pgx ends the user and the password at the first @.
		user, behind, at := strings.Cut(rest, "@")
		if (at && strings.Contains(user, "/")) || strings.Contains(behind, "@") {
			return true
		}
	}
	hosts := []string{config.Host}
	for _, f := range config.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for name := range config.RuntimeParams {
		if !settingName.MatchString(name) || strings.Contains(name, "pass") {
			return true
		}
	}
	return slices.ContainsFunc(hosts, func(h string) bool { return !isHost(h) }) || strings.Contains(config.Database, "://")
}

// isHost reports whether a text can be the name or the address of a host, or the folder of a socket.
func isHost(s string) bool {
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@") { // a socket, perhaps in Linux's abstract namespace
		return !strings.ContainsAny(s[1:], "@ =")
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:%", r)
	})
}

// Name returns the name of the database of an address, for people. It leaves out the user and the password.
func Name(address string) (string, error) {
	config, err := parseAddress("address", address)
	if err != nil {
		return "", err
	}
	host := config.Host
	if !strings.HasPrefix(host, "/") {
		host = fmt.Sprintf("%s:%d", host, config.Port)
	}
	return "the PostgreSQL database " + config.Database + " on " + host, nil
}

var (
	// passwordValue finds the value of password, sslpassword and what looks like them.
	passwordValue = regexp.MustCompile(`(?i)pass[a-z_]*\s*=\s*('(?:\\.|[^'\\])*'?|(?:\\.|[^\s\\])*)`)
	escaped       = regexp.MustCompile(`\\(.)`)
)

// minSecret is the least length of a piece of a password that scrub looks for, in characters. Shorter ones are in every
// text.
const minSecret = 4

// secretsOf returns what may be a password in an address, however badly it is written, and the pieces of it between @s.
func secretsOf(address string, config *pgx.ConnConfig) []string {
	var all []string
	add := func(s string) {
		for _, form := range []string{s, strings.Trim(s, "'"), escaped.ReplaceAllString(strings.Trim(s, "'"), "$1")} {
			all = append(all, form)
			if plain, err := url.PathUnescape(form); err == nil {
				all = append(all, plain)
			}
			if plain, err := url.QueryUnescape(form); err == nil {
				all = append(all, plain)
			}
		}
	}
	for _, found := range passwordValue.FindAllStringSubmatch(address, -1) {
		add(found[1])
		parameter, _, _ := strings.Cut(found[1], "&") // of a URL
		add(parameter)
	}
	if at := strings.LastIndex(address, "@"); at >= 0 {
		_, user, isURL := strings.Cut(address[:at], "://")
		if !isURL {
			user = address[:at]
		}
		if _, password, ok := strings.Cut(user, ":"); ok {
			add(password)
		}
	}
	if config != nil {
		all = append(all, config.Password)
	}
	for _, s := range slices.Clone(all) {
		all = append(all, strings.Split(s, "@")...)
	}
	all = slices.DeleteFunc(all, func(s string) bool { return len(s) < minSecret || isShown(s, config) })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(all)
}

// isShown reports whether a password is also the name of something that errors must name: postgres as user and as password.
func isShown(s string, config *pgx.ConnConfig) bool {
	return config != nil && (strings.Contains(config.Host, s) || strings.Contains(config.User, s) || strings.Contains(config.Database, s))
}

// scrub removes the passwords of an address from a text.
func scrub(address string, config *pgx.ConnConfig, text string) string {
	for _, secret := range secretsOf(address, config) {
		text = strings.ReplaceAll(text, secret, "REDACTED")
	}
	return text
}

// scrubbed is an error whose text held a password.
type scrubbed struct {
	text  string
	cause error
}

func (e *scrubbed) Error() string { return e.text }

func (e *scrubbed) Unwrap() error { return e.cause }

// withoutSecrets removes the passwords of addresses from an error.
func withoutSecrets(err error, addresses ...string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, a := range addresses {
		config, bad := parseAddress("address", a)
		if bad != nil {
			config = nil
		}
		text = scrub(a, config, text)
	}
	if text == err.Error() {
		return err
	}
	return &scrubbed{text, err}
}
