package openapi

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// names are the names of a table in generated clients. They are unique in the model, without regard to case, since
// some generators name files after them.
type names struct {
	one  string // a row, such as Occupation; other schemas add a suffix
	many string // the list, such as Occupations
}

// Suffixes of the schemas of a table.
const (
	partSuffix   = "Part"   // a row, perhaps without members omitted by `fields`
	listSuffix   = "List"   // a page of rows
	createSuffix = "Create" // the body of a POST
	updateSuffix = "Update" // the body of a PATCH
)

// nameTables gives all tables their names. Earlier tables choose first, so a new table at the end of a file renames nothing.
func nameTables(m *model.Model) map[*model.Table]names {
	schemas := taken{}
	for _, s := range sharedSchemas() {
		schemas[strings.ToLower(s.name)] = true
	}
	lists := taken{}
	out := map[*model.Table]names{}
	for _, table := range m.All() {
		many := pascal(table.Name)
		one := pascal(singular(table.Name))
		if !schemas.free(family(one)) {
			one = many
		}
		out[table] = names{
			one:  schemas.claim(one, family),
			many: lists.claim(many, func(text string) []string { return []string{text} }),
		}
	}
	return out
}

// family returns the names of all schemas of a table.
func family(one string) []string {
	return []string{one, one + partSuffix, one + listSuffix, one + createSuffix, one + updateSuffix}
}

// taken holds the names in use, in lower case.
type taken map[string]bool

func (t taken) free(all []string) bool {
	for _, name := range all {
		if t[strings.ToLower(name)] {
			return false
		}
	}
	return true
}

// claim takes a name and its family. If one of them is taken, it adds a number to the name.
func (t taken) claim(name string, family func(string) []string) string {
	unique := name
	for n := 2; !t.free(family(unique)); n++ {
		unique = name + strconv.Itoa(n)
	}
	for _, text := range family(unique) {
		t[strings.ToLower(text)] = true
	}
	return unique
}

// pascal returns OccupationSkills for occupation_skills.
func pascal(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}

// readable returns "occupation skills" for occupation_skills.
func readable(name string) string { return strings.ReplaceAll(name, "_", " ") }

// article returns the name with a or an before it.
func article(name string) string {
	if strings.ContainsRune("aeio", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// singular returns the name of one row of a table. It makes the last word singular by rules of English. A word
// outside the rules stays unchanged: that reads badly but breaks nothing.
func singular(table string) string {
	head, last := "", table
	if i := strings.LastIndexByte(table, '_'); i >= 0 {
		head, last = table[:i+1], table[i+1:]
	}
	return head + singularWord(last)
}

func singularWord(w string) string {
	if one, ok := irregular(w); ok {
		return one
	}
	for _, r := range [...]struct{ end, one string }{
		{"ies", "y"},
		{"sses", "ss"}, {"shes", "sh"}, {"tches", "tch"}, {"nches", "nch"}, {"aches", "ach"}, {"oaches", "oach"},
		{"xes", "x"}, {"zzes", "zz"}, {"oes", "o"},
		{"ses", "se"},
		{"ss", "ss"}, {"us", "us"}, {"is", "is"},
		{"s", ""},
	} {
		if stem, ok := strings.CutSuffix(w, r.end); ok && len(stem) > 1 {
			return stem + r.one
		}
	}
	return w
}

// irregular returns the singular of likely names of tables that the rules get wrong.
func irregular(w string) (string, bool) {
	const pairs = " people person children child men man women woman mice mouse geese goose feet foot teeth tooth" +
		" movies movie cookies cookie ties tie pies pie lies lie zombies zombie calories calorie series series species species" +
		" news news data data media media lens lens caches cache headaches headache moustaches moustache aches ache" +
		" shoes shoe toes toe canoes canoe axes axis quizzes quiz" +
		" statuses status buses bus viruses virus bonuses bonus campuses campus censuses census focuses focus menus menu" +
		" aliases alias biases bias canvases canvas gases gas atlases atlas lenses lens analyses analysis theses thesis hypotheses hypothesis" +
		" crises crisis diagnoses diagnosis wives wife knives knife lives life wolves wolf shelves shelf halves half leaves leaf" +
		" loaves loaf thieves thief indices index matrices matrix vertices vertex criteria criterion phenomena phenomenon "
	words := strings.Fields(pairs)
	for i := 0; i < len(words); i += 2 {
		if words[i] == w {
			return words[i+1], true
		}
	}
	return "", false
}
