package pages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// maxForm bounds the body of a post in bytes.
const maxForm = 64 << 10

// A form is the fields of a page and what is wrong with them.
type form struct {
	Action  string
	Fields  []field
	Hidden  []hidden
	Submit  string
	Danger  bool   // the button destroys something
	Problem string // what is wrong with the whole
	Count   int    // fields with a fault
}

// A hidden is a value that the browser sends along.
type hidden struct{ Name, Value string }

// A field is one input with its label.
type field struct {
	Name, Label, Value, Hint, Error string
	Type                            string // text, password, hidden user name, choices or select
	Complete                        string // value of autocomplete
	Mode                            string // value of inputmode
	Optional                        bool
	Focus                           bool
	Max                             int // characters; 0: no bound
	Options                         []option
}

// An option is one choice of a field.
type option struct {
	Value, Label, Hint string
	Chosen             bool
}

// Describes returns the ids of the texts about the field, for aria-describedby.
func (f field) Describes() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

// Fields that several forms have. An address is of type text: browsers turn other letters in a field of type email into
// Punycode, or refuse them.
func emailField(value string) field {
	return field{Name: "email", Label: "Email address", Type: "text", Value: value, Complete: "username", Mode: "email", Max: 254}
}

func passwordField(label string) field {
	return field{Name: "password", Label: label, Type: "password", Complete: "current-password", Max: 2048}
}

func newPasswordField(name, label, hint string) field {
	return field{Name: name, Label: label, Type: "password", Complete: "new-password", Hint: hint, Max: 2048}
}

func codeField(label, hint string) field {
	return field{Name: "code", Label: label, Type: "text", Complete: "one-time-code", Mode: "numeric", Hint: hint, Max: 40}
}

// read reads the body of a post and fills the form.
func (f *form) read(v *visit) (url.Values, error) {
	values, err := readBody(v.w, v.r)
	if err == nil {
		f.fill(values)
	}
	return values, err
}

// fill fills the form from values. It shows no password again. A field that must be given and is empty is a fault. Texts lose
// the blanks around them.
func (f *form) fill(values url.Values) {
	f.Count = 0
	for i := range f.Fields {
		at := &f.Fields[i]
		given := values.Get(at.Name)
		switch at.Type {
		case "choices", "select":
			for j := range at.Options {
				at.Options[j].Chosen = slices.Contains(values[at.Name], at.Options[j].Value)
			}
		case "password", "username":
		default:
			given = strings.TrimSpace(given)
			if values.Has(at.Name) {
				values.Set(at.Name, given)
			}
			at.Value = given
		}
		at.Error = ""
		if given == "" && !at.Optional {
			at.Error = "Fill this in."
			if at.Type == "choices" {
				at.Error = "Choose at least one."
			}
			f.Count++
		}
	}
}

// readBody reads the body of a post.
func readBody(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.ContentLength == 0 {
		return url.Values{}, nil
	}
	text, err := web.ReadBody(w, r, maxForm, "application/x-www-form-urlencoded")
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, errs.Wrapf(err, errs.Malformed, "the form cannot be read")
	}
	return values, nil
}

// refuse shows an error on the form: faults at their fields, the rest above them. It returns the status of the answer, and
// false for an error that is none of the form's.
func (f *form) refuse(v *visit, err error) (status int, ok bool) {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok || failure.StepUp != nil {
		return 0, false
	}
	switch failure.Kind {
	case errs.Limited, errs.Unavailable:
		f.Problem = waitFor(failure)
		return v.statusOf(failure), true
	case errs.Invalid, errs.Conflict, errs.Forbidden, errs.Unauthenticated:
	default:
		return 0, false
	}
	for _, fault := range failure.Faults {
		if !f.fault(fault) {
			f.Problem = sentence(fault.Detail)
		}
	}
	if f.Count == 0 && f.Problem == "" {
		f.Problem = sentence(failure.Message)
	}
	return http.StatusUnprocessableEntity, true
}

// fault shows a fault at its field, and reports whether there is one.
func (f *form) fault(fault errs.Fault) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(fault.Pointer, "/"), "/")
	at := slices.IndexFunc(f.Fields, func(each field) bool { return each.Name == name })
	if at < 0 || name == "" {
		return false
	}
	if f.Fields[at].Error == "" {
		f.Count++
	}
	f.Fields[at].Error = sentence(fault.Detail)
	return true
}

// Faulty returns the fields with a fault, for the summary.
func (f form) Faulty() []field {
	return slices.DeleteFunc(slices.Clone(f.Fields), func(each field) bool { return each.Error == "" })
}
