package api

import (
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// The values of headers that are the same in every answer. Nothing changes them: who adds to one makes another.
var (
	privateNoCache = []string{"private, no-cache"}
	authorization  = []string{"Authorization"}
)

// private says that the answer is for this caller alone, and to be asked for again each time.
func private(w http.ResponseWriter) {
	h := w.Header()
	h["Cache-Control"] = privateNoCache // as in web, by their canonical names
	if len(h["Vary"]) == 0 {
		h["Vary"] = authorization
	} else {
		h.Add("Vary", authorization[0])
	}
}

// etag is the revision, for If-Match, and a hash of what the caller sees, for If-None-Match: masks and a new model
// change it without a new revision.
func etag(row record.Row) string {
	h := fnv.New64a()
	h.Write(row.JSON)
	b := append(make([]byte, 0, 32), '"')
	b = strconv.AppendInt(b, row.Revision, 36)
	b = append(b, '-')
	b = strconv.AppendUint(b, h.Sum64(), 36)
	return string(append(b, '"'))
}

// ifMatch is the condition of a write on the row's revision, nil where there is none.
func ifMatch(r *http.Request) (record.Match, error) {
	tags, err := web.ParseETags(r.Header["If-Match"])
	if err != nil {
		return nil, err
	}
	switch {
	case !tags.Given():
		return nil, nil
	case tags.Any():
		return func(int64) bool { return true }, nil
	}
	return func(revision int64) bool {
		for _, t := range tags.List {
			known, _, ok := strings.Cut(t.Opaque, "-")
			if n, err := strconv.ParseInt(known, 36, 64); ok && err == nil && n == revision && !t.Weak {
				return true
			}
		}
		return false
	}, nil
}

// location is the path of a row.
func location(t *schema.Table, id value.Value) string {
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
