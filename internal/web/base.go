package web

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A base is the path of the public address, such as /api-root. It is "" for an app at the root of its host. Handlers, templates
// and routes know only the app's own paths. The edge of the server takes the base from requests, and adds it to addresses in
// answers.
type base string

// CheckBase refuses a base path that begins as routes do. A proxy that strips the base would send /api/users for /api/api/users,
// and the server could not tell the two apart.
func CheckBase(path string, routes []Route) error {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, route := range routes {
		_, pattern, _ := strings.Cut(route.Pattern, " ")
		own, _, _ := strings.Cut(strings.TrimPrefix(pattern, "/"), "/")
		if own, _, _ = strings.Cut(own, ":"); first != "" && own == first {
			return fmt.Errorf("the path %s of the public address begins with /%s, where the app has addresses of its own: choose another path", path, first)
		}
	}
	return nil
}

// enter returns r as the app's routes see it: without the base, where its path has it. A proxy may have stripped the base already,
// so other paths stay as they are. Both spellings lead to the same routes and the same checks.
func (b base) enter(r *http.Request) *http.Request {
	if b == "" {
		return r
	}
	path, isBelow := b.strip(r.URL.Path)
	raw, isRawBelow := b.strip(r.URL.RawPath)
	cookies := r.Header["Cookie"]
	if (!isBelow || (r.URL.RawPath != "" && !isRawBelow)) && len(cookies) == 0 {
		return r
	}
	inner := new(http.Request)
	*inner = *r
	if isBelow && (r.URL.RawPath == "" || isRawBelow) {
		address := *r.URL
		address.Path, address.RawPath = path, raw
		inner.URL = &address
	}
	if len(cookies) > 0 {
		inner.Header = r.Header.Clone()
		inner.Header["Cookie"] = renameCookies(cookies)
	}
	return inner
}

func (b base) strip(path string) (string, bool) {
	rest, found := strings.CutPrefix(path, string(b))
	switch {
	case found && rest == "":
		return "/", true
	case found && rest[0] == '/':
		return rest, true
	}
	return path, false
}

// A browser takes a cookie __Host- only with the path /, where all apps of the host would share it. Below a base the cookie is
// called __Secure- and has the base as its path.
const (
	hostCookie   = "__Host-"
	secureCookie = "__Secure-"
)

// renameCookies gives cookies of a browser the names that handlers know. A cookie __Host- is of another app on the host.
func renameCookies(lines []string) []string {
	var kept []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if rest, ours := strings.CutPrefix(pair, secureCookie); ours {
				kept = append(kept, hostCookie+rest)
			} else if pair != "" && !strings.HasPrefix(pair, hostCookie) {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return []string{strings.Join(kept, "; ")}
}

// below returns a path of the app as clients must ask for it. It leaves other addresses, and paths that have the base already.
func (b base) below(address string) string {
	if b == "" || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
		return address
	}
	path, _, _ := strings.Cut(address, "?")
	path, _, _ = strings.Cut(path, "#")
	if _, has := b.strip(path); has {
		return address
	}
	return string(b) + address
}

// leave adds the base to the addresses in a header.
func (b base) leave(header http.Header) {
	if b == "" {
		return
	}
	if values := header["Location"]; len(values) == 1 {
		header["Location"] = []string{b.below(values[0])}
	}
	if values := header["Set-Cookie"]; len(values) > 0 {
		values = slices.Clone(values)
		for i, value := range values {
			if rest, ours := strings.CutPrefix(value, hostCookie); ours {
				value = secureCookie + rest
			}
			values[i] = strings.Replace(value, "; Path=/;", "; Path="+string(b)+";", 1)
		}
		header["Set-Cookie"] = values
	}
}

// pageAddress matches the attributes of a page that hold a path of the app. In pages of html/template no text of a user has a
// double quote, so the match is always an attribute of the template.
var pageAddress = regexp.MustCompile(`( (?:href|src|action|formaction|data-begin|data-charts|data-tail)=")(/[^"]*)"`)

// page adds the base to the addresses in an HTML page.
func (b base) page(text []byte) []byte {
	if b == "" {
		return text
	}
	return pageAddress.ReplaceAllFunc(text, func(attribute []byte) []byte {
		found := pageAddress.FindSubmatch(attribute)
		return []byte(string(found[1]) + b.below(string(found[2])) + `"`)
	})
}

// Below returns a path of the app as the client of an answer must ask for it. Only text that is no header and no page needs it.
func Below(w http.ResponseWriter, path string) string {
	if x, ok := w.(*response); ok {
		return x.base.below(path)
	}
	return path
}

// PartOfPage returns a part of an HTML page with the addresses that its client must ask for. Bytes does it for whole pages.
func PartOfPage(w http.ResponseWriter, part []byte) []byte {
	if x, ok := w.(*response); ok {
		return x.base.page(part)
	}
	return part
}
