package console

import (
	"embed"
	"html/template"
	"slices"
	"strconv"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.New("console").Funcs(functions()).ParseFS(templateFiles, "templates/*.html"))

// Templates returns the templates that pages share, such as "time" and "pager", for the pages of other packages.
func Templates() *template.Template {
	return template.Must(template.New("shared").Funcs(functions()).ParseFS(templateFiles, "templates/parts.html"))
}

// Time forms of the pages. A script shows the viewer's zone.
const (
	shownTime = "2006-01-02 15:04:05"
	inputTime = "2006-01-02T15:04"
)

func functions() template.FuncMap {
	return template.FuncMap{
		"rfc":      func(at any) string { return format(at, time.RFC3339) },
		"utc":      func(at any) string { return format(at, shownTime) + " UTC" },
		"contains": slices.Contains[[]string],
		"grouped":  Grouped,
		"took":     Took,
		"plural":   func(n int, one string) string { return Plural(int64(n), one) },
		"args":     func(path, text string) action { return action{path, text} },
	}
}

// An action is a form with one button: where it goes, and what it is about.
type action struct{ Path, Text string }

// Grouped prints a number with a comma after each thousand.
func Grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// format prints a time.Time or *time.Time in UTC.
func format(at any, layout string) string {
	switch at := at.(type) {
	case time.Time:
		return at.UTC().Format(layout)
	case *time.Time:
		return at.UTC().Format(layout)
	}
	return ""
}
