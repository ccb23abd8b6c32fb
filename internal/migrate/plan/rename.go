package plan

import "github.com/ashlar-dev/ashlar/internal/sqlgen"

// Rename is one name that becomes another. Renames in one list are of one kind.
type Rename struct{ From, To string }

// InOrder returns renames in an order in which each new name is free when its turn comes. If names change places, one
// of them goes through a name that no model has.
func InOrder(all []Rename) []Rename {
	var done []Rename
	taken := make(map[string]bool)
	for _, r := range all {
		taken[r.From] = true
	}
	for len(all) > 0 {
		var wait []Rename
		for _, rename := range all {
			if taken[rename.To] && rename.To != rename.From {
				wait = append(wait, rename)
				continue
			}
			delete(taken, rename.From)
			if rename.From != rename.To {
				done = append(done, rename)
			}
		}
		if len(wait) == len(all) {
			by := sqlgen.Fit("_old_" + wait[0].From)
			done = append(done, Rename{wait[0].From, by})
			delete(taken, wait[0].From)
			wait[0].From = by
		}
		all = wait
	}
	return done
}

// TempName returns the name of a new object until its final name is free.
func TempName(name string) string { return sqlgen.Fit("_new_" + name) }
