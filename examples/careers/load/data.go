package main

import (
	"encoding/json"

	"github.com/google/uuid"
)

// A table holds the rows for one table of the guide. A wave is rows without references to each other, so they are created
// in any order. Rows may refer to rows of earlier waves.
type table struct {
	name  string
	waves [][]row
}

func (t table) size() int {
	size := 0
	for _, wave := range t.waves {
		size += len(wave)
	}
	return size
}

// A row is one row to create.
type row struct {
	id   string // as in the path of the API
	body []byte // JSON object with the id
}

// members are the members of a JSON object. A nil value stands for a missing member.
type members map[string]any

// newRow makes a row of its members.
func newRow(id string, fields members) (row, error) {
	for name, field := range fields {
		if field == nil {
			delete(fields, name)
		}
	}
	if _, ok := fields["id"]; !ok {
		fields["id"] = id
	}
	body, err := json.Marshal(fields)
	return row{id, body}, err
}

// space is the name space for ids of rows without a key in the data. It must never change, because a second run must make
// the same ids as the first.
var space = uuid.MustParse("6f1d0a52-9a0e-4c1e-8b0a-3c2f5d7e9b11")

// derivedID makes a UUID from a table and a key of two parts. It is the same for the same arguments.
func derivedID(table, a, b string) string {
	return uuid.NewSHA1(space, []byte(table+"\x00"+a+"\x00"+b)).String()
}
