// A server. With --check, it only tells what it would say.
package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func hello(w io.Writer) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		fmt.Fprintln(w, err)
		return
	}
	//lint:ignore SA1019 only their number is asked for
	fmt.Fprintln(w, "Hello; authorities are known:", len(pool.Subjects()) > 0)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--check" {
		hello(os.Stdout)
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { hello(w) })
	if err := http.ListenAndServe(":8000", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
