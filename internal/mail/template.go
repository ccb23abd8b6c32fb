package mail

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
)

//go:embed templates
var builtIn embed.FS

// kinds are the names of the templates.
var kinds = [...]string{"verify", "sign-in", "reset", "known", "invite", "changed", "alert", "endpoint"}

// A pair is a text template, with the subject in its first line, and the HTML template beside it.
type pair struct {
	text    *texttemplate.Template
	html    *htmltemplate.Template // nil: a mail of text alone
	builtIn bool
}

// kindTemplates are the templates of one name.
type kindTemplates struct {
	usual      *pair
	byLanguage map[string]*pair
}

// TemplateConfig says where the templates of an app are and what all its mails have in common.
type TemplateConfig struct {
	App    string // name of the app, for people
	Public string // URL of the app, which links begin with
	From   From
	Files  fs.FS    // files of the app; nil: only the embedded templates
	Folder string   // of the templates in Files
	Jobs   []string // names of templates of jobs
}

// Templates render messages. They are safe for concurrent use.
type Templates struct {
	app    string
	public *url.URL
	from   From
	byKind map[string]kindTemplates
}

// NewTemplates reads the templates of an app. Faulty templates are model.Faults.
func NewTemplates(cfg TemplateConfig) (*Templates, error) {
	public, err := parsePublic(cfg.Public)
	if err != nil {
		return nil, err
	}
	t := &Templates{app: OneLine(cfg.App, maxName), public: public, from: cfg.From}
	r, faults := readTemplates(cfg.Files, cfg.Folder, cfg.Jobs)
	if len(faults) > 0 {
		return nil, faults
	}
	t.byKind = r.byKind
	return t, nil
}

// parsePublic parses the URL that links begin with.
func parsePublic(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the public URL must be like https://app.example.com")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

// link returns a link on the public URL. The path may have a query and a fragment.
func (t *Templates) link(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	u, err := url.Parse(path)
	if err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || u.Host != "" || u.Scheme != "" || strings.ContainsAny(path, "\\ \"<>") || strings.ContainsFunc(path, isUnprintable) {
		return "", errors.New("the path of a link in a mail must begin with / and stay on the public URL")
	}
	return t.public.String() + u.String(), nil
}

// A view is what templates see.
type view struct {
	App, Name, By, Code, Link, Change, Device, Address, Keys string
	Minutes                                                  int
	At                                                       string
	Alert                                                    Alert
}

func (t *Templates) view(d Data) (view, error) {
	link, err := t.link(d.Path)
	v := view{
		App: t.app, Name: personName(d.Name), By: personName(d.By), Code: OneLine(d.Code, maxLine), Link: link, Change: OneLine(d.Change, maxName),
		Device: personName(d.Device), Address: OneLine(d.Address, maxName), Keys: OneLine(d.Keys, maxLine), Minutes: d.Minutes,
	}
	v.Alert = Alert{Severity: OneLine(d.Alert.Severity, maxName), Summary: OneLine(d.Alert.Summary, maxLine), Firing: d.Alert.Firing}
	for _, line := range d.Alert.Details[:min(len(d.Alert.Details), maxDetails)] {
		v.Alert.Details = append(v.Alert.Details, OneLine(line, maxLine))
	}
	if !d.At.IsZero() {
		v.At = d.At.UTC().Format("2006-01-02 15:04 MST")
	}
	return v, err
}

// maxDetails bounds the lines about an alert.
const maxDetails = 50

// render returns the mail of a message, in the most wanted language.
func (t *Templates) render(message Message, wanted string) (*outgoing, error) {
	templates, ok := t.byKind[message.Template]
	if !ok {
		return nil, fmt.Errorf("there is no mail template %q", message.Template)
	}
	v, err := t.view(message.Data)
	if err != nil {
		return nil, err
	}
	subject, text, html, err := templates.pick(wanted).render(v)
	if err != nil {
		return nil, err
	}
	if message.Subject != "" {
		subject = message.Subject
	}
	return &outgoing{from: t.from, to: message.To, subject: OneLine(subject, maxLine), text: text, html: html, at: time.Now()}, nil
}

// maxRendered bounds each half of a mail.
const maxRendered = 256 << 10

// render returns the three parts of a mail.
func (p *pair) render(v any) (subject, text, html string, err error) {
	var b strings.Builder
	if err := p.text.Execute(&b, v); err != nil {
		return "", "", "", err
	}
	subject, text, _ = strings.Cut(b.String(), "\n")
	if p.html != nil {
		var b strings.Builder
		if err := p.html.Execute(&b, v); err != nil {
			return "", "", "", err
		}
		html = b.String()
	}
	if len(text) > maxRendered || len(html) > maxRendered {
		return "", "", "", errors.New("a rendered mail is too large")
	}
	return strings.TrimSpace(subject), strings.TrimLeft(text, "\r\n"), html, nil
}

func isKind(name string) bool { return slices.Contains(kinds[:], name) }
