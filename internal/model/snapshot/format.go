package snapshot

import "encoding/json"

// currentFormat is the latest format. Raise it if an older server would misread the data. Decode reads format 1 like
// format 2 without caseless fields.
//
// Format 3 is format 2 with references to tables of another model. A server of format 2 takes such a model for a
// damaged one, so only a model with such a reference has format 3.
const currentFormat = 3

// storedModel is the JSON of a model. Lists of fields hold column names.
type storedModel struct {
	Format int           `json:"ashlar"`
	Name   string        `json:"name"`
	Roles  []string      `json:"roles,omitempty"`
	Tables []storedTable `json:"tables"`
}

type storedTable struct {
	Name    string        `json:"name"`
	Was     string        `json:"was,omitempty"`
	Doc     string        `json:"doc,omitempty"`
	Key     string        `json:"key"`
	Fields  []storedField `json:"fields"`
	Unique  [][]string    `json:"unique,omitempty"`
	Indexes [][]string    `json:"indexes,omitempty"`
	Search  []string      `json:"search,omitempty"`
	Access  storedAccess  `json:"access"`
	Checks  []storedCheck `json:"checks,omitempty"`
}

type storedField struct {
	Name      string `json:"name"` // column
	Was       string `json:"was,omitempty"`
	Doc       string `json:"doc,omitempty"`
	Type      string `json:"type"`
	Ref       string `json:"ref,omitempty"`
	Reverse   string `json:"reverse,omitempty"`
	OnDelete  string `json:"on_delete,omitempty"`
	System    bool   `json:"system,omitempty"`
	Optional  bool   `json:"optional,omitempty"`
	Unique    bool   `json:"unique,omitempty"`
	Caseless  bool   `json:"caseless,omitempty"` // since format 2
	Index     bool   `json:"index,omitempty"`
	Sparse    bool   `json:"sparse,omitempty"` // since layout 3 of the system tables
	Immutable bool   `json:"immutable,omitempty"`
	Secret    bool   `json:"secret,omitempty"`

	Default         string `json:"default,omitempty"`
	ConstantDefault bool   `json:"default_is_constant,omitempty"`
	Read            string `json:"read,omitempty"`
	Write           string `json:"write,omitempty"`

	Min       *int64           `json:"min,omitempty"` // in the unit of model.Field.Min
	Max       *int64           `json:"max,omitempty"`
	MinFloat  *float64         `json:"min_float,omitempty"`
	MaxFloat  *float64         `json:"max_float,omitempty"`
	Pattern   string           `json:"pattern,omitempty"`
	Format    string           `json:"format,omitempty"`
	Precision int              `json:"precision,omitempty"`
	Scale     int              `json:"scale,omitempty"`
	Values    []storedValue    `json:"values,omitempty"`
	Schema    *json.RawMessage `json:"schema,omitempty"`
}

type storedValue struct {
	Name string `json:"name"`
	Was  string `json:"was,omitempty"`
}

// storedAccess holds the text of rules, "" for none.
type storedAccess struct {
	Read       string `json:"read,omitempty"`
	Create     string `json:"create,omitempty"`
	UpdateFrom string `json:"update_from,omitempty"`
	UpdateTo   string `json:"update_to,omitempty"`
	Delete     string `json:"delete,omitempty"`
}

type storedCheck struct {
	Expr    string `json:"expr"`
	Message string `json:"message"`
}
