// Package snapshot encodes a model as the JSON that a database keeps of it.
package snapshot

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Encode returns a model without faults in JSON. Equal models give equal bytes. Views are left out, since a database
// has no tables for them.
func Encode(app *model.Model) []byte {
	var buffer bytes.Buffer
	e := json.NewEncoder(&buffer)
	e.SetEscapeHTML(false) // rules stay readable
	if err := e.Encode(storedModelOf(app)); err != nil {
		panic("snapshot: a model that JSON cannot hold: " + err.Error())
	}
	return bytes.TrimRight(buffer.Bytes(), "\n")
}

// Decode returns the model given to Encode. It lacks what only files have: views, positions, compiled JSON Schemas
// and relations to one row. Encode returns the same bytes for it.
func Decode(data []byte) (*model.Model, error) { return DecodeBeside(data, &model.Model{}) }

// DecodeBeside is Decode for a model whose references may lead to tables of another model. Such a reference gets the
// type of the key that it now leads to.
func DecodeBeside(data []byte, other *model.Model) (*model.Model, error) {
	stored, err := parse(data)
	if err != nil {
		return nil, err
	}
	return restore(stored, other)
}

// parse reads the JSON and checks its format.
func parse(data []byte) (*storedModel, error) {
	var version struct {
		Format int `json:"ashlar"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if version.Format < 1 || version.Format > currentFormat {
		return nil, fmt.Errorf("the stored model has format %d, but this server reads formats 1 to %d: use the server version that wrote it, or a later one",
			version.Format, currentFormat)
	}
	var stored storedModel
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&stored); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if decoder.More() {
		return nil, damaged("more data follows it")
	}
	return &stored, nil
}
