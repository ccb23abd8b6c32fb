package pages_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var (
	inputs    = regexp.MustCompile(`<input[^>]*>`)
	isSecret  = regexp.MustCompile(` name="(password|old|new)"`)
	isMasked  = regexp.MustCompile(` type="password"`)
	isManaged = regexp.MustCompile(` autocomplete="(current|new)-password"`)
)

// Fields for passwords are masked, and open to password managers and the clipboard (ASVS 6.2.6, 6.2.7).
func TestPasswordFieldsAreMaskedAndOpenToManagers(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	answers := everyPage(b)
	b.signUp(ann)
	found := 0
	for _, a := range append(answers, everyPage(b)...) {
		for _, input := range inputs.FindAllString(a.body, -1) {
			switch secret, masked := isSecret.MatchString(input), isMasked.MatchString(input); {
			case secret != masked:
				t.Errorf("%s: %s", a.Request.URL.Path, input)
			case secret && !isManaged.MatchString(input):
				t.Errorf("%s: a manager does not know %s", a.Request.URL.Path, input)
			case secret:
				found++
			}
			if strings.Contains(input, "onpaste") {
				t.Errorf("%s: %s", a.Request.URL.Path, input)
			}
		}
		for _, script := range regexp.MustCompile(`src="(/account/assets/[^"]*)"`).FindAllStringSubmatch(a.body, -1) {
			if text := b.get(script[1]); text.StatusCode != http.StatusOK || strings.Contains(text.body, "paste") {
				t.Errorf("%s: %d, or it handles pasting", script[1], text.StatusCode)
			}
		}
	}
	if found < 5 {
		t.Errorf("%d fields for passwords", found)
	}
}

// Each page of somebody who has signed in leads to the sign-out (ASVS 7.4.4).
func TestEveryPageOfASessionLeadsToTheSignOut(t *testing.T) {
	b := open(t, nil).browser(t)
	b.signUp(ann)
	pages := 0
	for _, a := range everyPage(b) {
		if a.StatusCode != http.StatusOK {
			continue
		}
		pages++
		if !strings.Contains(a.body, `/account/sign-out"`) {
			t.Errorf("%s has no way out", a.Request.URL.Path)
		}
	}
	if pages < 8 {
		t.Errorf("%d pages", pages)
	}
}
