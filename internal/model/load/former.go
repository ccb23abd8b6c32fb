package load

import "github.com/ashlar-dev/ashlar/internal/model"

// readWas reads the former name of something with another name.
func (l *loader) readWas(value *node, name string) string {
	was, ok := l.readText(value, "was")
	switch {
	case !ok || !l.checkName(value.pos, "former", was):
		return ""
	case was == name:
		l.fault(value.pos, "was must be a former name, but this is the present one: remove it")
		return ""
	}
	return was
}

// checkFormerNames refuses a former name that another table or field has or had. Two fields or tables may swap their
// names: a name is free if its present owner has a former name too.
func (l *loader) checkFormerNames() {
	had := make(map[string]bool)
	for _, decl := range l.tables {
		if was := decl.table.Was; was != "" {
			other := l.model.Table(was)
			keepsName := other != nil && other.Was == ""
			l.checkFormerName(decl.value.get("was").pos, was, keepsName || had[was])
			had[was] = true
		}
		l.checkFormerFields(decl)
	}
}

func (l *loader) checkFormerFields(decl *tableDecl) {
	had := make(map[string]bool)
	for _, fieldDecl := range decl.fields {
		was := fieldDecl.field.Was
		if was == "" {
			continue
		}
		other := decl.table.Field(was)
		keepsName := other != nil && other.Was == ""
		l.checkFormerName(fieldDecl.value.get("was").pos, was, keepsName || had[was])
		had[was] = true
	}
}

func (l *loader) checkFormerName(at model.Pos, was string, taken bool) {
	if taken {
		l.fault(at, "%s cannot be the former name: something else has or had that name", was)
	}
}
