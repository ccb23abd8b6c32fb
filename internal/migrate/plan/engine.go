package plan

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Engine is what a plan depends on in a database engine.
type Engine interface {
	Dialect() sqlgen.Dialect
	// AddSteps adds the steps that carry out the changes of the planner.
	AddSteps(p *Planner)
	// Rewrites reports whether the engine must write values anew that both fields store alike.
	Rewrites(was, is *model.Field) bool
	// ByteLength returns the number of bytes of a text column.
	ByteLength(column string) string
}
