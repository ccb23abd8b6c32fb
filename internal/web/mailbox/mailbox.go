// Package mailbox shows the mails of an app in development, at /mailbox.
package mailbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/web"
)

//go:embed list.html mail.html mailbox.css
var files embed.FS

// maxList is the number of mails on the page.
const maxList = 100

// The policy lets no page load or run anything. Mails have styles of their own, and their frame inherits the policy.
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Pages are the pages of a mailbox.
type Pages struct {
	box  mail.Mailbox
	app  string
	list *template.Template
	mail *template.Template
}

// New returns the pages of a mailbox for an app of that name.
func New(box mail.Mailbox, app string) *Pages {
	return &Pages{
		box: box, app: app,
		list: template.Must(template.ParseFS(files, "list.html", "mailbox.css")),
		mail: template.Must(template.ParseFS(files, "mail.html", "mailbox.css")),
	}
}

// Routes returns the routes of the mailbox.
func (p *Pages) Routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /mailbox", Handler: onLoopback(p.serveList)},
		{Pattern: "GET /mailbox/{name}", Handler: onLoopback(p.serveMail)},
	}
}

// onLoopback hides a page from everybody who is not on this machine. The mails hold codes that sign people in.
func onLoopback(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !web.IsLocal(r) {
			return errs.New(errs.NotFound, "no such path")
		}
		return next(w, r)
	}
}

// A listPage is the page of all mails.
type listPage struct {
	App   string
	Mails []envelope
}

type envelope struct{ Path, Subject, To, At, Stamp string }

func (p *Pages) serveList(w http.ResponseWriter, _ *http.Request) error {
	found, err := p.box.List(maxList)
	if err != nil {
		return err
	}
	page := listPage{App: p.app}
	for _, each := range found {
		page.Mails = append(page.Mails, envelopeOf(each))
	}
	return render(w, p.list, page)
}

func envelopeOf(e mail.Envelope) envelope {
	subject := e.Subject
	if subject == "" {
		subject = "(no subject)"
	}
	return envelope{
		Path: "/mailbox/" + e.Name, Subject: subject, To: strings.Trim(e.To, "<>"),
		At: e.At.Local().Format("2 Jan 2006, 15:04:05"), Stamp: e.At.UTC().Format(time.RFC3339),
	}
}

// A mailPage is the page of one mail.
type mailPage struct {
	App string
	envelope
	From string
	Text []span
	HTML string // document for the frame; "" for a mail of text alone
}

// A span is a part of a text. A link leads to its own text.
type span struct {
	Text string
	Link bool
}

func (p *Pages) serveMail(w http.ResponseWriter, r *http.Request) error {
	found, err := p.box.Read(r.PathValue("name"))
	if err != nil {
		return err
	}
	return render(w, p.mail, mailPage{
		App: p.app, envelope: envelopeOf(found.Envelope), From: found.From, Text: spans(found.Text), HTML: framed(found.HTML),
	})
}

// link is an address in a text.
var link = regexp.MustCompile(`https?://[^\s<>"']*[^\s<>"'.,;:!?)]`)

// spans splits a text into links and what stands between them.
func spans(text string) (all []span) {
	end := 0
	for _, at := range link.FindAllStringIndex(text, -1) {
		all = append(all, span{Text: text[end:at[0]]}, span{text[at[0]:at[1]], true})
		end = at[1]
	}
	return append(all, span{Text: text[end:]})
}

// framed makes the links of a mail open in a tab of their own: the sandbox lets none replace our page.
func framed(document string) string {
	const target = `<base target="_blank">`
	if document == "" {
		return ""
	}
	if head := strings.Index(document, "<head>"); head >= 0 {
		head += len("<head>")
		return document[:head] + target + document[head:]
	}
	return target + document
}

func render(w http.ResponseWriter, t *template.Template, page any) error {
	var buf bytes.Buffer
	if err := t.Execute(&buf, page); err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", policy)
	return web.Bytes(w, http.StatusOK, "text/html; charset=utf-8", buf.Bytes())
}
