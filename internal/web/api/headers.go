package api

import (
	"errors"
	"hash/crc32"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Values of headers shared by all answers. Nothing changes these slices: code that adds a value copies them.
var (
	privateNoCache = []string{"private, no-cache"}
	privateVary    = []string{"Authorization, Accept-Encoding"}
	publicVary     = []string{"Accept-Encoding"}
)

// setPrivate forbids shared caches to keep the answer. A browser may keep it, but asks again each time.
func setPrivate(w http.ResponseWriter) {
	header := w.Header()
	header["Cache-Control"] = privateNoCache // canonical names, like in web
	web.VaryOn(header, privateVary)
}

// setKeepers says who may keep the answer, and for how long: see model.Cache. A kept answer must not tell of the limits of
// one caller.
func setKeepers(w http.ResponseWriter, r *http.Request, public time.Duration) {
	if public == 0 {
		setPrivate(w)
		return
	}
	web.Record(r).Public = public
	header := w.Header()
	seconds := strconv.FormatInt(int64(public/time.Second), 10)
	header["Cache-Control"] = []string{"public, max-age=" + seconds + ", s-maxage=" + seconds}
	web.VaryOn(header, publicVary)
	web.HideLimits(header)
}

// etag returns the entity tag of a row in a content coding ("" for none). It holds the revision for If-Match, a hash
// of the visible row for If-None-Match, and the coding. Masks and a new model can change the hash of an unchanged
// revision.
func etag(row record.Row, coding string) string {
	out := append(make([]byte, 0, 40), '"')
	out = strconv.AppendInt(out, row.Revision, 36)
	out = append(out, '-')
	out = strconv.AppendUint(out, hash(row.JSON), 36)
	if coding != "" {
		out = append(append(out, '-'), coding...)
	}
	return string(append(out, '"'))
}

// hash returns 64 bits that distinguish two answers. Processors compute both checksums in a fifth of the time of FNV;
// FNV took 4 % of the CPU time of a get. The polynomials differ, so together they equal a CRC of 64 bits.
func hash(body []byte) uint64 {
	return uint64(crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))<<32 | uint64(crc32.ChecksumIEEE(body))
}

// conditions are the If-Match and If-None-Match of a request (RFC 9110, 13.1).
//
// A comparison of tags ignores W/ and the content coding. Proxies that compress weaken tags, and a revision is exact
// in every form of the row. So a write takes any ending, as some proxies add their own. A read takes the codings of the
// server only: it never gave a tag with another.
type conditions struct{ match, none web.ETags }

func parseConditions(r *http.Request) (c conditions, err error) {
	if c.match, err = web.ParseETags(r.Header["If-Match"]); err != nil {
		return c, err
	}
	c.none, err = web.ParseETags(r.Header["If-None-Match"])
	return c, err
}

// given reports whether a request has conditions.
func (c conditions) given() bool { return c.match.Given() || c.none.Given() }

// onRead checks the conditions of a read. names reports whether a header names the answer. A failed If-Match is errs.Stale.
// After a failed If-None-Match the client can use its copy of the answer.
func (c conditions) onRead(names func(web.ETags) bool) (notModified bool, err error) {
	if c.match.Given() && !names(c.match) {
		return false, errs.New(errs.Stale, "If-Match does not name the current version: read it again without If-Match")
	}
	return c.none.Given() && names(c.none), nil
}

// listTag returns the entity tag of a list in a content coding ("" for none).
func listTag(tag, coding string) string {
	if coding == "" {
		return `"` + tag + `"`
	}
	return `"` + tag + "-" + coding + `"`
}

// names reports whether a header names a tag, in a content coding of the server, or is *. The tag is without quotes.
func names(tags web.ETags, tag string) bool {
	return tags.Any() || slices.ContainsFunc(tags.List, func(t web.ETag) bool { return t.Names(tag) })
}

// onWrite returns the condition on the revision of the row to write, or nil if there is none.
func (c conditions) onWrite() record.Match {
	if !c.given() {
		return nil
	}
	return func(revision int64) bool {
		return (!c.match.Given() || namesRevision(c.match, revision)) && (!c.none.Given() || !namesRevision(c.none, revision))
	}
}

func namesRevision(tags web.ETags, revision int64) bool {
	if tags.Any() {
		return true
	}
	return slices.ContainsFunc(tags.List, func(tag web.ETag) bool {
		text, _, ok := strings.Cut(tag.Opaque, "-")
		n, err := strconv.ParseInt(text, 36, 64)
		return ok && err == nil && n == revision
	})
}

// explain names the failed condition, for a write with If-None-Match.
func (c conditions) explain(err error) error {
	if failure, ok := errors.AsType[*errs.Error](err); ok && failure.Kind == errs.Stale && c.none.Given() {
		return errs.Wrapf(err, errs.Stale, "the row is at a revision that If-None-Match or If-Match excludes")
	}
	return err
}

// onCreate checks the conditions of a create. Its target is the list, which exists. A write between the reading of the list and
// the create would go unnoticed, so tags are refused.
func (c conditions) onCreate() error {
	switch {
	case c.match.Given() && !c.match.Any():
		return errs.New(errs.Stale, "If-Match names a tag of the list, which does not guard a create: create without it")
	case c.none.Any():
		return errs.New(errs.Stale, "If-None-Match: * excludes a list that exists: create without it; an id in use is refused without it too")
	}
	return nil
}

// location returns the path of a row.
func location(table *model.Table, id value.Value) string {
	key := id.Text
	if id.Kind == value.Int {
		key = strconv.FormatInt(id.Int, 10)
	}
	return "/api/" + table.Name + "/" + url.PathEscape(key)
}

// pool holds buffers for answers.
type pool struct{ sync.Pool }

// buffers may be global: like every sync.Pool, it holds nothing visible to a request.
var buffers pool

// maxKept is the largest kept buffer, so that one large answer does not stay in memory.
const maxKept = 256 << 10

func (p *pool) get() *[]byte {
	if b, ok := p.Get().(*[]byte); ok {
		return b
	}
	out := make([]byte, 0, 4096)
	return &out
}

func (p *pool) put(b *[]byte) {
	if cap(*b) <= maxKept {
		p.Put(b)
	}
}
