package move

import (
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// mark marks the target as unfinished. It refuses a target with tables, unless an earlier move marked it. Then it
// returns the tables left behind by that move. The tables of the engine do not count.
func (mv *mover) mark(tx store.Tx) (left []string, err error) {
	if err := system.LockAgainstMigrations(tx); err != nil {
		return nil, err
	}
	names, err := system.TableNames(tx)
	if err != nil {
		return nil, err
	}
	again, err := system.IsMoving(tx)
	if err != nil {
		return nil, err
	}
	left = slices.DeleteFunc(names, func(name string) bool {
		return (name == system.MetaTable && again) || slices.Contains(mv.to.EngineTables(), name)
	})
	if len(left) > 0 && !again {
		return nil, errs.New(errs.Conflict, "the target is not empty: it holds %s. A move only fills an empty database; it never merges or overwrites", firstOf(left))
	}
	now := time.Now()
	steps, err := system.Steps(tx, now)
	if err != nil {
		return nil, err
	}
	if len(steps) > 0 && len(left) > 0 {
		return nil, errs.New(errs.Conflict, "an earlier release of Ashlar has begun to fill the target: finish the move with that release, or name an empty database")
	}
	var statements []string
	for _, s := range steps {
		statements = append(statements, s.Statements...)
	}
	if !again {
		statements = append(statements, sqlgen.Define(mv.dialect, mv.own.Table(system.MetaTable)).WithTriggers()...)
	}
	for _, sql := range statements {
		if _, err := tx.Exec(sql, nil); err != nil {
			return nil, err
		}
	}
	return left, system.MarkMoving(tx, mv.cfg.From, now)
}

// firstOf lists the first of many names.
func firstOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return "the tables " + strings.Join(names, ", ")
	}
	return "the tables " + strings.Join(names[:most], ", ") + ", …"
}
