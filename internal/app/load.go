package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// Loaded is an app with a checked and compiled model. Nothing of it is open.
type Loaded struct {
	Dir   string
	Rules *rule.Rules // of the model
}

// Load reads the model of the app in dir and compiles its expressions. It returns all faults together, in a
// model.Faults.
func Load(dir string) (*Loaded, error) {
	if err := checkFolder(dir); err != nil {
		return nil, err
	}
	m, faults := load.Dir(dir)
	if m == nil {
		return nil, faults
	}
	var queries error
	if len(faults) == 0 { // a faulty model may lack tables that a query names
		queries = checkQueries(m)
	}
	rules, more := rule.CompileModel(m)
	faults = append(faults, more...)
	if ofQueries, ok := errors.AsType[model.Faults](queries); ok {
		faults, queries = append(faults, ofQueries...), nil
	}
	if faults = append(faults, checkMails(dir, m)...); len(faults) > 0 {
		return nil, faults.Sort()
	}
	if queries != nil {
		return nil, queries
	}
	return &Loaded{Dir: dir, Rules: rules}, nil
}

// checkMails returns the faults of the mail templates of an app.
func checkMails(dir string, m *model.Model) model.Faults {
	if m.Accounts == nil || m.Accounts.Mail.Folder == "" {
		return nil
	}
	folder := m.Accounts.Mail.Folder
	if _, err := os.Stat(filepath.Join(dir, folder)); errors.Is(err, fs.ErrNotExist) {
		return model.Faults{m.Fault(m.Accounts.At("mail", "folder"), "there is no folder %s of mail templates: make it, or leave the key out", folder)}
	}
	faults, problems := mail.Check(os.DirFS(dir), folder, jobTemplates(m))
	for _, j := range m.Jobs {
		if j.Mail == nil {
			continue
		}
		if problem := problems[j.Mail.Template]; problem != "" {
			faults = append(faults, m.Fault(j.Pos, "%s", problem))
		}
	}
	return faults
}

// jobTemplates returns the mail templates of jobs, each once, with what every job that uses it sends.
func jobTemplates(m *model.Model) (all []mail.JobTemplate) {
	for _, j := range m.Jobs {
		if j.Mail == nil {
			continue
		}
		shown := shownBy(j)
		i := slices.IndexFunc(all, func(t mail.JobTemplate) bool { return t.Name == j.Mail.Template })
		if i < 0 {
			all = append(all, mail.JobTemplate{Name: j.Mail.Template, Shows: shown})
			continue
		}
		all[i].Shows = slices.DeleteFunc(all[i].Shows, func(name string) bool { return !slices.Contains(shown, name) })
	}
	return all
}

// shownBy returns the members of the data of a mail.
func shownBy(j *model.Job) (names []string) {
	switch {
	case j.AboutRow():
		names = []string{"id"}
	case j.Timed():
		return []string{"due"}
	}
	for _, path := range j.Mail.Send {
		first, _, _ := strings.Cut(path, ".")
		names = append(names, first)
	}
	return names
}

// checkFolder returns what to do if dir cannot be an app.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s: name the folder that holds ashlar.yaml", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is a file: name the folder that holds ashlar.yaml, here %s", dir, filepath.Dir(dir))
	}
	_, err = os.Stat(filepath.Join(dir, "ashlar.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no ashlar.yaml in %s: %s", dir, missingAdvice(dir))
	}
	return nil // the loader reports any other problem as a fault
}

// missingAdvice returns what to do if ashlar.yaml is missing.
func missingAdvice(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, "ashlar.yml")); err == nil {
		return "rename ashlar.yml to ashlar.yaml"
	}
	return `name the folder that holds it, or begin with these lines:

ashlar: 1
name: notes
tables:
  notes:
    fields: {text: {type: text, max: 500}}
    access: {read: true, create: true}`
}
