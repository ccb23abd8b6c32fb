package sqlgen

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Revision is the hidden column that holds a row's revision.
const Revision = "_rev"

// maxIdentifier is the number of bytes that PostgreSQL keeps of an identifier.
const maxIdentifier = 63

// Fit shortens a name to the length of an identifier. A hash of the whole name keeps two long names apart.
func Fit(name string) string {
	if len(name) <= maxIdentifier {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := "__" + hex.EncodeToString(sum[:6])
	return strings.TrimRight(name[:maxIdentifier-len(hash)], "_") + hash
}

// These functions name what belongs to a field. The primary key and the constraints have names of their own only in
// PostgreSQL, since it would otherwise choose names that a table of the model may have.

// KeyName returns the name of the primary key.
func KeyName(f *model.Field) string { return nameOf("p_", f) }

// ReferenceName returns the name of the foreign key.
func ReferenceName(f *model.Field) string { return nameOf("f_", f) }

// CheckName returns the name of the check of an enum's values.
func CheckName(f *model.Field) string { return nameOf("k_", f) }

// NotNullName returns the name of the check that a column has a value.
func NotNullName(f *model.Field) string { return nameOf("n_", f) }

// TriggerName returns the name of the trigger of a reference that a deletion clears, in both dialects.
func TriggerName(f *model.Field) string { return nameOf("c_", f) }

// nameOf joins the names of a table and a field with two underscores. No name of a model has two, so that (a_b, c) and
// (a, b_c) differ.
func nameOf(prefix string, f *model.Field) string { return Fit(prefix + f.Table.Name + "__" + f.Name) }

// indexName returns the name of an index. An index on the lower-case form of a column has a name of its own, because the
// column itself may have an index too.
func indexName(table string, unique, caseless bool, columns []string) string {
	prefix := "i_"
	switch {
	case caseless:
		prefix = "l_"
	case unique:
		prefix = "u_"
	}
	return Fit(prefix + table + "__" + strings.Join(columns, "__"))
}
