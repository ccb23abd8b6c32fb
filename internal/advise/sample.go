package advise

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Recorded queries have no values, so values are taken from the rows. A row counts as often as it is there, which is how
// often real queries ask for its values.

const (
	sampledRows = 64      // rows kept of a table
	scannedRows = 500_000 // rows read of a table
)

// A sampler takes rows of tables at random.
type sampler struct {
	db     store.DB
	random *rand.Rand
	kept   map[*model.Table][]sampleRow
}

// sampleRow is a row of a table, in the order of its fields.
type sampleRow []value.Value

func newSampler(db store.DB) *sampler {
	return &sampler{db: db, random: rand.New(rand.NewPCG(1, 2)), kept: map[*model.Table][]sampleRow{}} // the same values each time
}

// rows returns rows of a table, the same each time.
func (s *sampler) rows(ctx context.Context, table *model.Table) ([]sampleRow, error) {
	if kept, ok := s.kept[table]; ok {
		return kept, nil
	}
	kept, err := s.scan(ctx, table)
	if err != nil {
		return nil, err
	}
	s.kept[table] = kept
	return kept, nil
}

// errEnough ends a scan.
type errEnough struct{}

func (errEnough) Error() string { return "enough rows" }

// scan keeps each row with the same chance.
func (s *sampler) scan(ctx context.Context, table *model.Table) (kept []sampleRow, err error) {
	raw := sqlgen.RawTable{Name: table.Name}
	var fields []*model.Field
	for _, field := range table.Fields {
		if isArgument(field) {
			raw.Columns = append(raw.Columns, field.Name)
			fields = append(fields, field)
		}
	}
	err = s.db.Read(ctx, func(r store.Reader) error {
		n := 0
		kept = kept[:0]
		return r.Query(raw.Select(), nil, func(row value.Row) error {
			n++
			at := len(kept)
			if at == sampledRows {
				if at = s.random.IntN(n); at >= sampledRows {
					if n >= scannedRows {
						return errEnough{}
					}
					return nil
				}
			} else {
				kept = append(kept, nil)
			}
			values := make(sampleRow, len(table.Fields))
			for i, field := range fields {
				values[slices.Index(table.Fields, field)] = value.Scan(field, row, i)
			}
			kept[at] = values
			return nil
		})
	})
	if err == (errEnough{}) {
		err = nil
	}
	return kept, err
}

// isArgument returns true if values of the field can be arguments.
func isArgument(field *model.Field) bool {
	return field.Type != model.JSON && field.Type != model.Invalid && !field.Secret
}

// pick returns a row of a table, or nil if it is empty.
func (s *sampler) pick(ctx context.Context, table *model.Table) (sampleRow, error) {
	rows, err := s.rows(ctx, table)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[s.random.IntN(len(rows))], nil
}

// valueOf returns the value of a field in own, a row of ownTable. Without such a row, each value of the column has
// the same chance, however many rows have it.
func (s *sampler) valueOf(ctx context.Context, field *model.Field, own sampleRow, ownTable *model.Table) (value.Value, error) {
	if field.Table.View != nil {
		if field = sourceOf(field); field == nil {
			return value.Value{}, nil
		}
	}
	at := slices.Index(field.Table.Fields, field)
	if own != nil && field.Table == ownTable && !own[at].IsNull() {
		return own[at], nil
	}
	values, err := s.values(ctx, field)
	if err != nil || len(values) == 0 {
		return value.Value{}, err
	}
	return values[s.random.IntN(len(values))], nil
}

// values returns values of a field, each once.
func (s *sampler) values(ctx context.Context, field *model.Field) (values []value.Value, err error) {
	for _, member := range field.Values {
		values = append(values, value.OfText(member.Name))
	}
	if values != nil {
		return values, nil
	}
	rows, err := s.rows(ctx, field.Table)
	at := slices.Index(field.Table.Fields, field)
	for _, row := range rows {
		if v := row[at]; !v.IsNull() && !slices.ContainsFunc(values, v.Equal) {
			values = append(values, v)
		}
	}
	return values, err
}

// sourceOf returns a field of a stored table with the values of a view's field, or nil.
func sourceOf(field *model.Field) *model.Field {
	for _, read := range field.Table.View.Reads {
		if source := read.Table.Field(field.Name); source != nil && source.Type == field.Type && source.Name != "id" {
			return source
		}
	}
	if field.Ref != nil && field.Ref.View == nil {
		return field.Ref.ID()
	}
	return nil
}

// textOf returns a value as an argument of a request.
func textOf(v value.Value) string {
	text := value.AppendValue(nil, v)
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		return plain
	}
	return string(text)
}

// pieceOf returns a piece of a text, for a search.
func pieceOf(text string) string {
	runes := []rune(text)
	const piece = 4
	if len(runes) <= piece {
		return text
	}
	return string(runes[:piece])
}

// anyValue returns a value of a kind that no column tells more about.
func anyValue(kind value.Kind) string {
	switch kind {
	case value.Bool:
		return "true"
	case value.Timestamp:
		return "2026-01-01T00:00:00Z"
	case value.Date:
		return "2026-01-01"
	case value.Duration:
		return "24h"
	case value.Text:
		return "a"
	default:
		return "1"
	}
}
