package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// writeLimits writes the limits in force.
func writeLimits(out io.Writer, limits *model.Limits) error {
	fmt.Fprintln(out, "limits:")
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range limits.Rules {
		fmt.Fprintf(columns, "  %s\t%s\n", limits.Rules[i].Name, &limits.Rules[i])
	}
	fmt.Fprintf(columns, "  query\t%s\n", &limits.Query)
	return columns.Flush()
}

// writeKeepers writes who may keep answers, with the tables whose answers they are.
func writeKeepers(out io.Writer, rules *rule.Rules) {
	var keepers []string
	tables := make(map[string][]string)
	for _, table := range rules.Model.All() {
		keeper := keeperOf(rules, table)
		if tables[keeper] == nil {
			keepers = append(keepers, keeper)
		}
		tables[keeper] = append(tables[keeper], table.Name)
	}
	fmt.Fprintln(out, "answers may be kept by:")
	for _, keeper := range keepers {
		fmt.Fprintf(out, "  %s: %s\n", keeper, strings.Join(tables[keeper], ", "))
	}
}

// keeperOf returns who may keep answers with rows of a table.
func keeperOf(rules *rule.Rules, table *model.Table) string {
	by, cache := rules.DiffersBy(table), table.Cache
	if by.Binds {
		return "nobody, because a rule compares with now"
	}
	node := "the node for everybody"
	if by.Caller {
		node = "the node for identical callers"
	}
	if cache.Stale > 0 {
		node += ", " + model.FormatDuration(cache.Stale) + " without asking the database"
	}
	if cache.Public > 0 {
		return "proxies and browsers for " + model.FormatDuration(cache.Public) + ", and " + node
	}
	return node
}
