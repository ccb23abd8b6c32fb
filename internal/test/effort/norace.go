//go:build !race

package effort

// Raced is true if the race detector watches this program.
const Raced = false
