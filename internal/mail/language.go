package mail

import (
	"strings"

	"golang.org/x/text/language"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// MaxLang bounds the wanted languages of a letter, in characters.
const MaxLang = 100

// maxLanguages bounds the languages of a letter that are looked at.
const maxLanguages = 8

// languages returns the tags of an Accept-Language header and their bases, the most wanted first: de-AT, de, en.
func languages(header string) (tags []string) {
	parsed, _, err := language.ParseAcceptLanguage(errs.Clip(header, MaxLang))
	if err != nil {
		return nil
	}
	for i, tag := range parsed {
		if i == maxLanguages {
			break
		}
		base, _ := tag.Base()
		tags = append(tags, strings.ToLower(tag.String()), base.String())
	}
	return tags
}

// builtInLanguage is the language of the embedded templates.
const builtInLanguage = "en"

// pick returns the template of the most wanted language.
func (k kindTemplates) pick(wanted string) *pair {
	for _, tag := range languages(wanted) {
		if found := k.byLanguage[tag]; found != nil {
			return found
		}
		if tag == builtInLanguage && k.usual.builtIn {
			return k.usual
		}
	}
	return k.usual
}

// languageOf returns the key of a template's language, or false if the text is no language tag.
func languageOf(text string) (string, bool) {
	tag, err := language.Parse(text)
	return strings.ToLower(tag.String()), err == nil
}
