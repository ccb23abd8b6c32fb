package trace

import (
	"encoding/json"
	"fmt"
)

// Encode returns a trace as JSON, for a Keeper that stores it.
func Encode(t *Trace) []byte {
	body, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("trace: a trace is not JSON: %v", err)) // it has only plain fields
	}
	return body
}

// Decode reads what Encode wrote. Another version of the program may have written it: it ignores unknown members.
func Decode(body []byte) (t Trace, err error) {
	if err := json.Unmarshal(body, &t); err != nil {
		return Trace{}, fmt.Errorf("trace.Decode: %w", err)
	}
	return t, nil
}
