package model

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var publicSegment = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$`)

// PublicPath checks the public address of an app and returns its path without a last slash. Segments of the path need no
// escape, so one spelling is enough to find the path in requests and to write it into pages and cookies.
func PublicPath(text string) (path string, err error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "", errors.New("write an address with its scheme, such as https://app.example.com or https://example.com/app")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "", errors.New("leave out the user, the query and the fragment")
	}
	path = strings.TrimSuffix(u.EscapedPath(), "/")
	if path == "" {
		return "", nil
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !publicSegment.MatchString(segment) {
			return "", fmt.Errorf("the path %s has a part %q: use letters, digits and - . _ ~, without . at the begin", path, segment)
		}
	}
	return path, nil
}
