package migrate

import "github.com/ashlar-dev/ashlar/internal/sqlgen"

// rename is one name that becomes another. Renames in one list are of one kind.
type rename struct{ from, to string }

// inOrder returns renames in an order in which each new name is free when its turn comes. If names change places, one
// of them goes through a name that no model has.
func inOrder(all []rename) []rename {
	var done []rename
	taken := make(map[string]bool)
	for _, r := range all {
		taken[r.from] = true
	}
	for len(all) > 0 {
		var wait []rename
		for _, rename := range all {
			if taken[rename.to] && rename.to != rename.from {
				wait = append(wait, rename)
				continue
			}
			delete(taken, rename.from)
			if rename.from != rename.to {
				done = append(done, rename)
			}
		}
		if len(wait) == len(all) {
			by := sqlgen.Fit("_old_" + wait[0].from)
			done = append(done, rename{wait[0].from, by})
			delete(taken, wait[0].from)
			wait[0].from = by
		}
		all = wait
	}
	return done
}

// tempName returns the name of a new object until its final name is free.
func tempName(name string) string { return sqlgen.Fit("_new_" + name) }
