package load

import (
	"cmp"
	"errors"
	"net/mail"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const (
	maxAddress = 2000 // bytes of a URL
	maxOrigins = 20
)

// readAddress reads a URL with one of the checks below.
func (l *loader) readAddress(value *node, what string, check func(string) (string, error)) string {
	source, ok := l.readText(value, what)
	if !ok {
		return ""
	}
	address, err := check(source)
	if err != nil {
		l.fault(value.pos, "%s cannot be %s: %v", what, quote(source), err)
	}
	return address
}

// PublicURL checks the public address of an app. It returns the address without a final slash.
func PublicURL(text string) (string, error) {
	text = strings.TrimSuffix(text, "/")
	if _, err := webAddress(text); err != nil {
		return "", err
	}
	if _, err := model.PublicPath(text); err != nil {
		return "", err
	}
	return text, nil
}

// origin checks an origin such as https://app.example.com, in the form that browsers send.
func origin(text string) (string, error) {
	address, err := webAddress(text)
	switch {
	case err != nil:
		return "", err
	case address.Path != "":
		return "", errors.New("write only the scheme and the host, such as " + address.Scheme + "://" + address.Host)
	}
	return text, nil
}

// originOf returns the origin of a checked public address, which may have a path.
func originOf(public string) string {
	if at := strings.Index(public, "://") + len("://"); strings.Contains(public[at:], "/") {
		return public[:at+strings.Index(public[at:], "/")]
	}
	return public
}

// issuerURL checks the address of an issuer of tokens. Tokens name it letter by letter, so it stays as it is.
func issuerURL(text string) (string, error) {
	_, err := webAddress(text)
	return text, err
}

// webAddress parses a URL with https, or with http for this machine.
func webAddress(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case len(text) > maxAddress || err != nil || address.Host == "" || address.Opaque != "":
		return nil, errors.New("write an address such as https://app.example.com")
	case address.User != nil || address.RawQuery != "" || address.ForceQuery || strings.Contains(text, "#"):
		return nil, errors.New("leave out the user, the query and the fragment")
	case address.Scheme != "https" && (address.Scheme != "http" || !isLoopback(address.Hostname())):
		return nil, errors.New("it must begin with https://, or with http:// for localhost")
	case !isHost(address.Hostname()):
		return nil, errors.New("write the host in lower-case ASCII letters, such as app.example.com or xn--bcher-kva.example")
	case address.Port() == "" && strings.HasSuffix(address.Host, ":"), address.Port() == defaultPort(address.Scheme):
		return nil, errors.New("leave out the port " + defaultPort(address.Scheme) + ", as browsers do")
	case !strings.HasPrefix(text, address.Scheme+"://"+address.Host):
		return nil, errors.New("write the scheme in lower case")
	}
	return address, nil
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || (err == nil && ip.IsLoopback())
}

var hostShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

func isHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || (len(host) <= 253 && hostShape.MatchString(host))
}

// readPasskeys reads where passkeys work. The public address of the app is the origin if the model gives none.
func (l *loader) readPasskeys(accounts *model.Accounts, value *node) *model.Passkeys {
	if !l.isObject(value, "passkeys") {
		return nil
	}
	result := &model.Passkeys{}
	for _, key := range l.known(value, "passkeys", passkeyKeys()) {
		if key.name == "domain" {
			result.Domain = l.readDomain(key.value)
			continue
		}
		for _, item := range l.readSome(key.value, "origins", maxOrigins) {
			if at := l.readAddress(item, "an origin", origin); at != "" {
				result.Origins = l.appendOnce(result.Origins, at, item, "the origin")
			}
		}
	}
	if !l.require(value, value.pos, "passkeys", "domain") || result.Domain == "" {
		return nil
	}
	origins := value.given("origins")
	switch {
	case origins == nil && accounts.URL != "" && within(accounts.URL, result.Domain):
		result.Origins = []string{originOf(accounts.URL)}
	case origins == nil:
		l.fault(value.pos, "passkeys needs the key origins: the addresses of the pages that ask for a passkey, such as https://%s", result.Domain)
	case len(origins.items) == 0 && origins.kind == list:
		l.fault(origins.pos, "origins has no address: write one such as https://%s", result.Domain)
	case len(result.Origins) > 0:
		l.checkOrigins(value.get("domain"), result)
	}
	return result
}

// readDomain reads the domain of passkeys, which WebAuthn calls the relying party id.
func (l *loader) readDomain(value *node) string {
	domain, ok := l.readText(value, "domain")
	if !ok {
		return ""
	}
	_, notIP := netip.ParseAddr(domain)
	switch {
	case strings.Contains(domain, "://"):
		l.fault(value.pos, "domain must be a name such as example.com, without https://")
	case !isHost(domain) || notIP == nil || (domain != "localhost" && !strings.Contains(domain, ".")):
		l.fault(value.pos, "domain cannot be %s: write the name of a domain in lower-case letters, such as example.com", quote(domain))
	default:
		return domain
	}
	return ""
}

// checkOrigins reports a domain that fits no origin. Browsers accept other domains only as related origins of one that
// fits.
func (l *loader) checkOrigins(at *node, passkeys *model.Passkeys) {
	fits := func(origin string) bool { return within(origin, passkeys.Domain) }
	if slices.ContainsFunc(passkeys.Origins, fits) {
		return
	}
	var hosts []string
	for _, origin := range passkeys.Origins {
		for host := hostOf(origin); strings.Contains(host, "."); _, host, _ = strings.Cut(host, ".") {
			hosts = append(hosts, host)
		}
	}
	l.fault(at.pos, "no origin is in the domain %s%s", quote(passkeys.Domain),
		cmp.Or(suggest.DidYouMean(passkeys.Domain, hosts), ": add https://"+passkeys.Domain+", or correct the domain"))
}

func hostOf(origin string) string {
	address, err := url.Parse(origin)
	if err != nil {
		return ""
	}
	return address.Hostname()
}

// within reports whether the host of an origin is a domain or below it.
func within(origin, domain string) bool {
	host := hostOf(origin)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func (l *loader) readMail(result *model.Mail, value *node) {
	if !l.isObject(value, "mail") {
		return
	}
	for _, key := range l.known(value, "mail", mailKeys()) {
		source, ok := l.readText(key.value, key.name)
		switch {
		case !ok:
		case key.name == "from":
			result.From = l.checkFrom(key.value, source)
		case !isFolder(source):
			l.fault(key.value.pos, "folder cannot be %s: write a folder within the folder of the app, such as mail", quote(source))
		default:
			result.Folder = source
		}
	}
}

func (l *loader) checkFrom(value *node, source string) string {
	address, err := mail.ParseAddress(source)
	switch {
	case err != nil || len(address.Address) > maxEmail || strings.ContainsAny(address.Name, "\r\n"):
		l.fault(value.pos, "from cannot be %s: write an address such as Careers <no-reply@example.com>", quote(source))
		return ""
	case strings.ContainsFunc(address.Address, func(r rune) bool { return r > '~' }):
		l.fault(value.pos, "the address of from must be ASCII: not every mail server accepts other letters")
		return ""
	}
	return source
}

// isFolder reports whether a text is the path of a folder below the app's own.
func isFolder(source string) bool {
	return source != "" && source != "." && path.Clean(source) == source && !path.IsAbs(source) &&
		source != ".." && !strings.HasPrefix(source, "../") && !strings.ContainsAny(source, `\:`) && len(source) <= maxAddress
}
