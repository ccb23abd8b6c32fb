package cli

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// accountNotes returns what a model needs of the place where it runs, and which rules ask for more than a sign-in.
func accountNotes(rules *rule.Rules) (notes []string) {
	m := rules.Model
	if sources := m.Sources(); len(sources) > 0 {
		notes = append(notes, "the server needs "+enumerate(sources))
	}
	if m.Accounts == nil {
		return notes
	}
	if asking := askingProof(rules); len(asking) > 0 {
		notes = append(notes, "a second factor or a recent sign-in is needed by "+enumerate(asking))
	}
	if m.Accounts.Signup == model.SignupOpen && m.Accounts.Verify == model.VerifyLater {
		notes = append(notes, "with `verify: later`, sign-up tells everybody which addresses have an account; with `before` it does not")
	}
	return notes
}

// askingProof returns the names of the rules that ask for a second factor or for a recent proof.
func askingProof(rules *rule.Rules) (names []string) {
	for _, table := range rules.Model.All() {
		compiled := rules.Table(table)
		for _, access := range []struct {
			name  string
			nodes []rule.Node
		}{
			{"read", []rule.Node{compiled.Read}},
			{"create", []rule.Node{compiled.Create}},
			{"update", []rule.Node{compiled.UpdateFrom, compiled.UpdateTo}},
			{"delete", []rule.Node{compiled.Delete}},
		} {
			if asksProof(access.nodes) {
				names = append(names, access.name+" of "+table.Name)
			}
		}
		for _, field := range table.Fields {
			names = append(names, askingOf(rules, field)...)
		}
	}
	return names
}

func askingOf(rules *rule.Rules, field *model.Field) (names []string) {
	compiled := rules.Field(field)
	if compiled.Read != nil && rule.AsksProof(compiled.Read) {
		names = append(names, "read of "+field.Table.Name+"."+field.Name)
	}
	if compiled.Write != nil && rule.AsksProof(compiled.Write) {
		names = append(names, "write of "+field.Table.Name+"."+field.Name)
	}
	return names
}

func asksProof(nodes []rule.Node) bool {
	for _, node := range nodes {
		if rule.AsksProof(node) {
			return true
		}
	}
	return false
}

// enumerate joins words: a, b and c.
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
