// Command ashlar turns a model file into an API.
package main

import (
	"os"

	"github.com/ashlar-dev/ashlar"
)

func main() { os.Exit(ashlar.Main(nil)) }
