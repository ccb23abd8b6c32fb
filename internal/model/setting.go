package model

import (
	"maps"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Setting is a text that may differ from place to place. The model file has the text itself, or says where it is:
// $NAME is an environment variable, and file:/path is a file. Resolve fetches it from there.
type Setting struct {
	Source string           // $NAME or file:/path; "" if the model file has the text
	Value  telemetry.Secret // "" before Resolve if there is a Source
	Pos    Pos
}

// Given reports whether the model has the setting.
func (s *Setting) Given() bool { return s.Source != "" || s.Value != "" }

// settings returns all settings that the accounts have a place for.
func (a *Accounts) settings() []*Setting {
	var all []*Setting
	for i := range a.Providers {
		p := &a.Providers[i]
		all = append(all, &p.ClientID, &p.ClientSecret, &p.Team, &p.KeyID, &p.Key)
	}
	return all
}

// Sources returns the sources of the settings of a model, each once and sorted: $NAME or file:/path.
func (m *Model) Sources() []string {
	var settings []*Setting
	if m.Accounts != nil {
		settings = m.Accounts.settings()
	}
	if m.Operate != nil {
		settings = append(settings, m.Operate.settings()...)
	}
	if m.Backups != nil {
		settings = append(settings, m.Backups.settings()...)
	}
	for _, target := range m.targets() {
		settings = append(settings, target.settings()...)
	}
	sources := make(map[string]bool)
	for _, setting := range settings {
		if setting.Source != "" {
			sources[setting.Source] = true
		}
	}
	return slices.Sorted(maps.Keys(sources))
}

// Resolve returns the accounts of the model with the values of all settings, and a fault for each missing one. It
// drops the white space around a value. A model without accounts has nil.
func (m *Model) Resolve(lookup func(name string) (string, bool), readFile func(path string) ([]byte, error)) (*Accounts, Faults) {
	if m.Accounts == nil {
		return nil, nil
	}
	accounts := *m.Accounts
	accounts.Providers = slices.Clone(accounts.Providers)
	var faults Faults
	for _, setting := range accounts.settings() {
		problem := setting.resolve(lookup, readFile)
		if problem != "" {
			faults = append(faults, m.Fault(setting.Pos, "%s", problem))
		}
	}
	return &accounts, faults.Sort()
}

// resolve fetches the value of a setting from its source. It returns what is wrong, or "".
func (s *Setting) resolve(lookup func(name string) (string, bool), readFile func(path string) ([]byte, error)) string {
	what, value := "", ""
	if path, ok := strings.CutPrefix(s.Source, "file:"); ok {
		data, err := readFile(path)
		if err != nil {
			return "cannot read the file: " + err.Error()
		}
		what, value = "the file "+path, string(data)
	} else if name, ok := strings.CutPrefix(s.Source, "$"); ok {
		what = "the environment variable " + name
		if value, ok = lookup(name); !ok {
			return what + " is not set: set it where the server starts"
		}
	} else {
		return ""
	}
	if value = strings.TrimSpace(value); value == "" {
		return what + " is empty"
	}
	s.Value = telemetry.Secret(value)
	return ""
}
