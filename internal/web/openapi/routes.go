package openapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// files holds the page at /docs: Swagger UI, unchanged and compressed, and a few lines of ours.
//
//go:embed docs
var files embed.FS

// policy lets the page run its own two scripts and send requests to this server, and nothing else. The pictures of Swagger
// UI are data URLs in its style.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Routes returns /openapi.json with the description of an API's routes, and /docs, its page. All callers get the
// same.
func Routes(rules *rule.Rules, described []web.Route, public string) []web.Route {
	const brief, long = "public, max-age=60", "public, max-age=3600"
	const script, style = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
	page := newFile("text/html; charset=utf-8", brief, index(rules.Model.Name))
	page.policy = policy
	return []web.Route{
		{Pattern: "GET /openapi.json", Handler: newCompressed("application/json", brief, pack(Document(rules, described, public))).serve},
		{Pattern: "GET /docs", Handler: page.serve},
		{Pattern: "GET /docs/docs.js", Handler: newFile(script, brief, read("docs.js")).serve},
		{Pattern: "GET /docs/docs.css", Handler: newFile(style, brief, read("docs.css")).serve},
		{Pattern: "GET /docs/swagger-ui.js", Handler: newCompressed(script, long, read("swagger-ui-bundle.js.gz")).serve},
		{Pattern: "GET /docs/swagger-ui.css", Handler: newCompressed(style, long, read("swagger-ui.css.gz")).serve},
	}
}

// read returns a file of the page from the binary.
func read(name string) []byte {
	out, err := files.ReadFile("docs/" + name)
	if err != nil {
		panic(err)
	}
	return out
}

func index(name string) []byte {
	var buf bytes.Buffer
	if err := template.Must(template.New("docs").Parse(string(read("index.html")))).Execute(&buf, name); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

// file is an answer made at the start of the server.
type file struct {
	contentType, cache, etag string
	policy                   string // Content-Security-Policy; "" sends none
	body                     []byte
	compressed               bool // body is gzip; serve unpacks it for other clients
}

func newFile(contentType, cache string, body []byte) *file {
	sum := sha256.Sum256(body)
	return &file{contentType: contentType, cache: cache, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, body: body}
}

func newCompressed(contentType, cache string, body []byte) *file {
	f := newFile(contentType, cache, body)
	f.compressed = true
	return f
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) error {
	none, err := web.ParseETags(r.Header["If-None-Match"])
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Cache-Control", f.cache)
	if f.policy != "" {
		header.Set("Content-Security-Policy", f.policy)
	}
	body, tag := f.body, f.etag
	if !f.compressed {
		if coding := web.Coding(w, len(body)); coding != "" {
			tag = `"` + coding + "-" + tag[1:]
		}
	} else {
		web.VaryOn(header, []string{"Accept-Encoding"})
		if web.Accepts(r) {
			header.Set("Content-Encoding", "gzip")
		} else {
			if body, err = unpack(body); err != nil {
				return err
			}
			tag = `"` + cmp.Or(web.Coding(w, len(body)), "plain") + "-" + tag[1:]
		}
	}
	web.SetETag(w, tag)
	if none.Given() && none.MatchWeak(tag) {
		header.Del("Content-Encoding")
		return web.Empty(w, http.StatusNotModified)
	}
	return web.Bytes(w, http.StatusOK, f.contentType, body)
}

// pack compresses the document. It says much the same of all tables, so it shrinks to a fifteenth.
func pack(body []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(body); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func unpack(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
