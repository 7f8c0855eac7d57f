// Command build makes the playground's page in a folder, which any web server that serves files can show. It is such a server itself with -serve.
//
//	go run ./docs/playground/build -o FOLDER
//	go run ./docs/playground/build -serve localhost:8080
package main

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"

	"github.com/adjoint-go/adjoint/docs/playground"
)

func main() {
	folder := flag.String("o", "", "`FOLDER` to write (default a temporary one)")
	address := flag.String("serve", "", "serve the page at `ADDRESS`, such as localhost:8080")
	flag.Parse()
	if err := run(*folder, *address); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

func run(folder, address string) (err error) {
	if folder == "" {
		if address == "" {
			return errors.New("give -o FOLDER, -serve ADDRESS or both")
		}
		if folder, err = os.MkdirTemp("", "playground"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	if err := playground.Build(folder); err != nil || address == "" {
		return err
	}
	fmt.Printf("http://%s\n", address)
	return http.ListenAndServe(address, http.FileServer(http.Dir(folder)))
}
