package cli

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/schema"
)

// warnings is what may be a mistake in a model that has no faults.
func warnings(m *schema.Model) schema.Faults {
	var found schema.Faults
	for _, t := range m.Tables {
		if present(t.Access.Read, t.Access.Create, t.Access.UpdateFrom, t.Access.Delete) == 0 {
			found = append(found, m.Fault(t.Pos, "%s has no access rules, so it is closed to everyone but the seed: give it `access:`", t.Name))
		}
		for _, f := range t.Fields {
			if f.Unique && f.Read != nil {
				found = append(found, m.Fault(f.Pos, "%s.%s is unique and has a read rule: a 409 tells whoever may write it that a value exists, also where the rule hides it", t.Name, f.Name))
			}
		}
		for _, f := range t.Fields {
			if beyondJavaScript(f) {
				found = append(found, m.Fault(f.Pos, "%s.%s may go beyond 2^53, where JavaScript loses digits of a number: give it `as: string`", t.Name, f.Name))
			}
		}
		for _, fields := range t.Unique {
			if hidden := withReadRule(fields); len(hidden) > 0 {
				found = append(found, m.Fault(t.Pos, "%s is unique by %s, which has a read rule: a 409 tells whoever may write it that a combination exists, also where the rule hides it",
					t.Name, strings.Join(hidden, ", ")))
			}
		}
	}
	for _, t := range m.Views {
		if t.Access.Read == nil {
			found = append(found, m.Fault(t.Pos, "%s has no rule for reading, so it is closed to everyone: give it `access: {read: …}`", t.Name))
		}
		if t.View.SQLite == nil {
			found = append(found, m.Fault(t.Pos, "the query of %s is for PostgreSQL alone: it is checked when the app is served from there", t.Name))
		}
	}
	return found.Sort()
}

// maxSafeInteger is the largest number up to which JavaScript has every int (ECMA-262, Number.MAX_SAFE_INTEGER).
const maxSafeInteger = 1<<53 - 1

// beyondJavaScript says whether an int is declared to hold numbers that JavaScript does not.
func beyondJavaScript(f *schema.Field) bool {
	return plainInt(f) && (f.Max != nil && *f.Max > maxSafeInteger || f.Min != nil && *f.Min < -maxSafeInteger)
}

// plainInt says whether JSON has a field as a whole number that is no id.
func plainInt(f *schema.Field) bool {
	return f.Type == schema.Int && f.Ref == nil && !f.System && !f.AsString
}

// openInts names the ints of a model that have no max.
func openInts(m *schema.Model) []string {
	var names []string
	for _, t := range m.Tables {
		for _, f := range t.Fields {
			if plainInt(f) && f.Max == nil {
				names = append(names, t.Name+"."+f.Name)
			}
		}
	}
	return names
}

func withReadRule(fields []*schema.Field) []string {
	var names []string
	for _, f := range fields {
		if f.Read != nil {
			names = append(names, f.Name)
		}
	}
	return names
}
