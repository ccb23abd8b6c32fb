package record

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// verify refuses a row of a view if a column contradicts the model. Rows of a table were checked when they were written.
// The fields begin with column first.
func verify(t *model.Table, fields []*model.Field, cols value.Row, first int) error {
	if t.View == nil {
		return nil
	}
	for i, f := range fields {
		if what := value.Verify(f, cols, first+i); what != "" {
			cause := fmt.Errorf("the query of the view %s returns a row whose %s %s", t.Name, f.Name, what)
			return errs.Wrapf(cause, errs.Internal, "internal error")
		}
	}
	return nil
}
