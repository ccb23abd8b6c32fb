package api

import (
	"errors"
	"hash/fnv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// The values of headers that are the same in every answer. Nothing changes them: who adds to one makes another.
var (
	privateNoCache = []string{"private, no-cache"}
	privateVary    = []string{"Authorization, Accept-Encoding"}
)

// private says that the answer is for this caller alone, and to be asked for again each time.
func private(w http.ResponseWriter) {
	h := w.Header()
	h["Cache-Control"] = privateNoCache // as in web, by their canonical names
	web.VaryOn(h, privateVary)
}

// etag returns the entity tag of a row that is sent in a content coding ("" for none): the revision for If-Match, a hash
// of what the caller sees for If-None-Match, and the coding. Masks and a new model change the hash without a new revision.
func etag(row record.Row, coding string) string {
	h := fnv.New64a()
	h.Write(row.JSON)
	b := append(make([]byte, 0, 40), '"')
	b = strconv.AppendInt(b, row.Revision, 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, h.Sum64(), 36)
	if coding != "" {
		b = append(append(b, '-'), coding...)
	}
	return string(append(b, '"'))
}

// conditions are the If-Match and If-None-Match of a request (RFC 9110, 13.1).
//
// A tag is compared without regard to W/ and to its content coding. Proxies that compress weaken tags, and a revision is
// exact whichever form the row was sent in.
type conditions struct{ match, none web.ETags }

func parseConditions(r *http.Request) (c conditions, err error) {
	if c.match, err = web.ParseETags(r.Header["If-Match"]); err != nil {
		return c, err
	}
	c.none, err = web.ParseETags(r.Header["If-None-Match"])
	return c, err
}

// given says whether a request has conditions at all.
func (c conditions) given() bool { return c.match.Given() || c.none.Given() }

// onRead judges the conditions of a read. tag is that of the answer, "" where it has none. A failed If-Match is
// errs.Stale; a failed If-None-Match says that the client has the answer already.
func (c conditions) onRead(tag string) (notModified bool, err error) {
	if c.match.Given() && !among(c.match, tag) {
		return false, errs.New(errs.Stale, "If-Match does not name what is here now: read it again without If-Match")
	}
	return c.none.Given() && among(c.none, tag), nil
}

// among says whether a header names the tag, or everything.
func among(tags web.ETags, tag string) bool {
	if tags.Any() {
		return true
	}
	revision, hash, ok := splitTag(strings.Trim(tag, `"`))
	return ok && slices.ContainsFunc(tags.List, func(t web.ETag) bool {
		r, h, ok := splitTag(t.Opaque)
		return ok && r == revision && h == hash
	})
}

// onWrite returns the condition of a write on the revision of its row, nil where there is none.
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
	return slices.ContainsFunc(tags.List, func(t web.ETag) bool {
		text, _, ok := splitTag(t.Opaque)
		n, err := strconv.ParseInt(text, 36, 64)
		return ok && err == nil && n == revision
	})
}

// splitTag cuts what stands between the quotes of an entity tag into its revision and hash.
func splitTag(opaque string) (revision, hash string, ok bool) {
	revision, rest, ok := strings.Cut(opaque, "-")
	hash, _, _ = strings.Cut(rest, "-")
	return revision, hash, ok
}

// explain says which condition a refused write did not meet, where it had If-None-Match.
func (c conditions) explain(err error) error {
	if e, ok := errors.AsType[*errs.Error](err); ok && e.Kind == errs.Stale && c.none.Given() {
		return errs.Wrapf(err, errs.Stale, "the row is at a revision that If-None-Match or If-Match excludes")
	}
	return err
}

// onCreate judges the conditions of a create, whose target is the list: it exists, and has no tag.
func (c conditions) onCreate() error {
	switch {
	case c.match.Given() && !c.match.Any():
		return errs.New(errs.Stale, "If-Match names a tag, and a list has none: create without it")
	case c.none.Any():
		return errs.New(errs.Stale, "If-None-Match: * excludes a list that exists: create without it; a taken id is refused anyhow")
	}
	return nil
}

// location is the path of a row.
func location(t *model.Table, id value.Value) string {
	key := id.Text
	if id.Kind == value.Int {
		key = strconv.FormatInt(id.Int, 10)
	}
	return "/api/" + t.Name + "/" + url.PathEscape(key)
}

// pool keeps the buffers of answers.
type pool struct{ sync.Pool }

// buffers is not configuration: like every sync.Pool it holds nothing that a request could see.
var buffers pool

// maxKept bounds the buffers that are kept: one large answer must not stay in memory.
const maxKept = 256 << 10

func (p *pool) get() *[]byte {
	if b, ok := p.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, 0, 4096)
	return &b
}

func (p *pool) put(b *[]byte) {
	if cap(*b) <= maxKept {
		p.Put(b)
	}
}
