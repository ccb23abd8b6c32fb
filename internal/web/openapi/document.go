package openapi

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// document is a document under construction.
type document struct {
	rules    *rule.Rules
	routes   []web.Route
	names    map[*model.Table]names
	may      map[*model.Table]access
	stranger rule.Folder
}
