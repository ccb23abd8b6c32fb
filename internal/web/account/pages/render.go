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
	"github.com/ashlar-dev/ashlar/internal/web/passkey"
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

// policyOf returns the policy of a page. Only a page that asks for passkeys may ask the server by itself.
func policyOf(page any) string {
	if p, ok := page.(interface{ PasskeyScript() string }); ok && p.PasskeyScript() != "" {
		return policy + "; connect-src 'self'"
	}
	return policy
}

// An asset is a file that the pages load. Its name holds its hash, so browsers may keep it.
type asset struct {
	name, contentType string
	text              []byte
}

func newAsset(name string, text []byte, ending, contentType string) asset {
	sum := sha256.Sum256(text)
	return asset{name + "-" + hex.EncodeToString(sum[:8]) + ending, contentType, text}
}

// path returns where the asset is served.
func (a asset) path() string { return "/account/assets/" + a.name }

// The assets never change.
var (
	style    = newAsset("account", styleText, ".css", "text/css; charset=utf-8")
	script   = newAsset("account", scriptText, ".js", "text/javascript; charset=utf-8")
	passkeys = newAsset("passkey", passkey.Script(), ".js", "text/javascript; charset=utf-8")
	icon     = newAsset("account", iconText, ".svg", "image/svg+xml")
)

func serveAsset(w http.ResponseWriter, r *http.Request) error {
	for _, each := range []asset{style, script, passkeys, icon} {
		if r.PathValue("name") == each.name {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			return web.Bytes(w, http.StatusOK, each.contentType, each.text)
		}
	}
	return errs.New(errs.NotFound, "no such asset")
}

// templates has one template for each page, with the layout around it.
var templates = parse("form", "home", "sessions", "totp", "passkeys", "links", "keys", "error")

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
	Fault  string // what went wrong before
	Signed bool   // in
	Plain  bool   // a sign-in would be in vain: see isPlain
	Wide   bool

	Passkeys bool // the page asks for passkeys
}

// Style, Script and Icon return the paths of the assets.
func (frame) Style() string  { return style.path() }
func (frame) Script() string { return script.path() }
func (frame) Icon() string   { return icon.path() }

// PasskeyScript returns the path of the script for passkeys, or "" if the page needs none.
func (f frame) PasskeyScript() string {
	if !f.Passkeys {
		return ""
	}
	return passkeys.path()
}

// frame returns the frame of a page. A notice is shown once, and so is a fault.
func (v *visit) frame(title string) frame {
	f := frame{App: v.pages.app, Title: title, Path: v.r.URL.Path, Notice: v.flow.Notice, Fault: v.flow.Problem, Signed: v.session != ""}
	f.Plain = !f.Signed && isPlain(v.r)
	v.flow.Notice, v.flow.Problem = "", ""
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
	header.Set("Content-Security-Policy", policyOf(page))
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	return web.Bytes(v.w, status, "text/html; charset=utf-8", buf.Bytes())
}

// A formPage is a page with one form.
type formPage struct {
	frame
	Lead    string
	Form    form // without an action: none
	Ways    ways
	Mailbox bool // the mail is at /mailbox
	Links   []link
}

// mailbox reports whether the browser may look for its mail at /mailbox.
func (v *visit) mailbox() bool { return v.pages.mailbox && web.IsLocal(v.r) }

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
	record.Err, record.Problem = err, errs.KindOf(err)
	return v.render(status, "form", page)
}

// incomplete answers with the page of a form whose fields have faults already.
func (v *visit) incomplete(page formPage) error {
	return v.render(http.StatusUnprocessableEntity, "form", page)
}
