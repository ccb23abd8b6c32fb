package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Target is where a job or a webhook of a model sends its requests, with the values of all settings.
type Target struct {
	URL     Setting
	Secret  Setting
	Headers []JobHeader
}

// targets returns the targets of jobs and webhooks by name. They share their names.
func (m *Model) targets() map[string]*Target {
	all := make(map[string]*Target)
	for _, job := range m.Jobs {
		if job.Post != nil {
			all[job.Name] = &Target{URL: job.Post.URL, Secret: job.Post.Secret, Headers: slices.Clone(job.Post.Headers)}
		}
	}
	for _, webhook := range m.Webhooks {
		if webhook.To == nil {
			all[webhook.Name] = &Target{URL: webhook.URL, Secret: webhook.Secret}
		}
	}
	return all
}

// settings returns all settings that the target has a place for.
func (t *Target) settings() []*Setting {
	all := []*Setting{&t.URL, &t.Secret}
	for i := range t.Headers {
		all = append(all, &t.Headers[i].Value)
	}
	return all
}

// ResolveTargets returns the targets of jobs and webhooks by name, and a fault for each setting that is missing or wrong.
// See Resolve.
func (m *Model) ResolveTargets(lookup func(name string) (string, bool), readFile func(path string) ([]byte, error)) (map[string]*Target, Faults) {
	targets := m.targets()
	var faults Faults
	for _, target := range targets {
		for _, setting := range target.settings() {
			if setting.Source == "" {
				continue
			}
			problem := setting.resolve(lookup, readFile)
			if problem == "" {
				problem = target.check(setting)
			}
			if problem != "" {
				faults = append(faults, m.Fault(setting.Pos, "%s", problem))
			}
		}
	}
	return targets, faults.Sort()
}

// check returns what is wrong with the value of a setting, or "".
func (t *Target) check(setting *Setting) string {
	var err error
	switch setting {
	case &t.URL:
		err = CheckWebhook(string(setting.Value))
	case &t.Secret:
		err = CheckWebhookSecret(string(setting.Value))
	default:
		err = CheckHeaderValue(string(setting.Value))
	}
	if err == nil {
		return ""
	}
	return "the value in " + setting.Source + " is wrong: " + err.Error()
}

// maxHeaderValue bounds the value of a header in bytes. Servers accept 8 kB and more for all headers together.
const maxHeaderValue = 4096

// CheckHeaderValue returns what is wrong with the value of a header.
func CheckHeaderValue(text string) error {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case len(text) > maxHeaderValue:
		return fmt.Errorf("it has %d bytes, but may have at most %d", len(text), maxHeaderValue)
	case strings.ContainsFunc(text, unprintable):
		return errors.New("it must be printable ASCII")
	}
	return nil
}
