// Command ashlar turns a model file into an API.
package main

import (
	"os"

	_ "golang.org/x/crypto/x509roots/fallback" // an image made from scratch has no authorities

	"github.com/ashlar-dev/ashlar/internal/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
