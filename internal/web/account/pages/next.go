package pages

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxNext bounds the length of a path in the parameter next.
const maxNext = 500

// nextOf returns a path that a sign-in may lead to, or the home page. Only a clean local path is taken that begins with
// /account/ or with a prefix of the configuration. Browsers read //host, /\host and paths with tabs as other hosts.
func (p *Pages) nextOf(text string) string {
	if len(text) > maxNext || strings.ContainsFunc(text, isNoLetterOfPath) {
		return homePath
	}
	target, err := url.Parse(text)
	if err != nil || target.Scheme != "" || target.Host != "" || target.User != nil || target.Opaque != "" || target.Fragment != "" {
		return homePath
	}
	clean := path.Clean(target.Path)
	if strings.HasSuffix(target.Path, "/") && clean != "/" {
		clean += "/"
	}
	begins := func(prefix string) bool { return strings.HasPrefix(target.Path, prefix) }
	if clean != target.Path || !slices.ContainsFunc(append([]string{homePath}, p.next...), begins) {
		return homePath
	}
	return text
}

// isNoLetterOfPath reports characters that no path has unescaped.
func isNoLetterOfPath(char rune) bool { return char <= ' ' || char >= 0x7f || char == '\\' }

// withNext adds the parameter next to the path of a page, unless it is the home page.
func withNext(page, next string) string {
	if next == "" || next == homePath {
		return page
	}
	return page + "?next=" + url.QueryEscape(next)
}
