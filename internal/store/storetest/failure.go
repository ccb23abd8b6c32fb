package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// statementFails runs statements that are wrong, in a Read and in a Write.
func statementFails(t *testing.T, f *fixture) {
	for _, sql := range []string{`SELECT nothing FROM notes`, `SELECT no such syntax`} {
		query := func(reader store.Reader) error {
			return reader.Query(sql, nil, func(value.Row) error { return nil })
		}
		for name, err := range map[string]error{
			"Read":  f.db.Read(context.Background(), query),
			"Write": f.db.Write(context.Background(), func(tx store.Tx) error { return query(tx) }),
		} {
			failed, ok := errors.AsType[*store.StatementError](err)
			if !ok || failed.Message == "" || strings.Contains(failed.Message, sql) {
				t.Errorf("%s of %q = %v, want a StatementError whose message leaves out the statement", name, sql, err)
			}
			wantKind(t, name+" of a wrong statement", err, errs.Internal)
		}
	}
}
