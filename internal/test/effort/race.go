//go:build race

package effort

// Raced reports whether the race detector watches this program.
const Raced = true
