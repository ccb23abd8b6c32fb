package shape

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

const maxSortKeys = apilimit.SortKeys

// parseSort parses a list such as -created_at,title. The id ends every order, in the direction of the last key.
func parseSort(table *model.Table, sort string) ([]sqlgen.Key, error) {
	var keys []sqlgen.Key
	if sort != "" {
		for name := range strings.SplitSeq(sort, ",") {
			key, err := parseKey(table, name)
			if err != nil {
				return nil, err
			}
			for _, earlier := range keys {
				if earlier.Field == key.Field {
					return nil, errs.New(errs.Malformed, "sort names %s twice", key.Field.Name)
				}
			}
			keys = append(keys, key)
		}
	}
	if len(keys) > maxSortKeys {
		return nil, errs.New(errs.Malformed, "sort has more than %d keys", maxSortKeys)
	}
	for i, key := range keys {
		if key.Field == table.ID() {
			return keys[:i+1], nil // an id is unique, so later keys decide nothing
		}
	}
	desc := len(keys) > 0 && keys[len(keys)-1].Desc
	return append(keys, sqlgen.Key{Field: table.ID(), Desc: desc}), nil
}

func parseKey(table *model.Table, text string) (sqlgen.Key, error) {
	name, desc := strings.CutPrefix(text, "-")
	field := table.Field(name)
	switch {
	case name == "":
		return sqlgen.Key{}, render.EmptyName("sort")
	case field == nil || field.Secret:
		return sqlgen.Key{}, errs.New(errs.Malformed, "sort: %s has no field %q%s", table.Name, errs.Clip(name, 60), suggest.DidYouMean(name, render.ReadableNames(table)))
	case field.Type == model.JSON:
		return sqlgen.Key{}, errs.New(errs.Malformed, "sort: %s is json, which has no order", name)
	}
	return sqlgen.Key{Field: field, Desc: desc}, nil
}
