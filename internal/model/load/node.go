package load

import (
	"go.yaml.in/yaml/v4"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// kind is the kind of a node of a model file.
type kind uint8

const (
	invalid kind = iota // reported as a fault, so its readers stay silent
	null
	boolean
	integer
	float
	text
	list
	object
)

var kindNames = [...]string{"invalid", "nothing", "true or false", "a number", "a number", "text", "a list", "a group of keys"}

// String names the kind in messages.
func (k kind) String() string { return kindNames[k] }

// node is one value of a model file.
type node struct {
	kind       kind
	pos        model.Pos
	text       string // of a scalar
	style      yaml.Style
	items      []*node  // of a list
	members    []member // of an object, each key once
	incomplete bool     // a faulty member was left out, so a key that seems missing may exist
}

// member is one key of an object with its value.
type member struct {
	name  string
	pos   model.Pos
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(name string) *node {
	for _, key := range n.members {
		if key.name == name {
			return key.value
		}
	}
	return nil
}

// given returns the value of a key, or nil if the key is missing or has no value.
func (n *node) given(name string) *node {
	if value := n.get(name); value != nil && value.kind != null {
		return value
	}
	return nil
}

// quoted reports whether quotes or a block style mark a scalar as text.
func (n *node) quoted() bool { return n.style != 0 }
