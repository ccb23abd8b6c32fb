// Package certificates makes the page of the console about the certificates of the server.
package certificates

import (
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web/console"
	"github.com/ashlar-dev/ashlar/internal/web/tlscert"
)

// Config says where the page gets what it shows.
type Config struct {
	Status func() []tlscert.Status // nil: the server does not speak TLS itself
	Styles []string                // paths of styles
	Now    func() time.Time        // nil means time.Now
}

const path = "/console/certificates"

// Sections returns the section of the console, none for a server without TLS.
func Sections(cfg Config) []console.Section {
	if cfg.Status == nil {
		return nil
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return []console.Section{{Group: "Keeping", Title: "Certificates", Path: path, Styles: cfg.Styles, Routes: []console.Route{
		{Pattern: "GET " + path, Role: console.Viewer, Handler: cfg.list},
	}}}
}

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(console.Templates().ParseFS(templateFiles, "templates/*.html"))

// A row is a certificate on the page.
type row struct {
	tlscert.Status
	Days  int    // left
	State string // good or bad
	Word  string
}

func (c Config) list(q *console.Request) error {
	var rows []row
	for _, one := range c.Status() {
		rows = append(rows, rowOf(one, c.Now()))
	}
	return q.Page(http.StatusOK, "Certificates", templates.Lookup("certificates.html"), rows)
}

// soon is how long before its end a certificate is marked. One by ACME is renewed earlier.
const soon = 14 * 24 * time.Hour

func rowOf(one tlscert.Status, now time.Time) row {
	r := row{Status: one, Days: int(one.NotAfter.Sub(now) / (24 * time.Hour)), State: "good", Word: "valid"}
	switch {
	case one.NotAfter.IsZero():
		r.State, r.Word = "bad", "none yet"
	case !now.Before(one.NotAfter):
		r.State, r.Word = "bad", "expired"
	case now.Before(one.NotBefore):
		r.State, r.Word = "bad", "not valid yet"
	case one.NotAfter.Sub(now) < soon:
		r.State, r.Word = "bad", "expires soon"
	}
	return r
}
