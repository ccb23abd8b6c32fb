package record

import (
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// verify refuses a row of a view in which a column is not what the model says. A table refuses such a value when it is
// written; nothing does it for what a query makes, and a client was told what to expect.
func verify(t *model.Table, fields []*model.Field, row value.Row, first int) error {
	if t.View == nil {
		return nil
	}
	for i, f := range fields {
		if what := value.Verify(f, row, first+i); what != "" {
			cause := fmt.Errorf("the query of the view %s returns a row whose %s %s", t.Name, f.Name, what)
			return errs.Wrapf(cause, errs.Internal, "internal error")
		}
	}
	return nil
}

// verifyKeys is verify for the keys that the page is sorted by.
func (p *page) verifyKeys(row value.Row) error {
	if p.shape.table.View == nil {
		return nil
	}
	for i, k := range p.shape.sort {
		if err := verify(p.shape.table, []*model.Field{k.Field}, row, len(p.shape.out.Fields)+i); err != nil {
			return err
		}
	}
	return nil
}
