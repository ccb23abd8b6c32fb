// An assembly file in a package lets its functions have no body. The functions in memory.go have theirs in x/crypto.
