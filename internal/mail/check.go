package mail

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxTemplate bounds a template file.
const maxTemplate = 256 << 10

// Check renders each template in a folder of an app with sample data, and returns what is wrong with them. A folder that is
// missing has no faults. problems has what is wrong with the templates of jobs, by their names.
func Check(files fs.FS, folder string, jobs []JobTemplate) (faults model.Faults, problems map[string]string) {
	names := make([]string, len(jobs))
	for i, wanted := range jobs {
		names[i] = wanted.Name
	}
	r, faults := readTemplates(files, folder, names)
	problems = map[string]string{}
	for _, wanted := range jobs {
		if problem := r.missing(folder, wanted); problem != "" && len(faults) == 0 {
			problems[wanted.Name] = problem
		}
	}
	return faults, problems
}

// readTemplates reads the embedded templates, and then the templates of a folder, which replace them. jobs are the names of
// templates of jobs.
func readTemplates(files fs.FS, folder string, jobs []string) (*templateReader, model.Faults) {
	r := &templateReader{byKind: map[string]kindTemplates{}, jobs: jobs}
	r.read(builtIn, "templates", true)
	if len(r.faults) > 0 {
		panic("mail: embedded templates: " + r.faults.Error())
	}
	if files != nil && folder != "" {
		r.read(files, folder, false)
	}
	return r, r.faults.Sort()
}

// A templateReader reads folders of templates.
type templateReader struct {
	byKind map[string]kindTemplates
	jobs   []string // names of templates of jobs
	faults model.Faults
	lines  map[string][]string // of the files, for faults
}

func (r *templateReader) fault(file string, line, column int, format string, args ...any) {
	m := &model.Model{Lines: r.lines}
	r.faults = append(r.faults, m.Fault(model.Pos{File: file, Line: max(line, 1), Col: max(column, 1)}, format, args...))
}

func (r *templateReader) read(files fs.FS, folder string, builtIn bool) {
	entries, err := fs.ReadDir(files, path.Clean(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		r.fault(folder, 1, 1, "the folder of mail templates cannot be read: %v", err)
		return
	}
	sources := map[string]string{} // by file name
	r.lines = map[string][]string{}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || strings.HasPrefix(name, ".") || !slices.Contains([]string{".txt", ".html"}, path.Ext(name)) {
			continue
		}
		source, err := readSource(files, path.Join(folder, name))
		if err != nil {
			r.fault(path.Join(folder, name), 1, 1, "%v", err)
			continue
		}
		sources[name] = source
		r.lines[path.Join(folder, name)] = strings.Split(source, "\n")
	}
	for name, source := range sources {
		r.add(folder, name, source, sources, builtIn)
	}
}

func readSource(files fs.FS, name string) (string, error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return "", err
	}
	if info.Size() > maxTemplate {
		return "", fmt.Errorf("a mail template has at most %d bytes", maxTemplate)
	}
	source, err := fs.ReadFile(files, name)
	return strings.ReplaceAll(string(source), "\r\n", "\n"), err
}

// add adds the pair of a text. It also says what is wrong with an HTML file that has no text.
func (r *templateReader) add(folder, name, source string, sources map[string]string, builtIn bool) {
	file, stem := path.Join(folder, name), strings.TrimSuffix(name, path.Ext(name))
	kind, tag, hasTag := strings.Cut(stem, ".")
	ofJob := slices.Contains(r.jobs, kind) && !isKind(kind)
	if !isKind(kind) && !ofJob {
		names := append(kinds[:len(kinds):len(kinds)], r.jobs...)
		r.fault(file, 1, 1, "there is no mail called %s%s: the mails are %s", kind, suggest.DidYouMean(kind, names), strings.Join(names, ", "))
		return
	}
	language, isLanguage := languageOf(tag)
	if hasTag && !isLanguage {
		r.fault(file, 1, 1, "%s is no language: write verify.de.txt or verify.pt-BR.txt", tag)
		return
	}
	if path.Ext(name) == ".html" {
		if _, ok := sources[stem+".txt"]; !ok {
			r.fault(file, 1, 1, "%s.txt is missing: it has the subject and the text for programs that show no HTML", stem)
		}
		return
	}
	p := r.parse(folder, stem, source, sources)
	if p == nil || !(ofJob || r.try(folder, stem, kind, p)) {
		return
	}
	p.builtIn = builtIn
	templates := r.byKind[kind]
	switch {
	case !hasTag:
		templates.usual = p
	case templates.byLanguage == nil:
		templates.byLanguage = map[string]*pair{language: p}
	default:
		templates.byLanguage[language] = p
	}
	r.byKind[kind] = templates
}

