package pages

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// A keysPage lists API keys, and shows a new one once.
type keysPage struct {
	frame
	Keys []key
	New  string
}

type key struct {
	ID, Name, Prefix, Scopes string
	Created, CreatedAt       string
	Expires, ExpiresAt       string
	Used, UsedAt             string // "" if it was never used
	Over                     bool
}

func (p *Pages) listKeys(v *visit) error {
	all, err := p.service.Keys(v.r.Context(), v.who)
	if err != nil {
		return err
	}
	page := keysPage{frame: v.frame("API keys"), New: v.flow.Key}
	page.Wide = true
	v.flow.Key = ""
	for _, each := range slices.Backward(all) {
		row := key{
			ID: each.ID, Name: each.Name, Prefix: each.Prefix, Scopes: strings.Join(each.Scopes, ", "),
			Created: moment(each.Created), CreatedAt: stamp(each.Created),
		}
		if each.Expires != nil {
			row.Expires, row.ExpiresAt, row.Over = moment(*each.Expires), stamp(*each.Expires), !time.Now().Before(*each.Expires)
		}
		if each.Used != nil {
			row.Used, row.UsedAt = moment(*each.Used), stamp(*each.Used)
		}
		page.Keys = append(page.Keys, row)
	}
	return v.render(http.StatusOK, "keys", page)
}

// usualLives are the lives of keys that the page offers, as far as the model allows them.
var usualLives = []time.Duration{7 * day, 30 * day, 90 * day, 180 * day, 365 * day}

func (p *Pages) newKeyPage(v *visit) formPage {
	page := formPage{
		frame: v.frame("New API key"),
		Lead:  "A program sends the key instead of signing in. It may do what you may do, within its scopes.",
		Form: form{Action: newKeyPath, Submit: "Make the key", Fields: []field{
			{Name: "name", Label: "Name", Type: "text", Complete: "off", Max: 100, Hint: "What the key is for, such as “Nightly import”."},
		}},
		Links: []link{{"", "Back to the keys", keysPath}},
	}
	if scopes := p.rules.Keys.Scopes; len(scopes) > 0 {
		choices := field{Name: "scopes", Label: "Scopes", Type: "choices"}
		for _, scope := range scopes {
			choices.Options = append(choices.Options, option{Value: scope.Name, Label: scope.Name, Hint: describe(&scope.Scopes)})
		}
		page.Form.Fields = append(page.Form.Fields, choices)
	}
	longest := p.rules.Keys.Longest
	if longest <= 0 {
		longest = 365 * day
	}
	life := field{Name: "expires_at", Label: "Valid for", Type: "select"}
	for _, each := range usualLives {
		if each < longest {
			life.Options = append(life.Options, option{Value: each.String(), Label: span(each)})
		}
	}
	life.Options = append(life.Options, option{Value: "", Label: span(longest) + ", the longest"})
	life.Optional = true
	life.Options[min(1, len(life.Options)-1)].Chosen = true
	page.Form.Fields = append(page.Form.Fields, life)
	return page
}

// describe says what a scope allows.
func describe(scopes *caller.Scopes) string {
	var parts []string
	names := make([]string, 0, len(scopes.Tables))
	for name := range scopes.Tables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		var can []string
		for _, each := range []struct {
			operation caller.Operations
			word      string
		}{{caller.MayRead, "read"}, {caller.MayCreate, "create"}, {caller.MayUpdate, "change"}, {caller.MayDelete, "delete"}} {
			if scopes.Tables[name]&each.operation != 0 {
				can = append(can, each.word)
			}
		}
		parts = append(parts, strings.Join(can, ", ")+" "+name)
	}
	if len(scopes.Jobs) > 0 {
		parts = append(parts, "start "+strings.Join(scopes.Jobs, ", "))
	}
	return strings.Join(parts, "; ")
}

func (p *Pages) newKey(v *visit) error {
	if err := p.service.Fresh(v.who); err != nil {
		return err
	}
	return v.show(p.newKeyPage(v))
}

func (p *Pages) postNewKey(v *visit) error {
	page := p.newKeyPage(v)
	values, err := page.Form.read(v)
	if err != nil {
		return err
	}
	want := account.NewKey{Name: values.Get("name"), Scopes: values["scopes"]}
	if text := values.Get("expires_at"); text != "" {
		life, err := time.ParseDuration(text)
		if err != nil {
			page.Form.Fields[len(page.Form.Fields)-1].Error = "Choose one of these."
			page.Form.Count++
		}
		ends := time.Now().Add(life)
		want.Expires = &ends
	}
	if page.Form.Count > 0 {
		return v.incomplete(page)
	}
	made, err := p.service.MakeKey(v.r.Context(), v.who, want, v.client())
	if err != nil {
		return v.refuse(page, err)
	}
	return v.showKey(made, "The key is made.")
}

// showKey leads to the list of keys, which shows the new one once.
func (v *visit) showKey(made account.Key, notice string) error {
	v.flow.Session, v.flow.Key, v.flow.Notice = v.session, made.Text, notice
	return v.redirect(keysPath)
}

func (p *Pages) rotateKey(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	made, err := p.service.RotateKey(v.r.Context(), v.who, values.Get("id"), v.client())
	if err != nil {
		return err
	}
	return v.showKey(made, "The key has a successor. The old one works for one more day.")
}

func (p *Pages) endKey(v *visit) error {
	values, err := readBody(v.w, v.r)
	if err != nil {
		return err
	}
	if err := p.service.EndKey(v.r.Context(), v.who, values.Get("id"), v.client()); err != nil {
		return err
	}
	v.flow.Notice = "The key is deleted."
	return v.redirect(keysPath)
}
