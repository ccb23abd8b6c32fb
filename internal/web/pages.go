package web

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// PageStyle is the style of the small HTML pages.
const PageStyle = `:root{color-scheme:light dark}` +
	`body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}` +
	`h1{font-size:1.4rem}code{font-family:ui-monospace,monospace}dt{font-weight:600}dd{margin:0 0 .6rem}`

var problemPage = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Status}} {{.Title}}</title><style>{{.Style}}</style></head>
<body><h1>{{.Status}}: {{.Title}}</h1><p>{{.Meaning}}</p><p>{{.Advice}}</p>
<p>In answers this is <code>"type": "/problems/{{.Kind}}"</code>. <a href="/problems">All problems</a> · <a href="/docs">The API</a></p></body></html>
`))

var problemIndex = template.Must(template.New("problems").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Problems</title><style>{{.Style}}</style></head>
<body><h1>Problems</h1><p>Every error is a document of type <code>application/problem+json</code> (RFC 9457). Its <code>type</code> is one of these. <a href="/docs">The API</a> says which operation answers which.</p>
<dl>{{range .Kinds}}<dt><a href="/problems/{{.Kind}}">{{.Kind}}</a> ({{.Status}})</dt><dd>{{.Meaning}}</dd>{{end}}</dl></body></html>
`))

// ProblemRoutes returns the pages about each kind of problem.
func ProblemRoutes() []Route {
	return []Route{
		{Pattern: "GET /problems", Handler: serveProblemIndex},
		{Pattern: "GET /problems/{kind}", Handler: serveProblem},
	}
}

func serveProblemIndex(w http.ResponseWriter, _ *http.Request) error {
	return renderPage(w, problemIndex, struct {
		Style template.CSS
		Kinds []Problem
	}{PageStyle, problems[:]})
}

func serveProblem(w http.ResponseWriter, r *http.Request) error {
	kind := errs.Kind(r.PathValue("kind"))
	k := problemOf(kind)
	if k.Kind != kind {
		return errs.New(errs.NotFound, "no such kind of problem")
	}
	return renderPage(w, problemPage, struct {
		Style template.CSS
		Problem
	}{PageStyle, *k})
}

func renderPage(w http.ResponseWriter, t *template.Template, data any) error {
	var buf bytes.Buffer
	if err := t.Execute(&buf, data); err != nil {
		return err
	}
	return Page(w, http.StatusOK, buf.Bytes(), PageStyle)
}
