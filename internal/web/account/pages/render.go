package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets/account.css
var styleText []byte

//go:embed assets/account.js
var scriptText []byte

//go:embed assets/icon.svg
var iconText []byte

// policy is the content security policy of the pages.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'"

// An asset is a file that the pages load. Its name holds its hash, so browsers may keep it.
type asset struct {
	name, contentType string
	text              []byte
}

func newAsset(text []byte, ending, contentType string) asset {
	sum := sha256.Sum256(text)
	return asset{"account-" + hex.EncodeToString(sum[:8]) + ending, contentType, text}
}

// path returns where the asset is served.
func (a asset) path() string { return "/account/assets/" + a.name }

// The assets never change.
var (
	style  = newAsset(styleText, ".css", "text/css; charset=utf-8")
	script = newAsset(scriptText, ".js", "text/javascript; charset=utf-8")
	icon   = newAsset(iconText, ".svg", "image/svg+xml")
)

func serveAsset(w http.ResponseWriter, r *http.Request) error {
	for _, each := range []asset{style, script, icon} {
		if r.PathValue("name") == each.name {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			return web.Bytes(w, http.StatusOK, each.contentType, each.text)
		}
	}
	return errs.New(errs.NotFound, "no such asset")
}

// templates has one template for each page, with the layout around it.
var templates = parse("form", "home", "sessions", "totp", "keys", "error")

func parse(names ...string) map[string]*template.Template {
	all := map[string]*template.Template{}
	common := template.Must(template.New("").ParseFS(templateFiles, "templates/layout.html", "templates/fields.html"))
	for _, name := range names {
		all[name] = template.Must(template.Must(common.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}

// A frame is what all pages show.
type frame struct {
	App    string
	Title  string
	Path   string // of the page
	Notice string
	Signed bool // in
	Plain  bool // a sign-in would be in vain: see isPlain
	Wide   bool
}

// Style, Script and Icon return the paths of the assets.
func (frame) Style() string  { return style.path() }
func (frame) Script() string { return script.path() }
func (frame) Icon() string   { return icon.path() }

// frame returns the frame of a page. A notice is shown once.
func (v *visit) frame(title string) frame {
	f := frame{App: v.pages.app, Title: title, Path: v.r.URL.Path, Notice: v.flow.Notice, Signed: v.session != ""}
	f.Plain = !f.Signed && isPlain(v.r)
	v.flow.Notice = ""
	return f
}

// render answers with a page.
func (v *visit) render(status int, name string, page any) error {
	var buf bytes.Buffer
	if err := templates[name].ExecuteTemplate(&buf, "layout", page); err != nil {
		return err
	}
	if err := v.keepFlow(); err != nil {
		return err
	}
	v.answered = true
	header := v.w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	return web.Bytes(v.w, status, "text/html; charset=utf-8", buf.Bytes())
}

// A formPage is a page with one form.
type formPage struct {
	frame
	Lead  string
	Form  form
	Links []link
	Quick *form // a second form above the links, with one button
}

// A link leads to another page.
type link struct{ Text, Label, Path string }

// show answers with the page of a form.
func (v *visit) show(page formPage) error { return v.render(http.StatusOK, "form", page) }

// refuse answers with the page of a form that was not accepted.
func (v *visit) refuse(page formPage, err error) error {
	status, ok := page.Form.refuse(v, err)
	if !ok {
		return err
	}
	record := web.Record(v.r)
	record.Err, record.Kind = err, errs.KindOf(err)
	return v.render(status, "form", page)
}

// incomplete answers with the page of a form whose fields have faults already.
func (v *visit) incomplete(page formPage) error {
	return v.render(http.StatusUnprocessableEntity, "form", page)
}
