package web

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// maxETags bounds the entity tags of one header.
const maxETags = 100

// ETagHeader is the name of the header in RFC 9110's spelling. It is a key of the map; SetETag says why.
const ETagHeader = "ETag"

// An ETag is one entity tag of a header.
type ETag struct {
	Weak   bool
	Opaque string // text between the quotes
}

// Names reports whether e is the tag with the given text, or that tag with the name of a content coding. The text is without
// quotes.
func (e ETag) Names(text string) bool {
	coding, ok := strings.CutPrefix(e.Opaque, text)
	return ok && (coding == "" || coding == "-gzip" || coding == "-zstd") // the codings of negotiate
}

// ETags is the content of an If-Match or If-None-Match header.
type ETags struct {
	List []ETag
	any  bool
}

// Any reports whether the header is *, a match for everything that exists.
func (e ETags) Any() bool { return e.any }

// Given reports whether the request has the header.
func (e ETags) Given() bool { return e.any || len(e.List) > 0 }

// MatchWeak compares like If-None-Match: only the text between the quotes counts. etag is a value of the header ETag.
func (e ETags) MatchWeak(etag string) bool {
	tag, rest, ok := cutETag(etag)
	if !ok || rest != "" {
		return false
	}
	for _, other := range e.List {
		if other.Opaque == tag.Opaque {
			return true
		}
	}
	return e.any
}

// ParseETags reads all lines of an If-Match or If-None-Match header (RFC 9110, 13.1): either * or a list of entity tags.
// Without lines, the result is not Given. Errors are errs.Malformed.
func ParseETags(header []string) (ETags, error) {
	var e ETags
	if len(header) == 0 {
		return e, nil
	}
	rest := strings.Join(header, ",")
	if strings.Trim(rest, " \t") == "*" {
		return ETags{any: true}, nil
	}
	for {
		rest = strings.TrimLeft(rest, " \t,") // a list may have empty elements
		if rest == "" {
			break
		}
		tag, after, ok := cutETag(rest)
		after = strings.TrimLeft(after, " \t")
		if !ok || (after != "" && after[0] != ',') {
			return ETags{}, errs.New(errs.Malformed, `an entity tag is not of the form "…" or W/"…": send it as the ETag header gave it, with its quotes`)
		}
		if e.List = append(e.List, tag); len(e.List) > maxETags {
			return ETags{}, errs.New(errs.Malformed, "more than %d entity tags are given", maxETags)
		}
		rest = after
	}
	if len(e.List) == 0 {
		return ETags{}, errs.New(errs.Malformed, "a list of entity tags is empty")
	}
	return e, nil
}

// cutETag reads the entity tag at the start of s.
func cutETag(text string) (tag ETag, rest string, ok bool) {
	text, tag.Weak = strings.CutPrefix(text, "W/")
	if !strings.HasPrefix(text, `"`) {
		return tag, "", false
	}
	tag.Opaque, rest, ok = strings.Cut(text[1:], `"`)
	for _, c := range []byte(tag.Opaque) {
		if c <= ' ' || c == 0x7f {
			return tag, "", false
		}
	}
	return tag, rest, ok
}