// missingKey makes a member that the data lacks an error. It would be shown as <no value>.
const missingKey = "missingkey=error"

// parse parses both templates of a pair.
func (r *templateReader) parse(folder, stem, text string, sources map[string]string) *pair {
	p := &pair{}
	var err error
	if p.text, err = texttemplate.New(stem + ".txt").Option(missingKey).Parse(text); err != nil {
		r.explain(folder, stem+".txt", err)
		return nil
	}
	html, ok := sources[stem+".html"]
	if !ok {
		return p
	}
	if p.html, err = htmltemplate.New(stem + ".html").Option(missingKey).Parse(html); err != nil {
		r.explain(folder, stem+".html", err)
		return nil
	}
	return p
}

// faultForm matches the errors of both template packages.
var faultForm = regexp.MustCompile(`^(?:html/)?template: ?([^:]+):(\d+)(?::(\d+))?: (?s:(.*))$`)

// explain adds the fault that an error of a template package describes.
func (r *templateReader) explain(folder, name string, err error) {
	line, column, message := 1, 1, err.Error()
	if found := faultForm.FindStringSubmatch(message); found != nil {
		name, message = found[1], found[4]
		line, _ = strconv.Atoi(found[2])
		if n, err := strconv.Atoi(found[3]); err == nil {
			column = n + 1
		}
		message = strings.ReplaceAll(message, " in type mail.view", "")
	}
	r.fault(path.Join(folder, name), line, column, "%s", errs.Clip(message, maxError))
}

// samples are values for each branch of a template.
func samples() (all []view) {
	for _, change := range []string{"password", "new factor", "factor", "provider", "provider removed", "device", "email", "session"} {
		full := view{
			App: "App", Name: "Ada", By: "Grace", Code: "12345678", Link: "https://app.example.com/account/verify#sample", Change: change,
			Device: "Firefox on Linux", Address: "192.0.2.1", Keys: "ashl_0123", Minutes: 10, At: time.Unix(0, 0).UTC().Format("2006-01-02 15:04 MST"),
		}
		full.Alert = Alert{Severity: "page", Summary: "api: 60 of 3600 requests failed", Firing: true, Details: []string{"objective: 99.9 %"}}
		all = append(all, full, view{App: full.App, Code: full.Code, Link: full.Link, Change: change, Minutes: full.Minutes})
	}
	return all
}

// try renders a pair with samples and reports whether it is sound.
func (r *templateReader) try(folder, stem, kind string, p *pair) bool {
	before := len(r.faults)
	for _, sample := range samples() {
		subject, text, html, err := p.render(sample)
		if err != nil {
			r.explain(folder, stem+".txt", err)
			break
		}
		if subject == "" {
			r.fault(path.Join(folder, stem+".txt"), 1, 1, "the first line is the subject, and it is empty")
			break
		}
		if slices.Contains([]string{"verify", "sign-in", "reset", "invite"}, kind) {
			r.needProof(path.Join(folder, stem+".txt"), text, sample)
			if p.html != nil {
				r.needProof(path.Join(folder, stem+".html"), htmlText(html), sample)
			}
		}
		if len(r.faults) > before {
			break
		}
	}
	return len(r.faults) == before
}

// needProof adds a fault if a mail shows neither the code nor the link.
func (r *templateReader) needProof(file, text string, sample view) {
	if !strings.Contains(text, sample.Code) && !strings.Contains(text, sample.Link) {
		r.fault(file, 1, 1, "the mail shows neither {{.Code}} nor {{.Link}}, so nobody can use it")
	}
}

// htmlText undoes the escapes that a link has in HTML.
func htmlText(html string) string { return strings.ReplaceAll(html, "&#43;", "+") }
